package mesh

import (
	"context"
	"errors"
	"sync"
)

// receiver is a consumer without its Go type.
type receiver interface {
	// reserve takes a place, beyond the capacity for an event from inside a
	// handler; reserveWait waits for one until ctx ends.
	reserve(hash uint64, inside bool) error
	reserveWait(ctx context.Context, hash uint64) error
	release(hash uint64)
	// bind makes the consumer's subscription to an event type.
	bind(t *eventType) binding
	start()
	// depth counts the events reserved, waiting or being handled; accepted
	// counts those ever put.
	depth() int64
	accepted() uint64
	// tryClose closes the queues if all are idle.
	tryClose() bool
	// abandon closes the queues as they are.
	abandon()
	// finished is closed when the workers have ended, after tryClose or abandon.
	finished() <-chan struct{}
	label() string
	// width is the number of shards.
	width() int
}

// consumer is what takes events of a type on a node: a handler, an export or
// the tap. It owns one queue and one worker goroutine for each shard; the
// key's hash chooses the shard.
type consumer[T any] struct {
	place   string // "handler count", "export", "tap"
	handler bool
	shed    bool // when full: drop and count instead of waiting
	cutLate bool // a cut is the worker's to see: not all that it does is cut
	// from makes the value of a content: decoded, or as it is.
	from func(*content) (T, error)
	// newWorker makes what a worker goroutine runs for each event. It says false for
	// one that must wait for what was put back into the queue.
	newWorker func(*queue[T]) func(*item[T]) bool

	shards []*queue[T]
	work   sync.WaitGroup
	done   chan struct{}
}

func (c *consumer[T]) label() string             { return c.place }
func (c *consumer[T]) width() int                { return len(c.shards) }
func (c *consumer[T]) finished() <-chan struct{} { return c.done }

func (c *consumer[T]) shard(hash uint64) *queue[T] {
	if len(c.shards) == 1 {
		return c.shards[0]
	}
	return c.shards[hash%uint64(len(c.shards))]
}

func (c *consumer[T]) reserve(hash uint64, inside bool) error {
	q := c.shard(hash)
	if inside {
		return q.reserve(q.hardCap)
	}
	return q.reserve(q.capacity)
}

func (c *consumer[T]) reserveWait(ctx context.Context, hash uint64) error {
	return c.shard(hash).reserveWait(ctx)
}

func (c *consumer[T]) release(hash uint64) { c.shard(hash).release(1) }

func (c *consumer[T]) start() {
	c.done = make(chan struct{})
	for _, q := range c.shards {
		w := &worker[T]{consumer: c, queue: q, process: c.newWorker(q)}
		c.work.Go(w.run)
	}
	go func() { // ends with the workers, which tryClose ends
		c.work.Wait()
		close(c.done)
	}()
}

// worker is one goroutine of a consumer and what it is working on.
type worker[T any] struct {
	consumer *consumer[T]
	queue    *queue[T]
	process  func(*item[T]) bool

	batch []item[T] // taken from the queue
	next  int       // the first of batch that is not processed
	back  item[T]   // one that was put back into the queue
	done  int64     // processed events whose places are not released yet
	ended bool      // the queue is closed
}

// run is the worker's loop. It ends when the queue is closed. Should a handler
// end the goroutine, another one goes on with the next event.
func (w *worker[T]) run() {
	defer func() {
		if !w.ended {
			w.consumer.work.Go(w.run)
		}
	}()
	for w.take() {
		for w.more() {
			w.step()
		}
	}
	w.ended = true
}

// take gets the next events, unless some are left.
func (w *worker[T]) take() (open bool) {
	if w.more() {
		return true
	}
	w.queue.release(w.done)
	w.done, w.next = 0, 0
	if int64(cap(w.batch)) > 2*w.queue.capacity {
		w.batch = nil // a burst's memory is not kept
	}
	w.batch, open = w.queue.take(w.batch)
	return open
}

// step processes one event. Emitters and the worker share the count of places:
// it is written for several events at once, unless somebody waits for one.
func (w *worker[T]) step() {
	it := w.pick()
	w.done++
	processed := true // also if the handler ends the goroutine
	defer func() {
		if !processed {
			w.unpick(it)
			return
		}
		if it.keptBy != nil { // not before: nothing may overtake it until here
			event := limitedBy(&it.header)
			it.keptBy.coalescer.arrived(event.unit())
		}
		if it.handover != nil {
			it.handover.leave()
		}
		*it = item[T]{} // let go of what the value refers to
		if w.done >= w.queue.releaseBatch || w.queue.waiters.Load() > 0 {
			w.queue.release(w.done)
			w.done = 0
		}
	}()
	processed = w.process(it)
}

func (w *worker[T]) more() bool { return w.next < len(w.batch) || w.queue.returned.Load() > 0 }

// pick gives the next event: first what was put back.
func (w *worker[T]) pick() *item[T] {
	if w.queue.returned.Load() > 0 {
		w.back = w.queue.takeBack()
		return &w.back
	}
	w.next++
	return &w.batch[w.next-1]
}

// unpick undoes pick for an event that was not processed.
func (w *worker[T]) unpick(it *item[T]) {
	w.done--
	if it.keptBy == nil {
		w.next--
	} else {
		w.queue.untake(it)
	}
}

func (c *consumer[T]) depth() (sum int64) {
	for _, q := range c.shards {
		sum += q.depth.Load() % closedDepth
	}
	return sum
}

func (c *consumer[T]) accepted() (sum uint64) {
	for _, q := range c.shards {
		sum += q.accepted()
	}
	return sum
}

func (c *consumer[T]) tryClose() bool {
	closed := true
	for _, q := range c.shards {
		closed = q.close() && closed
	}
	return closed
}

func (c *consumer[T]) abandon() {
	for _, q := range c.shards {
		q.abandon()
	}
}

func (c *consumer[T]) bind(t *eventType) binding {
	return &subscription[T]{consumer: c, tally: t.node.counters.tally(t.subject, c.place)}
}

// binding is one consumer's subscription to one event type, without its Go
// type.
type binding interface {
	receiver
	// putContent fills a reserved place with a value made of the content; if
	// that fails it frees the place and counts the loss, or tells d, the handover
	// that the event came with, or nil.
	putContent(h Header, hash uint64, c *content, d *handover)
	// check reports whether the content can be made into the consumer's type.
	check(c *content) error
	counts() *tally
	sheds() bool
	// handles reports whether the consumer is a handler.
	handles() bool
}

type subscription[T any] struct {
	*consumer[T]
	tally *tally
}

func (s *subscription[T]) counts() *tally { return s.tally }
func (s *subscription[T]) sheds() bool    { return s.shed }
func (s *subscription[T]) handles() bool  { return s.handler }

// reserve takes a place, unless the subscription is cut.
func (s *subscription[T]) reserve(hash uint64, inside bool) error {
	if s.tally.cut.Load() && !s.cutLate {
		return errCut
	}
	return s.consumer.reserve(hash, inside)
}

func (s *subscription[T]) check(c *content) error {
	_, err := s.from(c)
	return err
}

func (s *subscription[T]) put(h *Header, hash uint64, d *handover, value *T) {
	s.tally.delivered.Add(1)
	s.shard(hash).put(h, s.tally, d, value)
}

func (s *subscription[T]) putContent(h Header, hash uint64, c *content, d *handover) {
	value, err := s.from(c)
	if err != nil {
		if d == nil {
			s.tally.malformed.Add(1)
		} else { // it becomes a dead letter
			d.fail(failure{place: s.tally.place, final: true, err: err})
			d.leave()
		}
		s.release(hash)
		return
	}
	s.put(&h, hash, d, &value)
}

// reserveAll takes a place at each binding, and waits for one until ctx ends
// unless the event comes from inside a handler. It returns the bindings that
// shed the event as a set of bits, or an error and no places taken.
//
// It never holds a place while it waits: where a queue is full it gives all back,
// waits for that one alone, and tries again. Holding them was rejected: a slow
// handler then fills the queues of others with places that stay empty, and two
// emitters can wait for each other.
func reserveAll(ctx context.Context, bindings []binding, hash uint64, inside bool) (shed uint64, err error) {
	for {
		shed, full, err := tryReserveAll(bindings, hash, inside)
		if err == nil {
			return shed, nil
		}
		b := bindings[full]
		if inside || !errors.Is(err, errFull) {
			return 0, b.counts().refusal(err)
		}
		if err := b.reserveWait(ctx, hash); err != nil {
			return 0, b.counts().refusal(err)
		}
		b.release(hash)
	}
}

// tryReserveAll is reserveAll without waiting. On an error no place is taken,
// and full is the binding that had none.
func tryReserveAll(bindings []binding, hash uint64, inside bool) (shed uint64, full int, err error) {
	for i, b := range bindings {
		err := b.reserve(hash, inside)
		if err == nil {
			continue
		}
		if errors.Is(err, errCut) || b.sheds() && errors.Is(err, errFull) {
			shed |= 1 << i
			continue
		}
		releaseAll(bindings[:i], hash, shed)
		return 0, i, err
	}
	return shed, 0, nil
}

// releaseAll gives back the places of an event that will not come.
func releaseAll(bindings []binding, hash uint64, shed uint64) {
	for i, b := range bindings {
		if shed&(1<<i) == 0 {
			b.release(hash)
		}
	}
}

// countShed counts an event that was delivered at the bindings that shed it.
func countShed(bindings []binding, shed uint64) {
	for i := range bindings {
		if shed&(1<<i) != 0 {
			bindings[i].counts().countShed()
		}
	}
}
