package meshtest

import (
	"context"
	"slices"
	"sync"

	"leafmesh/mesh"
)

// Received is an event as it was delivered on a node.
type Received[T any] struct {
	Header mesh.Header
	Value  T
}

// recorderName names the recorder in counters: "handler meshtest-recorder".
const recorderName = "meshtest-recorder"

// recorderQueue is so long that the recorder holds up no emitter.
const recorderQueue = 1 << 16

// recorder keeps the events of one node.
type recorder struct {
	node string

	mu      sync.Mutex
	events  []Received[mesh.Any] // guarded by mu
	changed chan struct{}        // guarded by mu: closed by the next event; nil while nobody waits
}

func (r *recorder) handler() mesh.Handler {
	return mesh.HandleAll(">", recorderName, r.record, mesh.Queue(recorderQueue))
}

func (r *recorder) record(ctx context.Context, value mesh.Any) error {
	header, _ := mesh.HeaderOf(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, Received[mesh.Any]{header, value})
	if r.changed != nil {
		close(r.changed)
		r.changed = nil
	}
	return nil
}

// since returns the events from the given index on, and a channel that is closed
// by the next one.
func (r *recorder) since(index int) ([]Received[mesh.Any], <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.changed == nil {
		r.changed = make(chan struct{})
	}
	return slices.Clone(r.events[index:]), r.changed
}

func (r *recorder) all() []Received[mesh.Any] {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events)
}
