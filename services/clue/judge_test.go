package clue

import (
	"fmt"
	"testing"
	"time"

	"leafmesh/services/answer"
	"leafmesh/services/huntfile"

	"pgregory.net/rapid"
)

// sample is a hunt of three clues: a is open from the start, b follows a, c has no hints and odd
// answers.
func sample(limits huntfile.Limits) *huntfile.Hunt {
	return &huntfile.Hunt{ID: "sample", Title: "Sample", Limits: limits, Clues: []huntfile.Clue{
		{ID: "a", Title: "A", Text: "text of a", Points: 10, Answers: []string{"Lighthouse", "light house keeper"}, Unlock: huntfile.Rule{Start: true},
			Hints: []huntfile.Hint{{Text: "it shines", Cost: 2}, {Text: "at sea", Cost: 3}}},
		{ID: "b", Title: "B", Text: "text of b", Points: 20, Answers: []string{"tide"}, Unlock: huntfile.Rule{After: []string{"a"}}},
		{ID: "c", Title: "C", Text: "text of c", Points: 30, Answers: []string{"🦉", "C++"}, Unlock: huntfile.Rule{Start: true}},
	}}
}

func TestDecide(t *testing.T) {
	type step struct {
		at      time.Duration // since the first
		clue    string
		guess   string
		verdict Verdict
		left    int           // after the step
		until   time.Duration // lock-out after the step; 0: none, -1: for good
	}
	for _, test := range []struct {
		name   string
		limits huntfile.Limits
		steps  []step
	}{
		{"answers", huntfile.Limits{}, []step{
			{0, "a", "harbour", Wrong, -1, 0},
			{0, "a", "LIGHT-HOUSE", Correct, -1, 0},
			{0, "a", "lighthouse", AlreadySolved, -1, 0},
			{0, "a", "nonsense", AlreadySolved, -1, 0},
		}},
		{"second answer", huntfile.Limits{}, []step{{0, "a", "Lighthouse keeper!", Correct, -1, 0}}},
		{"emoji and symbols", huntfile.Limits{}, []step{{0, "c", "c", Wrong, -1, 0}, {0, "c", " c + + ", Correct, -1, 0}}},
		{"nothing is no answer", huntfile.Limits{}, []step{{0, "a", " ", Wrong, -1, 0}, {0, "a", "...", Wrong, -1, 0}}},
		{"not open", huntfile.Limits{Guesses: 1}, []step{{0, "b", "tide", NotOpen, 1, 0}, {0, "b", "ebb", NotOpen, 1, 0}}},
		{"unknown clue", huntfile.Limits{}, []step{{0, "z", "tide", NotOpen, -1, 0}, {0, "", "", NotOpen, -1, 0}}},
		{"lock-out for good", huntfile.Limits{Guesses: 2}, []step{
			{0, "a", "x", Wrong, 1, 0},
			{0, "a", "y", Wrong, 0, -1},
			{0, "a", "lighthouse", LockedOut, 0, -1},
			{1000 * time.Hour, "a", "lighthouse", LockedOut, 0, -1},
			{0, "c", "🦉", Correct, 2, 0}, // another clue is not concerned
		}},
		{"lock-out that ends", huntfile.Limits{Guesses: 2, Lockout: time.Minute}, []step{
			{0, "a", "x", Wrong, 1, 0},
			{10 * time.Second, "a", "y", Wrong, 0, 70 * time.Second},
			{20 * time.Second, "a", "lighthouse", LockedOut, 0, 70 * time.Second},
			{70*time.Second - time.Millisecond, "a", "lighthouse", LockedOut, 0, 70 * time.Second},
			{70 * time.Second, "a", "z", Wrong, 1, 0},
			{71 * time.Second, "a", "z", Wrong, 0, 131 * time.Second},
			{130 * time.Second, "a", "lighthouse", LockedOut, 0, 131 * time.Second},
			{131 * time.Second, "a", "lighthouse", Correct, 2, 0},
		}},
		{"a clock that steps back does not shorten it", huntfile.Limits{Guesses: 2, Lockout: time.Minute}, []step{
			{time.Hour, "a", "x", Wrong, 1, 0},
			{0, "a", "y", Wrong, 0, time.Hour + time.Minute},
			{30 * time.Minute, "a", "lighthouse", LockedOut, 0, time.Hour + time.Minute},
		}},
		{"solved beats locked", huntfile.Limits{Guesses: 1, Lockout: time.Minute}, []step{
			{0, "a", "lighthouse", Correct, 1, 0}, {0, "a", "x", AlreadySolved, 1, 0},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			j := newJudge(sample(test.limits))
			states := map[string]State{"a": {Open: true}, "c": {Open: true}}
			const first = 1_500_000_000_000
			for i, s := range test.steps {
				at := first + s.at.Milliseconds()
				verdict, after := j.decide(states[s.clue], s.clue, s.guess, at)
				states[s.clue] = after
				if verdict != s.verdict {
					t.Fatalf("step %d: %q at %v is %v, want %v", i, s.guess, s.at, verdict, s.verdict)
				}
				if left := j.left(after, at); left != s.left {
					t.Errorf("step %d: %d guesses left, want %d", i, left, s.left)
				}
				until, locked := j.lockedUntil(after, at)
				want := int64(0)
				if s.until > 0 {
					want = first + s.until.Milliseconds()
				}
				if locked != (s.until != 0) || until != want {
					t.Errorf("step %d: locked %v until %d, want %v", i, locked, until, s.until)
				}
			}
		})
	}
}

// A hunt that was not validated may have an answer of nothing. Nothing matches it.
func TestNothingMatchesNothing(t *testing.T) {
	hunt := sample(huntfile.Limits{})
	hunt.Clues[0].Answers = []string{"..."}
	for _, guess := range []string{"", "...", " "} {
		if verdict, _ := newJudge(hunt).decide(State{Open: true}, "a", guess, 0); verdict != Wrong {
			t.Errorf("%q is %v", guess, verdict)
		}
	}
}

// model is the judge written in the dumbest way: it keeps every guess and counts anew each time.
type model struct {
	limits  huntfile.Limits
	answers []string
	open    bool
	wrong   []int64 // times
	solved  bool
}

func (m *model) guess(text string, at int64) Verdict {
	if !m.open {
		return NotOpen
	}
	if m.solved {
		return AlreadySolved
	}
	if n := m.limits.Guesses; n > 0 && len(m.wrong) > 0 && len(m.wrong)%n == 0 { // a lock-out began with the last wrong guess
		if m.limits.Lockout == 0 || at < m.wrong[len(m.wrong)-1]+m.limits.Lockout.Milliseconds() {
			return LockedOut
		}
	}
	for _, a := range m.answers {
		if answer.Same(a, text) {
			m.solved = true
			return Correct
		}
	}
	m.wrong = append(m.wrong, at)
	return Wrong
}

func TestDecideAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limits := huntfile.Limits{Guesses: rapid.IntRange(0, 4).Draw(t, "guesses")}
		if limits.Guesses > 0 {
			limits.Lockout = time.Duration(rapid.IntRange(0, 5).Draw(t, "lockout")) * time.Second
		}
		j := newJudge(sample(limits))
		m := &model{limits: limits, answers: sample(limits).Clues[0].Answers}
		var s State
		at := int64(1_500_000_000_000)
		for i := range rapid.IntRange(1, 30).Draw(t, "steps") {
			at += int64(rapid.IntRange(0, 2500).Draw(t, "ms"))
			if rapid.IntRange(0, 4).Draw(t, "opens") == 0 {
				s.Open, m.open = true, true
			}
			guess := rapid.SampledFrom([]string{"x", "...", "", "y", "w", "v", "LIGHT house", "lighthousekeeper"}).Draw(t, "guess")
			if i%7 != 6 && answer.Same(guess, "lighthouse") {
				guess = "almost" // or nearly every run ends at once
			}
			verdict, after := j.decide(s, "a", guess, at)
			if want := m.guess(guess, at); verdict != want {
				t.Fatalf("step %d: %q is %v, want %v; state %+v", i, guess, verdict, want, s)
			}
			if again, same := j.decide(s, "a", guess, at); again != verdict || same != after {
				t.Fatalf("step %d: deciding twice gives two results", i)
			}
			s = after
		}
		if s.Wrong != len(m.wrong) || s.Solved != m.solved {
			t.Fatalf("state %+v, want %d wrong, solved %v", s, len(m.wrong), m.solved)
		}
	})
}

// FuzzDecide: whatever is guessed, the state stays sound and only an answer solves.
func FuzzDecide(f *testing.F) {
	f.Add("a", "Lighthouse", int64(0), uint8(1), uint8(0))
	f.Add("c", "c++", int64(-1), uint8(0), uint8(3))
	f.Add("z", "\xff\x00", int64(1<<62), uint8(2), uint8(255))
	f.Add("a", "", int64(1_500_000_000_000), uint8(3), uint8(2))
	f.Fuzz(func(t *testing.T, clue, guess string, at int64, limit, wrong uint8) {
		j := newJudge(sample(huntfile.Limits{Guesses: int(limit), Lockout: time.Duration(limit/2) * time.Second}))
		before := State{Open: true, Wrong: int(wrong), WrongAt: 1000}
		verdict, after := j.decide(before, clue, guess, at)
		if after.Solved != (verdict == Correct) || (after.Wrong != before.Wrong) != (verdict == Wrong) || !after.Open {
			t.Errorf("%v took %+v to %+v", verdict, before, after)
		}
		if verdict == Correct && answer.Normalize(guess) == "" {
			t.Errorf("%q solved %s", guess, clue)
		}
		if left := j.left(after, at); limit > 0 && (left < 0 || left > int(limit)) {
			t.Errorf("%d guesses left of %d", left, limit)
		}
	})
}

func TestVerdictString(t *testing.T) {
	for v, want := range map[Verdict]string{1: "correct", 2: "wrong", 3: "locked-out", 4: "already-solved", 5: "not-open", 0: "verdict-0", 6: "verdict-6"} {
		if got := fmt.Sprint(v); got != want {
			t.Errorf("Verdict(%d) is %q, want %q", uint8(v), got, want)
		}
	}
}

func BenchmarkDecide(b *testing.B) {
	j, s := newJudge(sample(huntfile.Limits{Guesses: 20})), State{Open: true}
	b.ReportAllocs()
	for b.Loop() {
		j.decide(s, "a", "BESTSELLING CRIME NOVEL", 1)
	}
}
