package replay

import (
	"sync"

	"leafmesh/services/clue"
)

// attempts brings together who submitted a guess and the verdict on it, which may come before
// Submit has told the attempt's id. Its methods may be called at the same time.
type attempts struct {
	mu    sync.Mutex
	halfs map[string]half // guarded by mu; attempt id → what is there of it
}

// half is one of the two, the other is to come.
type half struct {
	judged  func(clue.Verdict) // nil: to come
	verdict clue.Verdict       // 0: to come
}

func newAttempts() *attempts { return &attempts{halfs: make(map[string]half)} }

// submitted tells who wants the verdict on an attempt. Once for each.
func (a *attempts) submitted(id string, judged func(clue.Verdict)) {
	if verdict := a.meet(id, half{judged: judged}).verdict; verdict != 0 {
		judged(verdict)
	}
}

// judged tells the verdict on an attempt. Once for each.
func (a *attempts) judged(id string, verdict clue.Verdict) {
	if judged := a.meet(id, half{verdict: verdict}).judged; judged != nil {
		judged(verdict)
	}
}

// meet returns the other half, or keeps this one.
func (a *attempts) meet(id string, this half) (other half) {
	a.mu.Lock()
	defer a.mu.Unlock()
	other, met := a.halfs[id]
	if met {
		delete(a.halfs, id)
		return other
	}
	a.halfs[id] = this
	return half{}
}
