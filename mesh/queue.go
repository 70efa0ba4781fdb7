package mesh

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// closedDepth in queue.depth marks a queue that takes no more events. It is
// over every cap, so that the common path has one comparison.
const closedDepth = 1 << 62

var errFull = errors.New("queue full")

// item is one event in a queue.
type item[T any] struct {
	header   Header
	tally    *tally
	keptBy   *limit    // the rule that took it out of the queue and put it back; nil: none
	handover *handover // of a durable import; nil: none
	value    T
}

// queue is the bounded queue of one worker. A place is reserved first and
// filled later, so that an event for several queues is admitted to all or to
// none. Reserving is one atomic operation; the worker takes all waiting events
// under one lock. A Go channel was rejected: it can not be overfilled, and it
// takes its lock for each event on both sides.
type queue[T any] struct {
	capacity int64 // root events wait beyond it
	hardCap  int64 // no event gets in beyond it
	// releaseBatch is how many events may be handled before their places are
	// free: so few of all that a short queue keeps its whole length.
	releaseBatch int64

	waiters  atomic.Int64 // root events waiting for a place
	returned atomic.Int64 // how many events are in back, to be read without the lock
	space    chan struct{}

	_     [64]byte     // emitters and the worker write here, each to its own line
	depth atomic.Int64 // events reserved, waiting or being handled
	_     [64]byte

	mu    sync.Mutex
	items []item[T] // guarded by mu
	// back are events that were put back, to be taken before all items. The rule
	// asked last comes first: what it kept had passed the others, so it is older than
	// what they keep of its type and key. guarded by mu
	back     []backlog[T]
	sleeping bool   // guarded by mu: the worker waits for wake
	closed   bool   // guarded by mu
	total    uint64 // guarded by mu: events ever put
	wake     chan struct{}
}

func newQueue[T any](capacity, hardCap int) *queue[T] {
	return &queue[T]{
		capacity: int64(capacity), hardCap: int64(hardCap),
		releaseBatch: int64(min(max(capacity/32, 1), 32)),
		space:        make(chan struct{}, 1), wake: make(chan struct{}, 1),
	}
}

// reserve takes a place if there are fewer than limit events. The error is
// errFull or ErrClosed.
func (q *queue[T]) reserve(limit int64) error {
	for {
		depth := q.depth.Load()
		if depth >= closedDepth {
			return ErrClosed
		}
		if depth >= limit {
			return errFull
		}
		if q.depth.CompareAndSwap(depth, depth+1) {
			return nil
		}
	}
}

// reserveWait takes a place, and waits for one until ctx ends.
func (q *queue[T]) reserveWait(ctx context.Context) error {
	if err := q.reserve(q.capacity); !errors.Is(err, errFull) {
		return err
	}
	q.waiters.Add(1)
	defer q.waiters.Add(-1)
	for {
		// Tried after the waiter is announced: a place that is freed before is
		// seen here, one freed later signals.
		err := q.reserve(q.capacity)
		if !errors.Is(err, errFull) {
			// One signal may stand for several places, or for the end of the
			// queue: hand it on.
			q.signal()
			return err
		}
		select {
		case <-q.space:
		case <-ctx.Done():
			return endOf(ctx)
		}
	}
}

// release frees places: of events handled, or of one that will not come.
func (q *queue[T]) release(n int64) {
	q.depth.Add(-n)
	if q.waiters.Load() > 0 {
		q.signal()
	}
}

func (q *queue[T]) signal() {
	select {
	case q.space <- struct{}{}:
	default: // a signal is there already
	}
}

// put fills a reserved place. It never blocks. Into a queue that was abandoned
// it loses the event, and counts it.
func (q *queue[T]) put(h *Header, t *tally, d *handover, value *T) {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		t.lose(t.lost, d, ErrClosed)
		if d != nil {
			d.leave()
		}
		q.release(1)
		return
	}
	q.items = append(q.items, item[T]{header: *h, tally: t, handover: d, value: *value})
	q.total++
	wake := q.sleeping
	q.sleeping = false
	q.mu.Unlock()
	if wake {
		q.wake <- struct{}{}
	}
}

// putBack puts an event that was taken out of the queue before all others, also
// beyond the cap. It never blocks. An abandoned queue loses it, and counts it.
func (q *queue[T]) putBack(it *item[T]) {
	q.depth.Add(1)
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		it.tally.lost.Add(1)
		q.release(1)
		return
	}
	b := q.backlogLocked(it.keptBy)
	b.items = append(b.items, *it)
	q.returned.Add(1)
	q.total++
	wake := q.sleeping
	q.sleeping = false
	q.mu.Unlock()
	if wake {
		q.wake <- struct{}{}
	}
}

// backlog is events that rules of one order had kept, the oldest first.
type backlog[T any] struct {
	rule  *limit
	items []item[T]
}

func (q *queue[T]) backlogLocked(rule *limit) *backlog[T] {
	at, found := slices.BinarySearchFunc(q.back, rule, func(b backlog[T], l *limit) int { return l.order(b.rule) })
	if !found {
		q.back = slices.Insert(q.back, at, backlog[T]{rule: rule})
	}
	return &q.back[at]
}

// overtakes reports whether an event is about to be processed before one that came
// earlier and was put back. It is asked once the event's rules are read: when rules
// change, what the old ones kept is put back before the new ones are in force.
func (q *queue[T]) overtakes(it *item[T]) bool {
	switch {
	case q.returned.Load() == 0:
		return false
	case it.keptBy == nil:
		return true
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.back[0].rule.order(it.keptBy) > 0
}

// takeBack gives the first event that was put back.
func (q *queue[T]) takeBack() item[T] {
	q.mu.Lock()
	defer q.mu.Unlock()
	b := &q.back[0]
	it := b.items[0]
	b.items[0] = item[T]{} // let go of what the value refers to
	if b.items = b.items[1:]; len(b.items) == 0 {
		q.back = slices.Delete(q.back, 0, 1) // a burst's memory is not kept
	}
	q.returned.Add(-1)
	return it
}

// untake undoes takeBack.
func (q *queue[T]) untake(it *item[T]) {
	q.mu.Lock()
	defer q.mu.Unlock()
	b := q.backlogLocked(it.keptBy)
	b.items = slices.Insert(b.items, 0, *it)
	q.returned.Add(1)
}

func (q *queue[T]) accepted() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.total
}

// take gives all waiting events in order, and waits for some; it gives none if
// only some were put back. spare is the slice of an earlier take, to be used
// again. False: the queue is closed.
//
// A worker that finds nothing lets others run once before it sleeps, as the next
// event is often about to come: waking a worker costs its emitter more than the
// event does. Measured: 7 % of an event's cost, locally and over a link.
func (q *queue[T]) take(spare []item[T]) ([]item[T], bool) {
	for yielded := false; ; {
		q.mu.Lock()
		if len(q.items)+len(q.back) > 0 {
			items := q.items
			q.items = spare[:0]
			q.mu.Unlock()
			return items, true
		}
		if q.closed {
			q.mu.Unlock()
			return nil, false
		}
		if !yielded {
			q.mu.Unlock()
			yielded = true
			runtime.Gosched()
			continue
		}
		q.sleeping = true
		q.mu.Unlock()
		<-q.wake
		yielded = false
	}
}

// close ends the queue if it is idle, and reports whether it is closed. From
// then on reserve fails and take returns false.
func (q *queue[T]) close() bool {
	if !q.depth.CompareAndSwap(0, closedDepth) {
		return q.depth.Load() >= closedDepth
	}
	q.mu.Lock()
	q.closed = true
	wake := q.sleeping
	q.sleeping = false
	q.mu.Unlock()
	if wake {
		q.wake <- struct{}{}
	}
	q.signal()
	return true
}

// abandon ends the queue although it is not idle. The worker still takes what
// waits, and ends then; what comes is refused or lost. It must not run beside
// close.
func (q *queue[T]) abandon() {
	q.mu.Lock()
	closed, wake := q.closed, q.sleeping
	q.closed, q.sleeping = true, false
	q.mu.Unlock()
	if closed {
		return
	}
	q.depth.Add(closedDepth)
	if wake {
		q.wake <- struct{}{}
	}
	q.signal()
}
