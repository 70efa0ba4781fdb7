package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"

	"leafmesh/mesh"
)

// floodVariable makes this program the peer that floods. Its value is the public key
// of the node that imports from it.
const floodVariable = "LEAFMESH_BENCH_FLOOD_TO"

// floodPeer is the process of a peer that floods. It prints where it listens and its public key,
// floods from the first line of its input on, and ends with its input.
type floodPeer struct {
	process *exec.Cmd
	input   io.WriteCloser
	url     string
	key     string
}

func startFloodPeer(importer string) (*floodPeer, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &floodPeer{process: exec.Command(program)}
	p.process.Env = append(os.Environ(), floodVariable+"="+importer)
	p.process.Stderr = os.Stderr
	if p.input, err = p.process.StdinPipe(); err != nil {
		return nil, err
	}
	output, err := p.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.process.Start(); err != nil {
		return nil, err
	}
	address, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read its address: %w", err), p.stop())
	}
	if _, err := fmt.Sscan(address, &p.url, &p.key); err != nil {
		return nil, errors.Join(fmt.Errorf("read its address and key: %w", err), p.stop())
	}
	return p, nil
}

func (p *floodPeer) start() error {
	_, err := io.WriteString(p.input, "flood\n")
	return err
}

func (p *floodPeer) stop() error { return errors.Join(p.input.Close(), p.process.Wait()) }

// beFloodPeer is that process.
func beFloodPeer(ctx context.Context, importer string, in io.Reader, out io.Writer) (err error) {
	seed, key, err := newKey()
	if err != nil {
		return err
	}
	node, err := mesh.Open(ctx, exporterTo(importer, "clue-1", seed))
	if err != nil {
		return err
	}
	root := node.Context(ctx)
	flood := &torrent{emit: func() error { return judged.Emit(root, sample) }}
	defer func() { err = errors.Join(err, flood.stop(), node.Close(context.WithoutCancel(ctx))) }()
	if _, err := fmt.Fprintln(out, "nats-leaf://"+node.ListenAddr(), key); err != nil {
		return err
	}
	orders := bufio.NewScanner(in)
	if orders.Scan() {
		if err := flood.start(); err != nil {
			return err
		}
	}
	for orders.Scan() {
	}
	return orders.Err()
}
