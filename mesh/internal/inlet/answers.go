package inlet

import (
	"slices"
	"sync"
	"time"

	"leafmesh/mesh/internal/wire"
)

// answers gathers what a talk is to say of events, until the talk says it.
type answers struct {
	wake chan struct{} // has something to say

	mu       sync.Mutex
	list     []wire.Answer // guarded by mu
	got      uint64        // guarded by mu: the number of the last batch
	gotBytes int           // guarded by mu: of batches that the exporter was not told of
	owed     bool          // guarded by mu: the exporter waits to hear of them
}

const (
	// gatherFor is how long answers are gathered while others have just been sent, and gatherCount
	// how many are not kept waiting any longer.
	gatherFor   = 250 * time.Microsecond
	gatherCount = 256
	// answerRoom is more than an answer needs without names.
	answerRoom = 48
	// maxAnswersBytes bounds a message of answers, so that no ping waits behind a long one.
	maxAnswersBytes = 32 << 10
)

// add takes an answer. It never blocks.
func (a *answers) add(answer wire.Answer) {
	a.mu.Lock()
	a.list = append(a.list, answer)
	count := len(a.list)
	a.mu.Unlock()
	if count == 1 || count == gatherCount {
		a.rouse()
	}
}

// gotBatch notes that a batch came. Its exporter hears so with the next answers, or at once if more
// is to come behind it: while it does not know, it sends no more than a slow link can take.
func (a *answers) gotBatch(b *wire.Batch, bytes int) {
	parts := false
	for i := range b.Events {
		parts = parts || b.Events[i].More
	}
	a.mu.Lock()
	a.got, a.gotBytes = b.Number, a.gotBytes+bytes
	first := !a.owed && (parts || a.gotBytes >= wire.GotEach)
	a.owed = a.owed || first
	a.mu.Unlock()
	if first {
		a.rouse()
	}
}

// takeGot is the number of the last batch, and whether its exporter waits to hear it.
func (a *answers) takeGot() (number uint64, owed bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	owed = a.owed
	a.gotBytes, a.owed = 0, false
	return a.got, owed
}

// forgetGot forgets what came on a former link.
func (a *answers) forgetGot() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.got, a.gotBytes, a.owed = 0, 0, false
}

func (a *answers) rouse() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// count is how many answers there are, and whether the exporter waits to hear of a batch.
func (a *answers) count() (answers int, owed bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.list), a.owed
}

// takeAll takes all that there are.
func (a *answers) takeAll() []wire.Answer {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := a.list
	a.list = nil
	return list
}

// putBack puts answers that could not be said before all others, and whether the exporter still
// waits to hear of a batch.
func (a *answers) putBack(list []wire.Answer, owed bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.owed = a.owed || owed
	a.list = append(slices.Clip(list), a.list...)
}

// portion is how many of the first answers fit into a message of so many bytes: at least one, whose
// names of handlers are left out if even they do not fit, as then these only run once more.
func portion(list []wire.Answer, room int) int {
	room = min(room, maxAnswersBytes) - answerRoom
	for i := range list {
		if room -= sizeOf(&list[i]); room < 0 && i == 0 {
			list[0].Done = nil
			return 1
		}
		if room < 0 || i == wire.MaxBatchEvents-1 {
			return max(1, i)
		}
	}
	return len(list)
}

func sizeOf(a *wire.Answer) int {
	size := answerRoom + len(a.Type)
	for _, name := range a.Done {
		size += len(name) + 3
	}
	return size
}
