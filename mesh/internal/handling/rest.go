package handling

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"leafmesh/mesh/internal/delivery"
	"leafmesh/mesh/internal/queue"
	"leafmesh/mesh/stats"
)

const (
	// maxResting is how many keys of a worker may rest at once. If more fail it is the handler that
	// is sick, and not a key: then the worker waits, its queue fills, and whoever emits is held
	// back instead of losing events.
	maxResting = 8
	// maxBehind is how many events may wait behind one that rests.
	maxBehind = 4096
)

// rest is where events of one worker wait until they are tried again, and those of their keys that
// came after them: a key that fails holds up only itself. Events without a key do not rest, as
// there is nothing that they do not hold up. In the nil rest nothing rests.
type rest struct {
	queue   *queue.Core[delivery.Item]
	handler string
	tries   int          // that an event has
	lines   atomic.Int64 // how many, to be read without the lock
	alone   waiting

	mu      sync.Mutex
	byKey   map[string]*line // guarded by mu
	events  int64            // guarded by mu: that rest, wait behind one, or are on their way back
	letsAll bool             // guarded by mu: nothing rests any more
	timers  sync.WaitGroup   // that are to ring, or ring
}

// line is an event of a key that rests, or is being tried again, and those behind it.
type line struct {
	first  *resting // nil while it is being tried
	failed *failed  // the first, as it ended last
	timer  *time.Timer
	forget func() bool // ends the wait for the end of life
	behind []resting
}

// resting is an event with a copy of its value.
type resting struct {
	item  delivery.Item
	value any
}

// busy reports whether an event of the key has to join a line.
func (r *rest) busy(key string) bool {
	if r.lines.Load() == 0 {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.byKey[key] != nil
}

// has reports whether there is room for an event of the key to rest.
func (r *rest) has(key string) bool {
	if r == nil || key == "" {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.letsAll && (r.byKey[key] != nil || len(r.byKey) < maxResting)
}

// join moves an event into the line of its key. Only the worker calls it, if the line is busy.
func (r *rest) join(it *delivery.Item, value any) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	in := r.byKey[it.Header.Key]
	if len(in.behind) >= maxBehind {
		return stats.ErrLineFull
	}
	in.behind = append(in.behind, resting{it.Take(&delivery.Again{}), value})
	r.events++
	return nil
}

// lay moves an event that was tried in vain to the head of its line, for a pause. Only the worker
// calls it, if there is room. What came from an outbox is woken when life ends.
func (r *rest) lay(life context.Context, it *delivery.Item, value any, a delivery.Again, pause time.Duration, as *failed) {
	r.mu.Lock()
	defer r.mu.Unlock()
	in := r.byKey[it.Header.Key]
	if in == nil {
		in = &line{forget: func() bool { return true }}
		r.byKey[it.Header.Key] = in
		r.lines.Add(1)
	}
	in.failed = as
	in.first = &resting{it.Take(&a), value}
	in.forget()
	if in.first.item.Handover != nil { // it goes back to its exporter when the node takes no more
		in.forget = context.AfterFunc(life, func() { r.wake(in) })
	}
	r.events++
	r.timers.Add(1)
	in.timer = time.AfterFunc(pause, func() {
		defer r.timers.Done()
		r.wake(in)
	})
}

// wake puts the first of a line back into the queue, unless that has happened.
func (r *rest) wake(in *line) {
	r.mu.Lock()
	first := in.first
	in.first = nil
	r.mu.Unlock()
	if first != nil {
		r.putBack(first)
	}
}

// next goes on with the line of a key whose first one has ended.
func (r *rest) next(key string) {
	r.mu.Lock()
	in := r.byKey[key]
	if len(in.behind) == 0 {
		in.forget()
		delete(r.byKey, key)
		r.lines.Add(-1)
		r.mu.Unlock()
		return
	}
	first := in.behind[0]
	in.behind[0] = resting{} // let go of what it refers to
	in.failed = nil
	in.behind = in.behind[1:]
	r.mu.Unlock()
	r.putBack(&first)
}

// putBack lets an event go on. An abandoned queue loses it, and all behind it.
func (r *rest) putBack(e *resting) {
	isBack := r.queue.PutBack(&e.item, e.value)
	r.mu.Lock()
	r.events-- // not before: it is always somewhere
	r.mu.Unlock()
	if !isBack {
		e.item.Abandon()
		r.next(e.item.Header.Key)
	}
}

// letGo lets all go on, now and from then on, and waits for timers.
func (r *rest) letGo() {
	r.mu.Lock()
	r.letsAll = true
	lines := make([]*line, 0, len(r.byKey))
	for _, in := range r.byKey {
		if in.timer.Stop() {
			r.timers.Done()
		}
		lines = append(lines, in)
	}
	r.mu.Unlock()
	for _, in := range lines {
		r.wake(in)
	}
	r.timers.Wait()
}

// count is how many events are in the hands of the rest.
func (r *rest) count() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.events
}

// Rests are those of all workers of a node. They are made before any worker runs.
type Rests struct{ all []*rest }

func (r *Rests) add(q *queue.Core[delivery.Item], handler string, tries int) *rest {
	one := &rest{queue: q, handler: handler, tries: tries, byKey: map[string]*line{}}
	r.all = append(r.all, one)
	return one
}

// Kept counts the events that rest, and those behind them.
func (r *Rests) Kept() (sum int64) {
	for _, one := range r.all {
		sum += one.count()
	}
	return sum
}

// LetGo lets all go on that rest. From then on none does.
func (r *Rests) LetGo() {
	for _, one := range r.all {
		one.letGo()
	}
}
