package storm

import (
	"context"
	"crypto/sha256"
	"errors"
	"sync"
	"time"

	"leafmesh/embedded/measure"
	"leafmesh/mesh"
	"leafmesh/mesh/inproc"
)

// readingRate is how many readings a second each node emits: enough for a mean, and some % of a
// core.
const readingRate = 500

// pageBytes is how much the readings' handler hashes: some 40 µs of work. A handler that does
// nothing was tried: it takes 5 µs, and one pause of a machine that does other things too made
// twice as much of the mean.
const pageBytes = 64 << 10

// neighbour is the well-behaved type on one node: it emits readings and keeps how long each took.
type neighbour struct {
	service *service
	begin   time.Time
	pending sync.WaitGroup // readings emitted and not yet handled
	page    []byte         // what the handler works on

	mu    sync.Mutex
	times []time.Duration // guarded by mu
}

// neighbours are those of all nodes, in the order of the nodes.
type neighbours [nodeCount]*neighbour

func newNeighbours() (all neighbours) {
	for i, s := range services {
		all[i] = &neighbour{service: s, begin: time.Now(), page: make([]byte, pageBytes)}
	}
	return all
}

// handle is the readings' handler: it hashes a page, and takes the time when that is done.
func (n *neighbour) handle(_ context.Context, r reading) error {
	defer n.pending.Done()
	hash := sha256.Sum256(n.page)
	copy(n.page, hash[:]) // so that each page is another one
	n.mu.Lock()
	defer n.mu.Unlock()
	n.times = append(n.times, time.Since(n.begin)-time.Duration(r.At))
	return nil
}

// run emits readings until ctx ends, and waits until they are handled.
func (n *neighbour) run(ctx context.Context, node *mesh.Node) error {
	defer n.pending.Wait()
	inside := node.Context(ctx)
	return measure.Pace(ctx, readingRate, func(time.Time) error {
		n.pending.Add(1)
		err := n.service.read.Emit(inside, reading{At: int64(time.Since(n.begin))})
		if err != nil {
			n.pending.Done()
		}
		return err
	})
}

// take takes out the times kept so far.
func (n *neighbour) take() (times []time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	times, n.times = n.times, nil
	return times
}

// run lets all neighbours run until ctx ends, and says how long their readings took.
func (all neighbours) run(ctx context.Context, nodes inproc.Nodes) (measure.Handling, error) {
	var running sync.WaitGroup
	var errs [nodeCount]error
	for i, n := range all {
		running.Go(func() { errs[i] = n.run(ctx, nodes[i]) })
	}
	running.Wait()
	var times []time.Duration
	for _, n := range all {
		times = append(times, n.take()...)
	}
	return measure.HandlingOf(times), errors.Join(errs[:]...)
}
