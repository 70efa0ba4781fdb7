package mesh

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// Ready waits until every declared import is connected, and until the exporter itself has said that
// it serves this node. From then on events that the exporter emits reach this node while
// the link lives.
//
// It returns an error at once for what waiting does not mend, such as a peer that does not export
// what this node imports. When ctx ends first, the error has a line for each link and each durable
// import that is missing, with what is known of why; errors.Is finds ctx's error and its cause.
func (n *Node) Ready(ctx context.Context) error {
	waiting, stop := context.WithCancel(ctx)
	defer stop()
	var missing shortfall
	note := func(err error) { missing.note(err, ctx.Err() != nil, stop) }
	n.inlets.Ready(waiting, note)
	if err := missing.joined(); err != nil {
		return fmt.Errorf("mesh: node %s is not ready: %w", n.name, err)
	}
	return nil
}

// shortfall collects what keeps a node from being ready. The zero value is ready to use.
type shortfall struct {
	mu    sync.Mutex
	final bool    // guarded by mu: waiting does not help
	errs  []error // guarded by mu
}

// note adds what is missing. An error while the wait goes on is the only one that counts: it stops
// the others, which then have nothing to say.
func (s *shortfall) note(err error, ended bool, stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.final {
		return
	}
	s.errs = append(s.errs, err)
	if !ended {
		s.final = true
		stop()
	}
}

// joined is all that is missing, in an order that does not change; nil for nothing.
func (s *shortfall) joined() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.SortFunc(s.errs, func(a, b error) int { return cmp.Compare(a.Error(), b.Error()) })
	return errors.Join(s.errs...)
}
