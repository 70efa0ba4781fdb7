package queue

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"

	"leafmesh/mesh/internal/clock"
)

// Errors of reserving a place.
var (
	// ErrFull: the queue has no place for such an event.
	ErrFull = errors.New("queue full")
	// ErrClosed: the queue was closed.
	ErrClosed = errors.New("queue closed")
)

// closedDepth in Places.depth marks a queue that takes no more events. It is over every cap, so
// that the common path has one comparison.
const closedDepth = 1 << 62

// Places counts the places of a queue, and lets its worker sleep. Reserving is one atomic
// operation. A Go channel was rejected: it cannot be overfilled, and it takes its lock for each
// event on both sides.
//
// Emitters and the worker write side by side. What they write lies on two cache lines: depth on
// one, and on the other what mu guards, with the items that follow in [Queue].
type Places struct {
	capacity int64 // who may not overfill waits beyond it
	hardCap  int64 // nobody gets in beyond it
	// releaseBatch is how many items may be processed before their places are free: so few of all
	// that a short queue keeps its whole length.
	releaseBatch int64

	waiters  atomic.Int64 // those that wait for a place
	returned atomic.Int64 // items that were put back, to be read without the lock
	space    chan struct{}
	wake     chan struct{}

	slept bool // the worker's own, beside what it reads for each item
	_     [23]byte
	depth atomic.Int64 // places reserved, filled or of items being processed
	_     [56]byte

	mu       sync.Mutex
	total    uint32 // guarded by mu: items ever put, which may wrap
	sleeping bool   // guarded by mu: the worker waits for wake
	closed   bool   // guarded by mu
}

func (p *Places) init(capacity, hardCap int) {
	p.capacity, p.hardCap = int64(capacity), int64(hardCap)
	p.releaseBatch = int64(min(max(capacity/32, 1), 32))
	p.space, p.wake = make(chan struct{}, 1), make(chan struct{}, 1)
}

// Reserve takes a place, beyond the capacity if mayOverfill. Errors: ErrFull, ErrClosed.
func (p *Places) Reserve(mayOverfill bool) error {
	limit := p.capacity
	if mayOverfill {
		limit = p.hardCap
	}
	for {
		depth := p.depth.Load()
		if depth >= closedDepth {
			return ErrClosed
		}
		if depth >= limit {
			return ErrFull
		}
		if p.depth.CompareAndSwap(depth, depth+1) {
			return nil
		}
	}
}

// ReserveWait takes a place below the capacity, and waits for one until ctx ends. Errors:
// ErrClosed, and why ctx ended.
func (p *Places) ReserveWait(ctx context.Context) error {
	if err := p.Reserve(false); !errors.Is(err, ErrFull) {
		return err
	}
	p.waiters.Add(1)
	defer p.waiters.Add(-1)
	for {
		// Tried after the waiter is announced: a place that is freed before is seen here, one freed
		// later signals.
		err := p.Reserve(false)
		if !errors.Is(err, ErrFull) {
			// One signal may stand for several places, or for the end of the queue: hand it on.
			p.signal()
			return err
		}
		select {
		case <-p.space:
		case <-ctx.Done():
			return clock.EndOf(ctx)
		}
	}
}

// Release frees a place that was reserved and will not be filled.
func (p *Places) Release() { p.release(1) }

// release frees places: of items processed, or of one that will not come.
func (p *Places) release(n int64) {
	p.depth.Add(-n)
	if p.waiters.Load() > 0 {
		p.signal()
	}
}

func (p *Places) signal() {
	select {
	case p.space <- struct{}{}:
	default: // a signal is there already
	}
}

// enteredLocked counts an item that was put, unlocks, and wakes the worker.
func (p *Places) enteredLocked() {
	p.total++
	p.wakeLocked()
}

func (p *Places) accepted() uint32 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.total
}

// Slept reports whether the worker had nothing to do before the present item, so that it begins
// later than the one before it ended. Only the worker asks, once for each item.
func (p *Places) Slept() bool {
	slept := p.slept
	p.slept = false
	return slept
}

// close ends the queue if it is idle, and reports whether it is closed. From then on reserve fails
// and the worker ends.
func (p *Places) close() bool {
	if !p.depth.CompareAndSwap(0, closedDepth) {
		return p.depth.Load() >= closedDepth
	}
	p.mu.Lock()
	p.closed = true
	p.wakeLocked()
	p.signal()
	return true
}

// abandon ends the queue although it is not idle. The worker still takes what waits, and ends then;
// what comes is refused or lost. It must not run beside close.
func (p *Places) abandon() {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return
	}
	p.closed = true
	p.depth.Add(closedDepth)
	p.wakeLocked()
	p.signal()
}

// wakeLocked unlocks and wakes the worker.
func (p *Places) wakeLocked() {
	wake := p.sleeping
	p.sleeping = false
	p.mu.Unlock()
	if wake {
		p.wake <- struct{}{}
	}
}

// Queue is the bounded queue of one worker. Its items are of type E and have values of type V.
type Queue[E, V any] struct {
	itemPages  *pages[E]
	valuePages *pages[V]
	Core[E]
	items  chain[E] // guarded by mu
	values chain[V] // guarded by mu: those of items, in the same order
}

func newQueue[E, V any](capacity, hardCap int, order func(a, b *E) int) *Queue[E, V] {
	q := &Queue[E, V]{itemPages: pagesOf[E](), valuePages: pagesOf[V]()}
	q.init(capacity, hardCap)
	q.back.order = order
	return q
}

// Put fills a reserved place. It never blocks. It returns false if the queue was abandoned; then
// the place is free again and the item was not taken.
func (q *Queue[E, V]) Put(item *E, value *V) bool {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		q.release(1)
		return false
	}
	q.items.push(item, q.itemPages)
	q.values.push(value, q.valuePages)
	q.enteredLocked()
	return true
}

// take takes all waiting items in order, and waits for some; it takes none if only some were put
// back. The cursors are at their ends. False: the queue is closed.
//
// A worker that finds nothing lets others run once before it sleeps, as the next event is often
// about to come: waking a worker costs its emitter more than the event does. Measured: 7 % of an
// event's cost, locally and over a link.
func (q *Queue[E, V]) take(items *cursor[E], values *cursor[V]) (open bool) {
	for yielded := false; ; {
		q.mu.Lock()
		if q.items.first != nil || q.returned.Load() > 0 {
			items.take(&q.items)
			values.take(&q.values)
			q.mu.Unlock()
			return true
		}
		if q.closed {
			q.mu.Unlock()
			return false
		}
		q.slept = true
		if !yielded {
			q.mu.Unlock()
			yielded = true
			runtime.Gosched()
			continue
		}
		q.sleeping = true
		itemPage, valuePage := q.items.spare, q.values.spare
		q.items.spare, q.values.spare = nil, nil
		q.mu.Unlock()
		items.letGo(itemPage, q.itemPages)
		values.letGo(valuePage, q.valuePages)
		<-q.wake
		yielded = false
	}
}
