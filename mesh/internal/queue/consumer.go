package queue

import (
	"sync"
)

// Spec says what a consumer is to be.
type Spec[E any] struct {
	Label    string // for errors: who takes the items
	Shards   int    // queues, each with a worker of its own
	Capacity int    // places of each queue, beyond which only those get in that may overfill
	HardCap  int    // places of each queue at most
	// Order compares items that were put back: of two the greater is taken first.
	Order func(a, b *E) int
	// Processor makes what the worker of a queue does.
	Processor func(*Core[E]) Processor[E]
}

// Consumer is what takes items, without their types. It has one queue and one worker goroutine for
// each shard; a hash chooses the shard. [Group] starts and ends it.
type Consumer struct {
	label   string
	shards  []*Places
	workers []func() // the loops of the shards
	work    sync.WaitGroup
	done    chan struct{} // closed when the workers have ended
}

// Inbox is a consumer with the types of its items and values.
type Inbox[E, V any] struct {
	*Consumer
	queues []*Queue[E, V]
}

// NewInbox makes a consumer. It does nothing before its [Group] starts it.
func NewInbox[E, V any](s Spec[E]) *Inbox[E, V] {
	in := &Inbox[E, V]{Consumer: newConsumer(s.Label)}
	for range s.Shards {
		in.queues = append(in.queues, addShard[E, V](in.Consumer, &s))
	}
	return in
}

func newConsumer(label string) *Consumer { return &Consumer{label: label, done: make(chan struct{})} }

// addShard makes a queue and its worker.
func addShard[E, V any](c *Consumer, s *Spec[E]) *Queue[E, V] {
	q := newQueue[E, V](s.Capacity, s.HardCap, s.Order)
	w := &worker[E, V]{queue: q, work: s.Processor(&q.Core), spawn: c.work.Go}
	if g, ok := w.work.(Gatherer); ok {
		w.idle = g.Idle
	}
	c.shards = append(c.shards, &q.Places)
	c.workers = append(c.workers, w.run)
	return q
}

// Queue is the queue of a hash's shard.
func (in *Inbox[E, V]) Queue(hash uint64) *Queue[E, V] {
	if len(in.queues) == 1 {
		return in.queues[0]
	}
	return in.queues[hash%uint64(len(in.queues))]
}

// Shard is the places of a hash's shard.
func (c *Consumer) Shard(hash uint64) *Places {
	if len(c.shards) == 1 {
		return c.shards[0]
	}
	return c.shards[hash%uint64(len(c.shards))]
}

// Label says who takes the items.
func (c *Consumer) Label() string { return c.label }

// Width is the number of shards.
func (c *Consumer) Width() int { return len(c.shards) }

// Depth counts the items reserved, waiting or being processed.
func (c *Consumer) Depth() (sum int64) {
	for _, p := range c.shards {
		sum += p.depth.Load() % closedDepth
	}
	return sum
}

// accepted counts the items ever put.
func (c *Consumer) accepted() (sum uint64) {
	for _, p := range c.shards {
		sum += uint64(p.accepted())
	}
	return sum
}

func (c *Consumer) start() {
	for _, run := range c.workers {
		c.work.Go(run)
	}
	go func() { // ends with the workers, which tryClose ends
		c.work.Wait()
		close(c.done)
	}()
}

// tryClose closes the queues if all are idle.
func (c *Consumer) tryClose() bool {
	closed := true
	for _, p := range c.shards {
		closed = p.close() && closed
	}
	return closed
}

// abandon closes the queues as they are.
func (c *Consumer) abandon() {
	for _, p := range c.shards {
		p.abandon()
	}
}
