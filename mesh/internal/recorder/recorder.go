package recorder

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/stats"
)

// Recorder is the flight recorder of a node. Make one with [New]. Its methods are safe for
// concurrent use; those of the nil Recorder record and find nothing.
type Recorder struct {
	node  string
	clock *clock.Clock
	paths *cause.Tree
	slow  atomic.Int64

	usual []ring // pairs: events that enter, and what becomes of them
	// What fell out of them must not depend on how much else happens, so these have rings of their
	// own: what went wrong, refusals, and later records of cascades that are kept.
	trouble, refusals, kept ring

	followed atomic.Pointer[filter]
	missed   atomic.Uint64 // records for which no ring was free
	woken    atomic.Bool
	wake     chan struct{}

	mu       sync.Mutex
	channels []*Channel // guarded by mu
}

// Spec says what a recorder is to be.
type Spec struct {
	Node  string
	Bytes int64 // for all rings; 0: no recorder
	Slow  time.Duration
	Clock *clock.Clock
	Paths *cause.Tree // finds a path by its number
}

// homeBits is how long a step stays with one ring: so many of its events go there, as a power of
// two. Then it moves on, so that all rings reach back equally far, whichever types are busy.
const homeBits = 8

// New makes a recorder; nil if it may have no bytes. Three quarters of them are for what is usual.
func New(s Spec) *Recorder {
	if s.Bytes <= 0 {
		return nil
	}
	pairs := 1
	for pairs < min(runtime.GOMAXPROCS(0), 16) {
		pairs *= 2
	}
	r := &Recorder{node: s.Node, clock: s.Clock, paths: s.Paths, wake: make(chan struct{}, 1),
		trouble: makeRing(s.Bytes/8, true), refusals: makeRing(s.Bytes/16, true), kept: makeRing(s.Bytes/16, false)}
	for range 2 * pairs {
		r.usual = append(r.usual, makeRing(s.Bytes*3/4/int64(2*pairs), false))
	}
	r.followed.Store(&filter{})
	r.SetSlow(s.Slow)
	return r
}

// SetSlow changes what is slow from now on: see [Spec]. The nil Recorder records nothing.
func (r *Recorder) SetSlow(d time.Duration) {
	if r != nil {
		r.slow.Store(int64(d))
	}
}

// Channel makes what records a step; nil if it is not recorded.
func (r *Recorder) Channel(s Step) *Channel {
	if r == nil {
		return nil
	}
	c := &Channel{recorder: r, step: s, class: classOf(s), entry: s.Outcome == stats.Admitted || s.Outcome == stats.Unheard}
	if c.class == nowhere {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	c.number = uint32(len(r.channels))
	r.channels = append(r.channels, c)
	return c
}

// put records what is usual. home chooses the ring; emitters and handlers, which run side by side,
// have rings of their own.
func (r *Recorder) put(c *Channel, home uint64, h *cause.Header, at, took int64) {
	rings := uint64(len(r.usual))
	i := (home + uint64(c.number)) * 2
	if c.entry {
		i++
	}
	for range rings {
		ring := &r.usual[i&(rings-1)]
		if ring.take() {
			ring.stage().fill(h, c, at, took, 1)
			ring.leave()
			return
		}
		i++
	}
	r.missed.Add(1)
}

// follow records a step of a cascade that is kept once more, for whoever keeps it.
func (r *Recorder) follow(c *Channel, h *cause.Header, at, took int64) {
	r.kept.await()
	chunk, slot := r.kept.slot()
	chunk.records[slot].fill(h, c, at, took, 1)
	r.kept.leave()
	r.call()
}

// noteTrouble records what makes a cascade worth keeping.
func (r *Recorder) noteTrouble(c *Channel, h *cause.Header, at, took int64, err error) {
	text, count := textOf(err), uint32(min(1+c.skipped.Swap(0), 1<<32-1))
	ring := &r.trouble
	if c.class == refusals {
		ring = &r.refusals
	}
	ring.await()
	chunk, slot := ring.slot()
	chunk.records[slot].fill(h, c, at, took, count)
	chunk.texts[slot] = text
	ring.leave()
	r.call()
}

// call wakes whoever keeps what went wrong.
func (r *Recorder) call() {
	if !r.woken.Load() && r.woken.CompareAndSwap(false, true) {
		select {
		case r.wake <- struct{}{}:
		default: // a call is there that nobody has taken
		}
	}
}
