package health

import (
	"context"
	"slices"
	"sync"

	"leafmesh/mesh/stats"
)

// Watchers are those who want to know how a node is. The zero value has none. Its methods are safe
// for concurrent use.
type Watchers struct {
	mu      sync.Mutex
	present stats.Health               // guarded by mu: what they were told last
	all     map[chan stats.Health]bool // guarded by mu
	ended   bool                       // guarded by mu: nobody looks any more
}

// Add returns a channel with the health as it is now, which look finds out, and then each other
// one that is published. Who does not keep up gets the newest. The channel is closed when ctx ends,
// or after [Watchers.End].
func (w *Watchers) Add(ctx context.Context, look func() stats.Health) <-chan stats.Health {
	watcher := make(chan stats.Health, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		watcher <- w.present
		close(watcher)
		return watcher
	}
	w.publishLocked(look()) // all watchers have the same, or the next change could be none to one of them
	watcher <- w.present
	if w.all == nil {
		w.all = map[chan stats.Health]bool{}
	}
	w.all[watcher] = true
	context.AfterFunc(ctx, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.all[watcher] {
			delete(w.all, watcher)
			close(watcher)
		}
	})
	return watcher
}

// Publish tells those who watch, if the health has changed. It does not wait for them.
func (w *Watchers) Publish(present stats.Health) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.publishLocked(present)
}

func (w *Watchers) publishLocked(present stats.Health) {
	if w.present.Ready == present.Ready && slices.Equal(w.present.Problems, present.Problems) {
		return
	}
	w.present = present
	for watcher := range w.all {
		select {
		case <-watcher: // it has not looked at the last one
		default:
		}
		watcher <- present
	}
}

// End tells those who watch the last health, and closes what they hear.
func (w *Watchers) End(last stats.Health) {
	w.Publish(last)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
	for watcher := range w.all {
		close(watcher)
	}
	w.all = nil
}
