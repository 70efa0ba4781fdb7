package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"leafmesh/mesh"
)

// counted is an event that stays in the importer's node: the fast path.
var counted = mesh.NewEvent[answerJudged]("score.answer.counted", mesh.Key(func(a answerJudged) string { return a.Team }))

// backlog is a number of durable events that a service has still to take. They
// are held back until it opens, and then taken as fast as they come.
type backlog struct {
	size    int
	next    *int // the size of the next one
	opened  chan struct{}
	begun   chan struct{} // closed when the first was taken
	since   time.Time     // of the opening
	drained atomic.Int64
}

func newBacklog(size *int) *backlog {
	return &backlog{size: *size, next: size, opened: make(chan struct{}), begun: make(chan struct{})}
}

// handle is the handler of the backlog's events.
func (b *backlog) handle() {
	<-b.opened
	if b.drained.Add(1) == 1 {
		close(b.begun)
	}
}

// open lets go of it. It may be called twice.
func (b *backlog) open() {
	select {
	case <-b.opened:
	default:
		b.since = time.Now()
		close(b.opened)
	}
}

// beside is how many events a second were taken since it opened.
func (b *backlog) beside() float64 {
	if b.since.IsZero() {
		return 0
	}
	return float64(b.drained.Load()) / time.Since(b.since).Seconds()
}

// errDrained says that a backlog did not outlast what was measured beside it. The next one is
// larger.
var errDrained = errors.New("the backlog was drained before the measurement ended")

// left is an error if the backlog did not outlast what was measured beside it. How large it has to
// be depends on the machine and on what else it does.
func (b *backlog) left() error {
	if drained := b.drained.Load(); drained < int64(b.size) {
		return nil
	}
	*b.next = 2 * b.size
	return fmt.Errorf("%w: it had %d events", errDrained, b.size)
}

// meshBesideDrain is the fast path inside the node of an importer that drains a
// durable import from another node of the process, or that holds it back.
func meshBesideDrain(size *int, drain bool) side {
	s := side{name: "leafmesh beside its drain"}
	if !drain {
		s.name = "leafmesh, drain held back"
	}
	s.open = func(ctx context.Context, handle func()) (carrier, error) {
		b := newBacklog(size)
		drained := judged.Handle("drain", func(context.Context, answerJudged) error {
			b.handle()
			return nil
		})
		durable := &durableCarrier{together: true}
		if err := durable.open(ctx, exporter(), importer(mesh.OrderedNo, drained, countingLocal(handle))); err != nil {
			return nil, err
		}
		return b.begin(ctx, durable, durable.nodes[1], drain)
	}
	return s
}

// meshBesideRawDrain is the fast path inside a node, beside raw JetStream that drains
// as much over a leaf link in the same process.
func meshBesideRawDrain(size *int) side {
	return side{name: "leafmesh beside a raw drain", open: func(ctx context.Context, handle func()) (carrier, error) {
		b := newBacklog(size)
		raw, err := rawDurable().open(ctx, b.handle)
		if err != nil {
			return nil, err
		}
		node, err := mesh.Open(ctx, mesh.Config{Name: "score-1", Handlers: []mesh.Handler{countingLocal(handle)}})
		if err != nil {
			return nil, errors.Join(err, raw.close(ctx))
		}
		return b.begin(ctx, besideRaw{carrier: raw, node: node}, node, true)
	}}
}

func countingLocal(handle func()) mesh.Handler {
	return counted.Handle("count", func(context.Context, answerJudged) error {
		handle()
		return nil
	}, mesh.Queue(queueSize))
}

// besideRaw is raw JetStream and a node that has nothing to do with it.
type besideRaw struct {
	carrier
	node *mesh.Node
}

func (r besideRaw) emitMany(ctx context.Context, value *answerJudged, events int) error {
	return r.carrier.(many).emitMany(ctx, value, events)
}

func (r besideRaw) close(ctx context.Context) error {
	return errors.Join(r.node.Close(ctx), r.carrier.close(ctx))
}

// begin fills the backlog, and lets go of it if it is to drain.
func (b *backlog) begin(ctx context.Context, source carrier, node *mesh.Node, drain bool) (carrier, error) {
	c := &drainCarrier{backlog: b, source: source, root: node.Context(ctx)}
	if err := source.(many).emitMany(ctx, &sample, b.size); err != nil {
		return nil, errors.Join(fmt.Errorf("fill the backlog: %w", err), c.close(ctx))
	}
	if !drain {
		return c, nil
	}
	b.open()
	select {
	case <-b.begun:
		return c, nil
	case <-ctx.Done():
		return nil, errors.Join(fmt.Errorf("nothing drains: %w", context.Cause(ctx)), c.close(ctx))
	}
}

// drainCarrier emits on the fast path.
type drainCarrier struct {
	*backlog
	source carrier
	root   context.Context
}

func (c *drainCarrier) emit(_ context.Context, value *answerJudged) error {
	return counted.Emit(c.root, *value)
}

func (c *drainCarrier) close(ctx context.Context) error {
	err := c.left()
	c.open() // what holds a handler back holds back the end
	return errors.Join(err, c.source.close(ctx))
}
