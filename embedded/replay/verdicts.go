package replay

import (
	"sync"

	"leafmesh/embedded/guesslog"
	"leafmesh/services/clue"
)

// verdicts counts the verdicts as they come. Its methods may be called at the same time.
type verdicts struct {
	want int           // guesses in all
	all  chan struct{} // closed when each has its verdict

	mu                         sync.Mutex
	judged                     int // guarded by mu, as all below
	correct, wrong, mismatches int
}

func newVerdicts(want int) *verdicts {
	return &verdicts{want: want, all: make(chan struct{})}
}

// add takes the verdict on a guess. The letters Y and N stand for correct and wrong; a guess that
// clue did not look at agrees with neither.
func (v *verdicts) add(g guesslog.Guess, verdict clue.Verdict) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch verdict {
	case clue.Correct:
		v.correct++
	case clue.Wrong:
		v.wrong++
	}
	if g.Correct && verdict != clue.Correct || !g.Correct && verdict != clue.Wrong {
		v.mismatches++
	}
	if v.judged++; v.judged == v.want {
		close(v.all)
	}
}

// count returns how many guesses have their verdict.
func (v *verdicts) count() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.judged
}

// into writes the counts into a result.
func (v *verdicts) into(r *Result) {
	v.mu.Lock()
	defer v.mu.Unlock()
	r.Guesses, r.Correct, r.Wrong, r.Mismatches = v.judged, v.correct, v.wrong, v.mismatches
}
