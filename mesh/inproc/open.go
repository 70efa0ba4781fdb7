package inproc

import (
	"context"
	"errors"
	"sync"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/config"
)

// Nodes are nodes that run in one process.
type Nodes []*mesh.Node

// Open starts several nodes in one process and links them. Listen, Seed, Peers and Links of the
// configurations are replaced by free ports and by keys made up for this process. It does not wait
// for the links: see [Nodes.Ready].
func Open(ctx context.Context, configs ...config.Node) (_ Nodes, err error) {
	configs, err = introduce(configs)
	if err != nil {
		return nil, err
	}
	var nodes Nodes
	defer func() {
		if err != nil {
			nodes.abort()
		}
	}()
	urls := map[string]string{}
	for _, c := range configs {
		n, err := mesh.Open(ctx, c)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
		urls[n.Name()] = "nats-leaf://" + n.ListenAddr()
	}
	if err := nodes.dial(urls); err != nil {
		return nil, err
	}
	return nodes, nil
}

// dial links the nodes, all at once: one that is dialed changes its links only after the handshakes
// that are under way with it.
func (nodes Nodes) dial(urls map[string]string) error {
	errs := make([]error, len(nodes))
	var dialing sync.WaitGroup
	for i, n := range nodes {
		dialing.Go(func() { errs[i] = n.Dial(urls) })
	}
	dialing.Wait()
	return errors.Join(errs...)
}

// abortTimeout bounds the end of a start that failed half-way.
const abortTimeout = 2 * time.Second

// abort undoes such a start. The error of the start is the one to report.
func (nodes Nodes) abort() {
	ctx, cancel := context.WithTimeout(context.Background(), abortTimeout)
	defer cancel()
	_ = nodes.Close(ctx)
}

// Ready waits until each node is ready; see mesh.Node.Ready. When ctx ends first, the error says of
// each node what it misses.
func (nodes Nodes) Ready(ctx context.Context) error {
	var errs []error
	for _, n := range nodes {
		err := n.Ready(ctx)
		errs = append(errs, err)
		if err != nil && ctx.Err() == nil {
			break // waiting for the others would not mend it
		}
	}
	return errors.Join(errs...)
}

// Node returns the node of a name, or nil.
func (nodes Nodes) Node(name string) *mesh.Node {
	for _, n := range nodes {
		if n.Name() == name {
			return n
		}
	}
	return nil
}

// Close closes all nodes; see mesh.Node.Close. First no node takes root events any more; then the
// nodes close one after the other, so that what one still exports finds the next one open.
func (nodes Nodes) Close(ctx context.Context) error {
	for _, n := range nodes {
		n.Quiesce()
	}
	var errs []error
	for _, n := range nodes {
		errs = append(errs, n.Close(ctx))
	}
	return errors.Join(errs...)
}
