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

	mu   sync.Mutex
	list []wire.Answer // guarded by mu
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

func (a *answers) rouse() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

func (a *answers) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.list)
}

// takeAll takes all that there are.
func (a *answers) takeAll() []wire.Answer {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := a.list
	a.list = nil
	return list
}

// putBack puts answers that could not be said before all others.
func (a *answers) putBack(list []wire.Answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
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
