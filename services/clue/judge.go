package clue

import (
	"strconv"

	"leafmesh/services/answer"
	"leafmesh/services/huntfile"
)

// Verdict is what was found of a guess. The numbers are part of the event contract and of the
// database.
type Verdict uint8

// The verdicts, in the order in which they are ruled out: the last that applies first.
const (
	Correct       Verdict = 1 // one of the clue's answers
	Wrong         Verdict = 2 // none of them; counts towards the limit
	LockedOut     Verdict = 3 // not looked at: too many wrong guesses
	AlreadySolved Verdict = 4 // not looked at: the team has solved the clue before
	NotOpen       Verdict = 5 // not looked at: the clue is not open to the team, or does not exist
)

var verdicts = [...]string{Correct: "correct", Wrong: "wrong", LockedOut: "locked-out", AlreadySolved: "already-solved", NotOpen: "not-open"}

// String gives the verdict as the HTTP API writes it: "correct", "locked-out".
func (v Verdict) String() string {
	if v < Correct || v > NotOpen {
		return "verdict-" + strconv.Itoa(int(v))
	}
	return verdicts[v]
}

// State is all that judging needs to know of one team and one clue. The zero State is that of a
// clue not yet open.
type State struct {
	Open     bool
	Solved   bool
	SolvedAt int64 // unix ms; 0 unless Solved
	Wrong    int   // wrong guesses so far, those that led to past lock-outs included
	WrongAt  int64 // when the latest of them was, unix ms
}

// judge judges. It is pure: its methods depend on their arguments and on the hunt, which never
// changes.
type judge struct {
	limits  huntfile.Limits
	accepts map[string]map[string]struct{} // clue id → its answers in normal form
}

func newJudge(hunt *huntfile.Hunt) *judge {
	j := &judge{limits: hunt.Limits, accepts: make(map[string]map[string]struct{}, len(hunt.Clues))}
	for _, clue := range hunt.Clues {
		forms := make(map[string]struct{}, len(clue.Answers))
		for _, text := range clue.Answers {
			forms[answer.Normalize(text)] = struct{}{}
		}
		delete(forms, "") // Nothing is no answer, whatever the hunt says.
		j.accepts[clue.ID] = forms
	}
	return j
}

// decide gives the verdict on a guess made at a time in unix ms, and the state after it.
func (j *judge) decide(s State, clue, guess string, at int64) (Verdict, State) {
	forms, known := j.accepts[clue]
	switch {
	case !known || !s.Open:
		return NotOpen, s
	case s.Solved:
		return AlreadySolved, s
	}
	if _, locked := j.lockedUntil(s, at); locked {
		return LockedOut, s
	}
	if _, correct := forms[answer.Normalize(guess)]; correct {
		s.Solved, s.SolvedAt = true, at
		return Correct, s
	}
	s.Wrong++
	s.WrongAt = max(s.WrongAt, at) // Clocks step back; a lock-out does not.
	return Wrong, s
}

// lockedUntil reports whether the team is locked out at a time, and until when: unix ms, 0 for
// good.
//
// The lock-out follows from the count and the hunt's limits and is stored nowhere, so that
// organisers may change the limits of a running hunt: the new ones apply to all from the next
// start.
func (j *judge) lockedUntil(s State, at int64) (until int64, locked bool) {
	n := j.limits.Guesses
	switch {
	case n == 0 || s.Wrong < n:
		return 0, false
	case j.limits.Lockout == 0:
		return 0, true
	case s.Wrong%n != 0: // Guesses made since the last lock-out ended.
		return 0, false
	}
	if until = s.WrongAt + j.limits.Lockout.Milliseconds(); at >= until {
		return 0, false
	}
	return until, true
}

// left is how many wrong guesses the team may still make before the next lock-out; -1: any number.
func (j *judge) left(s State, at int64) int {
	n := j.limits.Guesses
	if n == 0 {
		return -1
	}
	if _, locked := j.lockedUntil(s, at); locked {
		return 0
	}
	return n - s.Wrong%n
}
