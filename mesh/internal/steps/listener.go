package steps

import (
	"slices"
	"sync"
	"sync/atomic"

	"leafmesh/mesh/cause"
)

// Listener learns of every step. Metrics and traces are listeners.
type Listener interface {
	// Note is called for each step after it was counted, in the goroutine that takes the step, by
	// many goroutines at once. It must not block.
	Note(p Passage)
}

// Passage is an event that takes a step.
type Passage struct {
	*Step
	// Header is the event's. It is the zero Header if nothing but the type is known, as of a
	// message that is no event.
	Header cause.Header
	// Count is 1, or how many events of which nothing is known took the step together.
	Count uint64
	// Err is why, for some outcomes; nil for the others.
	Err error
}

// listeners is who listens at a node.
type listeners struct {
	on   atomic.Uint32              // how many there are
	told atomic.Uint32              // the same, and one more for the recorder
	list atomic.Pointer[[]Listener] // replaced as a whole; nil: nobody
	mu   sync.Mutex                 // held while it is replaced
}

// add lets l listen, until the returned function is called.
func (all *listeners) add(l Listener) (remove func()) {
	all.change(func(list []Listener) []Listener { return append(list, l) })
	return sync.OnceFunc(func() {
		all.change(func(list []Listener) []Listener {
			at := slices.Index(list, l)
			return slices.Delete(list, at, at+1)
		})
	})
}

func (all *listeners) change(how func([]Listener) []Listener) {
	all.mu.Lock()
	defer all.mu.Unlock()
	var list []Listener
	if present := all.list.Load(); present != nil {
		list = slices.Clone(*present)
	}
	list = how(list)
	all.list.Store(&list)
	all.told.Add(uint32(len(list)) - all.on.Swap(uint32(len(list))))
}
