package mesh

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/leaf"
	"leafmesh/mesh/internal/wire"
)

// emitPrefix begins the subjects on which a client at the tap emits by request:
// "mesh.emit.clue.answer.submitted.<key>".
const emitPrefix = "mesh.emit."

// Reply is the answer to an emit by request, as CBOR.
type Reply struct {
	// Verdict is "admitted", "coalesced", "shed" or "refused".
	Verdict string `cbor:"1,keyasint"`
	// ID is the event's id, when it was admitted.
	ID []byte `cbor:"2,keyasint,omitempty"`
	// Error says why not.
	Error string `cbor:"3,keyasint,omitempty"`
	// Rule is the one that coalesced, shed or refused it; none if it was refused
	// because it is no event of the node.
	Rule string `cbor:"4,keyasint,omitempty"`
}

// tapTimeout bounds how long an emit by request waits for a limit or for a full
// queue: not long, as requests are served one after the other.
const tapTimeout = 100 * time.Millisecond

// tap serves stock NATS clients at the node's loopback port: events to read, and
// emits by request. What they ask about the node is answered by [ops].
type tap struct {
	node    *Node
	conn    *nats.Conn
	request *nats.Subscription
}

func (n *Node) openTap() error {
	conn, err := n.leaf.Connect(leaf.Local)
	if err != nil {
		return fmt.Errorf("mesh: open the tap of node %s: %w", n.name, err)
	}
	t := &tap{node: n, conn: conn}
	t.request, err = conn.Subscribe(emitPrefix+">", t.serve)
	if err == nil {
		err = conn.Flush()
	}
	if err != nil {
		conn.Close()
		return fmt.Errorf("mesh: open the tap of node %s: %w", n.name, err)
	}
	n.tap.Store(t)
	return nil
}

// tapClients counts the clients at the tap; 0 without a tap.
func (n *Node) tapClients() int {
	if n.tap.Load() == nil {
		return 0
	}
	return n.leaf.TapClients()
}

// serve emits an event for a client: the request's data is the value's CBOR.
func (t *tap) serve(m *nats.Msg) {
	reply, err := t.emit(strings.TrimPrefix(m.Subject, emitPrefix), m.Data)
	if err != nil {
		reply = Reply{Verdict: "refused", Error: err.Error()}
		if refused, ok := errors.AsType[*RefusedError](err); ok {
			reply.Rule = refused.Rule
		}
	}
	if m.Reply == "" {
		return
	}
	data, err := wire.AppendPayload(nil, reply)
	if err == nil {
		err = m.Respond(data)
	}
	if err != nil {
		t.node.logRarely("no reply to an emit by request", "error", err)
	}
}

// emit puts an encoded event into the node: the same gate, handlers and export
// as for one emitted in Go. A value that some handler could not decode is
// refused as a whole.
func (t *tap) emit(wireSubject string, payload []byte) (Reply, error) {
	subject, key, err := wire.SplitSubject(wireSubject)
	if err != nil {
		return Reply{}, err
	}
	var value Any
	if err := wire.DecodePayload(payload, &value); err != nil {
		return Reply{}, err
	}
	r, err := t.node.encodedRoute(subject)
	if err != nil {
		return Reply{}, err
	}
	for _, b := range r.handlers {
		if err := b.check(value.content); err != nil {
			return Reply{}, fmt.Errorf("%s: %w", b.label(), err)
		}
	}
	ctx, cancel := context.WithTimeout(t.node.intake, tapTimeout)
	defer cancel()
	now := t.node.clock.now()
	event := limited{key: key, path: r.root, promised: r.durable}
	v, err := r.admitEmit(ctx, &event, now)
	switch {
	case err != nil:
		return Reply{}, err
	case v.shed != nil:
		return Reply{Verdict: "shed", Rule: v.shed.rule.Name}, nil
	case v.coalesce != nil:
		h := cause.NewRoot(r.root, key, now)
		v.coalesce.coalescer.keep(&event, &lateEmit[Any]{route: r, limit: v.coalesce, value: value, header: h})
		return Reply{Verdict: "coalesced", ID: h.ID[:], Rule: v.coalesce.rule.Name}, nil
	}
	id, err := r.emitRoot(ctx, key, now, &value)
	return Reply{Verdict: "admitted", ID: id[:]}, err
}

// encodedRoute gives the route of events that come encoded, for a subject that
// the node handles, exports, limits or has emitted.
func (n *Node) encodedRoute(subject string) (*typedRoute[Any], error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.sealed {
		return nil, ErrClosed
	}
	if r := n.encodedRoutes[subject]; r != nil {
		return r, nil
	}
	t := n.table.Load().types[subject]
	if t == nil {
		return nil, fmt.Errorf("node %s knows no event type %s", n.name, subject)
	}
	r := newRouteLocked[Any](n, t)
	n.encodedRoutes[subject] = r
	return r, nil
}

// stop ends the intake of requests; those that have come are answered.
func (t *tap) stop(ctx context.Context) error {
	if _, err := drain(ctx, t.request); err != nil {
		return fmt.Errorf("mesh: close the tap of node %s: %w", t.node.name, err)
	}
	return nil
}
