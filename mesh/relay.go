package mesh

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/wire"
)

// Relay lets staged events take effect as if they were emitted now, one after
// the other: handlers of this node get them, clients at the tap, and the links if
// the type is exported. The gate is not asked again, as it has admitted them;
// rules at an export, at an import of a peer and at handlers act as always. An
// event keeps the id and the time with which it was staged. The time since then does
// not count towards its cascade's deadline: see [Header.Waited].
//
// Events of durable exports are stored first, many at a time: behind one that the
// outbox refuses others may be stored already, and come before it. Relay waits while a
// queue is full, until ctx ends. It returns how many events,
// counted from the first, were taken; an error is about the next one. Events that
// are relayed again are delivered again, under their id. The errors are
// ErrUnrelayable, ErrClosed, and a *RefusedError for a wait that ctx ended.
//
// Events keep their order if one goroutine relays them; beside those that are
// emitted directly they have none. Relay must not be called in a handler: it would
// wait for a queue that the handler may have to empty. It does not keep the
// messages.
func (n *Node) Relay(ctx context.Context, events ...Staged) (relayed int, err error) {
	var envelope wire.Envelope // used again for each message
	b := batch[Any]{node: n, inOrder: true}
	b.done = func(_ int, e error) {
		if e == nil {
			relayed++
		} else if err == nil {
			err = e
		}
	}
	for i := 0; i < len(events) && err == nil; i++ {
		if problem := n.relay(ctx, &b, &events[i], &envelope); problem != nil {
			b.flush(ctx)
			err = cmp.Or(err, problem)
		}
	}
	b.flush(ctx)
	if err != nil {
		return relayed, fmt.Errorf("mesh: relay event %s: %w", events[relayed].ID, err)
	}
	return relayed, nil
}

// relay gives one event to the batch.
func (n *Node) relay(ctx context.Context, b *batch[Any], s *Staged, e *wire.Envelope) error {
	if err := wire.DecodeEnvelope(s.Message, e); err != nil {
		return fmt.Errorf("%w: %w", ErrUnrelayable, err)
	}
	if ID(e.ID) != s.ID {
		return fmt.Errorf("%w: its message is that of event %s", ErrUnrelayable, ID(e.ID))
	}
	if origin := string(e.Origin()); origin != n.name {
		return fmt.Errorf("%w: node %s has staged it and this is node %s; was a database copied, or a node renamed?", ErrUnrelayable, origin, n.name)
	}
	var value Any
	if err := wire.DecodePayload(e.Payload, &value); err != nil {
		return fmt.Errorf("%w: %w", ErrUnrelayable, err)
	}
	r, err := n.relayRoute(string(e.Subject()))
	if err != nil {
		return err
	}
	h := n.headerOf(e, n.treeOf(e.Path))
	return b.add(ctx, entry[Any]{route: r, header: h, value: value, late: max(0, n.clock.now()-h.At())})
}

// relayRoute gives the route of staged events. The type may be one that the node
// has not seen since it was opened.
func (n *Node) relayRoute(subject string) (*typedRoute[Any], error) {
	if _, err := n.typeOf(subject); err != nil {
		return nil, err
	}
	return n.encodedRoute(subject)
}

// treeOf gives the tree that keeps a path: what began on other nodes has its own,
// as others make those paths.
func (n *Node) treeOf(path [][]byte) *cause.Tree {
	if strings.HasPrefix(string(path[0]), n.name+":") {
		return n.paths
	}
	return n.imported
}
