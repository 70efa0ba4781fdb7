package mesh

import (
	"context"
	"errors"
)

// deliverEncoded gives an event that came encoded to the handlers and to the tap.
// It waits for full queues until ctx ends, unless it is late: then it may overfill
// them. d is the handover it came with, which waits for the handlers; nil: none.
func (t *eventType) deliverEncoded(ctx context.Context, h *Header, payload []byte, late bool, d *handover) error {
	err := t.node.deliverTo(ctx, t.inbound, h, payload, late, d)
	if err == nil {
		t.admitted.Add(1)
	}
	return err
}

// deliverTo gives an event that came encoded to some consumers of its type. The
// payload may be kept.
func (n *Node) deliverTo(ctx context.Context, targets []binding, h *Header, payload []byte, late bool, d *handover) error {
	var hash uint64
	if h.Key != "" {
		hash = keyHash(h.Key)
	}
	shed, err := reserveAll(ctx, targets, hash, late)
	if err != nil {
		return err
	}
	countShed(targets, shed)
	c := &content{payload: payload}
	for i, b := range targets {
		of := d
		if !b.handles() {
			of = nil // the tap only looks on
		}
		switch {
		case shed&(1<<i) == 0:
			b.putContent(*h, hash, c, of)
		case of != nil:
			of.fail(failure{place: b.counts().place, excused: true, err: errNotTaken})
			of.leave()
		}
	}
	return nil
}

var errNotTaken = errors.New("the handler's queue was full, or it is cut")
