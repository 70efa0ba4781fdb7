package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"leafmesh/mesh"
)

// idleVariable makes this program an idle process: what it is, and whom it dials.
const idleVariable = "LEAFMESH_BENCH_IDLE"

// idleFor is how long an idle process is looked at, after it has had idleBefore to come to rest.
const (
	idleFor    = 2 * time.Second
	idleBefore = 500 * time.Millisecond
)

// idleProcess is a process with a node that imports from one here, or with a stock nats-server that
// is a leaf of one here. Nothing is emitted. What it takes is read from /proc, so it is known on
// Linux only.
func idleProcess(kind string) side {
	name := "a process with a leafmesh node"
	if kind != leafmeshKind {
		name = "a process with a stock leaf"
	}
	return side{name: name, open: func(ctx context.Context, _ func()) (carrier, error) {
		c := &idleCarrier{}
		if err := c.open(ctx, kind); err != nil {
			return nil, errors.Join(err, c.close(ctx))
		}
		return c, nil
	}}
}

const leafmeshKind = "leafmesh"

type idleCarrier struct {
	node    *mesh.Node     // that is imported from
	server  *server.Server // or the leaf's other end
	process *exec.Cmd
	input   io.WriteCloser
	usage
}

// usage is what a process takes.
type usage struct {
	resident float64 // bytes
	idling   float64 // ns of processor time in a second
}

func (c *idleCarrier) open(ctx context.Context, kind string) error {
	var settings string
	if kind == leafmeshKind {
		seed, key, err := newKey()
		if err != nil {
			return err
		}
		ownSeed, ownKey, err := newKey()
		if err != nil {
			return err
		}
		if c.node, err = mesh.Open(ctx, exporterTo(key, "clue-1", ownSeed)); err != nil {
			return err
		}
		text, err := seed.Resolve()
		if err != nil {
			return err
		}
		settings = strings.Join([]string{kind, "nats-leaf://" + c.node.ListenAddr(), ownKey, text}, " ")
	} else {
		var err error
		if c.server, err = startServer(ctx, `leafnodes { listen: "127.0.0.1:-1" }`); err != nil {
			return err
		}
		varz, err := c.server.Varz(nil)
		if err != nil {
			return fmt.Errorf("find the leaf port: %w", err)
		}
		settings = fmt.Sprintf("%s nats-leaf://127.0.0.1:%d", kind, varz.LeafNode.Port)
	}
	return c.start(settings)
}

// start starts the process, and returns when it is linked.
func (c *idleCarrier) start(settings string) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	c.process = exec.Command(program)
	c.process.Env = append(os.Environ(), idleVariable+"="+settings)
	c.process.Stderr = os.Stderr
	if c.input, err = c.process.StdinPipe(); err != nil {
		return err
	}
	output, err := c.process.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.process.Start(); err != nil {
		return err
	}
	if _, err := bufio.NewReader(output).ReadString('\n'); err != nil {
		return fmt.Errorf("wait for the idle process: %w", err)
	}
	return nil
}

// carry looks at the process for a while.
func (c *idleCarrier) carry(ctx context.Context, _ int) error {
	if err := rest(ctx, idleBefore); err != nil {
		return err
	}
	folder := filepath.Join("/proc", strconv.Itoa(c.process.Process.Pid))
	before, err := usageOf(folder)
	if err != nil {
		return err
	}
	begun := time.Now()
	if err := rest(ctx, idleFor); err != nil {
		return err
	}
	after, err := usageOf(folder)
	if err != nil {
		return err
	}
	c.usage = usage{after.resident, (after.idling - before.idling) / time.Since(begun).Seconds()}
	return nil
}

func rest(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// usageOf reads what a process takes from its folder in /proc; idling is its processor time so far.
// What the system does not tell is 0: the rows of it are left out.
func usageOf(folder string) (u usage, err error) {
	var size, pages int
	text, err := os.ReadFile(filepath.Join(folder, "statm"))
	if errors.Is(err, fs.ErrNotExist) {
		return u, nil
	}
	if err != nil {
		return u, fmt.Errorf("read the memory of a process: %w", err)
	}
	if _, err := fmt.Sscan(string(text), &size, &pages); err != nil {
		return u, fmt.Errorf("read the memory of a process: %w", err)
	}
	u.resident = float64(pages * os.Getpagesize())
	if _, err := os.Stat(filepath.Join(folder, "schedstat")); errors.Is(err, fs.ErrNotExist) {
		return u, nil
	}
	threads, err := filepath.Glob(filepath.Join(folder, "task", "*", "schedstat"))
	if err != nil {
		return u, fmt.Errorf("list the threads of a process: %w", err)
	}
	for _, thread := range threads { // in nanoseconds; a thread of Go does not end
		text, err := os.ReadFile(thread)
		if err != nil {
			return u, fmt.Errorf("read the time of a thread: %w", err)
		}
		var nanos float64
		if _, err := fmt.Sscan(string(text), &nanos); err != nil {
			return u, fmt.Errorf("read the time of a thread: %w", err)
		}
		u.idling += nanos
	}
	return u, nil
}

func (c *idleCarrier) observe(f *figures)                        { f.Resident, f.Idling = c.resident, c.idling }
func (c *idleCarrier) emit(context.Context, *answerJudged) error { return nil } // carry looks

func (c *idleCarrier) close(ctx context.Context) (err error) {
	if c.process != nil && c.process.Process != nil {
		err = errors.Join(c.input.Close(), c.process.Wait())
	}
	if c.node != nil {
		err = errors.Join(err, c.node.Close(ctx))
	}
	if c.server != nil {
		c.server.Shutdown()
		c.server.WaitForShutdown()
	}
	return err
}

// beIdle is that process. It says when it is linked, and ends with its input.
func beIdle(ctx context.Context, settings string, in io.Reader, out io.Writer) (err error) {
	words := strings.Fields(settings)
	if words[0] == leafmeshKind {
		node, err := mesh.Open(ctx, mesh.Config{Name: "score-1", Seed: mesh.NewSecret(words[3]),
			Peers:   []mesh.Peer{{Name: "clue-1", URL: words[1], Key: words[2]}},
			Imports: []mesh.Import{judged.Import(mesh.Limit{}, mesh.Shared)}, Handlers: []mesh.Handler{counting(func() {})}})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, node.Close(context.WithoutCancel(ctx))) }()
		if err := node.Ready(ctx); err != nil {
			return err
		}
	} else {
		leaf, err := startServer(ctx, fmt.Sprintf("leafnodes { remotes: [ {url: %q} ] }", words[1]))
		if err != nil {
			return err
		}
		defer leaf.Shutdown()
		for leaf.NumLeafNodes() == 0 {
			if err := rest(ctx, time.Millisecond); err != nil {
				return err
			}
		}
	}
	if _, err := fmt.Fprintln(out, "linked"); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, in)
	return err
}
