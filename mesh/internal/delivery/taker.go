package delivery

import (
	"context"
	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/queue"
	"leafmesh/mesh/internal/rules"
)

// Consumer is what takes events as values of T: a handler, an export or the tap.
type Consumer[T any] struct {
	Kind
	inbox *queue.Inbox[Item, T]
	from  func(*Content) (T, error)
}

// Spec says what a consumer is to be.
type Spec[T any] struct {
	Kind
	Label    string
	Workers  int
	Capacity int // of each worker's queue
	HardCap  int
	// From makes a value of a content.
	From func(*Content) (T, error)
	// Processor makes what the worker of a queue does. The values are *T.
	Processor func(*queue.Core[Item]) queue.Processor[Item]
}

// NewConsumer makes a consumer. It does nothing before a queue.Group starts it.
func NewConsumer[T any](s Spec[T]) *Consumer[T] {
	return &Consumer[T]{Kind: s.Kind, from: s.From, inbox: queue.NewInbox[Item, T](queue.Spec[Item]{
		Label: s.Label, Shards: s.Workers, Capacity: s.Capacity, HardCap: s.HardCap, Order: order, Processor: s.Processor,
	})}
}

// Queues is the consumer without its type, for its queue.Group.
func (c *Consumer[T]) Queues() *queue.Consumer { return c.inbox.Consumer }

// Bind subscribes the consumer to an event type.
func (c *Consumer[T]) Bind(s *Subscription) *Taker {
	s.Workers = c.inbox.Width()
	t := &typed[T]{Taker: &Taker{Subscription: s, consumer: c.inbox.Consumer, kind: &c.Kind}, of: c}
	t.Taker.values = t
	return t.Taker
}

// Taker is one consumer's subscription to one event type, without its Go type.
type Taker struct {
	*Subscription
	consumer *queue.Consumer
	kind     *Kind
	values   values
}

// Kind says what a consumer does with events, whatever their type.
type Kind struct {
	IsHandler bool
	Sheds     bool // when full: drop and count instead of waiting
	CutLate   bool // a cut is the worker's to see: not all that it does is cut
}

// values is what a taker does with a content: see typed. The header is passed as a value, or that
// of every event would escape to the heap.
type values interface {
	put(h cause.Header, hash uint64, c *Content, d *Handover)
	check(c *Content) error
}

// IsHandler reports whether the consumer is a handler.
func (t *Taker) IsHandler() bool { return t.kind.IsHandler }

// Idle reports whether nothing has a place at the consumer.
func (t *Taker) Idle() bool { return t.consumer.Depth() == 0 }

// Check reports whether the content can be made into the consumer's Go type.
func (t *Taker) Check(c *Content) error { return t.values.check(c) }

// reserve takes a place, unless the subscription is cut.
func (t *Taker) reserve(hash uint64, p Pressure) error {
	if t.Cut.Load() && !t.kind.CutLate {
		return errCut
	}
	return t.consumer.Shard(hash).Reserve(p == MayOverfill)
}

// awaitPlace waits until there is a place or ctx ends, and leaves it there.
func (t *Taker) awaitPlace(ctx context.Context, e *rules.Event, hash uint64) error {
	if e.BeforeWait != nil {
		e.BeforeWait()
	}
	if err := t.consumer.Shard(hash).ReserveWait(ctx); err != nil {
		return t.refusal(e, err)
	}
	t.release(hash)
	return nil
}

// passUnheard counts an event that nobody reads, as if it had gone by way of the queue.
func (t *Taker) passUnheard(h *cause.Header) {
	t.Delivered.Pass(h)
	t.Unheard.Pass(h)
}

func (t *Taker) release(hash uint64) { t.consumer.Shard(hash).Release() }

// typed is a taker with its Go type.
type typed[T any] struct {
	*Taker
	of *Consumer[T]
}

func (t *typed[T]) check(c *Content) error {
	_, err := t.of.from(c)
	return err
}

// put fills a reserved place with a value made of the content; if that fails it frees the place and
// counts the loss, or tells d, the handover that the event came with, or nil.
func (t *typed[T]) put(h cause.Header, hash uint64, c *Content, d *Handover) {
	value, err := t.of.from(c)
	if err == nil {
		t.fill(&Item{Header: h, Handover: d}, hash, &value)
		return
	}
	if d == nil {
		t.LostMalformed.PassError(&h, err)
	} else { // it becomes a dead letter
		d.Fail(Failure{Place: t.Place, Final: true, Err: err})
		d.Leave()
	}
	t.release(hash)
}

// fill fills a reserved place with a copy of the item. It never blocks. An abandoned queue loses
// the event.
func (t *typed[T]) fill(it *Item, hash uint64, value *T) {
	t.Delivered.Pass(&it.Header)
	it.At, it.Timing = t.Subscription, t.Enter()
	if !t.of.inbox.Queue(hash).Put(it, value) {
		it.Abandon()
	}
}
