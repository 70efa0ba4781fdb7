package handling

import (
	"sync"
	"time"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/delivery"
	"leafmesh/mesh/internal/letters"
	"leafmesh/mesh/stats"
)

// failed is an event that was tried in vain and is to be tried again, as operators are told of it.
type failed struct {
	header cause.Header
	tries  int
	next   time.Time
	err    error
}

// failed is the event that was tried just now, to come again after a pause.
func (w *worker) failed(it *delivery.Item, tries int, pause time.Duration, err error) *failed {
	return &failed{it.Header, tries, time.Unix(0, w.Clock.Wall()).Add(pause), err}
}

// waiting is an event for which its worker itself waits between two tries. The zero value is none.
type waiting struct {
	mu    sync.Mutex
	event *failed // guarded by mu
}

func (w *waiting) set(event *failed) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.event = event
}

func (w *waiting) get() *failed {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.event
}

// failed lists what rests or is being tried again, and what the worker waits for.
func (r *rest) failed() (list []*failed) {
	if event := r.alone.get(); event != nil {
		list = append(list, event)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, in := range r.byKey {
		if in.failed != nil {
			list = append(list, in.failed)
		}
	}
	return list
}

// Retrying lists the events that handlers of the node failed and are to be given again, in no
// order. Those behind one of the same key are not among them: nobody has tried them.
func (r *Rests) Retrying() (list []stats.Retrying) {
	for _, one := range r.all {
		for _, f := range one.failed() {
			h := &f.header
			list = append(list, stats.Retrying{Type: h.Subject(), Key: h.Key, Handler: one.handler, Event: h.ID, Root: h.Root,
				Try: f.tries, Of: one.tries, NextAt: f.next, Error: letters.ErrorText(f.err)})
		}
	}
	return list
}
