package clue

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"leafmesh/services/huntfile"
	"leafmesh/services/servicetest"
	"leafmesh/services/store"
)

// noon is when these tests' guesses are made.
var noon = time.Date(2030, 5, 1, 12, 0, 0, 0, time.UTC)

func TestGuessToVerdict(t *testing.T) {
	r := start(t, t.TempDir(), sample(huntfile.Limits{Guesses: 2, Lockout: time.Minute}))
	r.open("owls", "a", "c")
	for i, step := range []struct {
		clue, guess string
		after       time.Duration
		verdict     Verdict
		left        int
		until       time.Duration
	}{
		{"a", "harbour", 0, Wrong, 1, 0},
		{"b", "tide", 0, NotOpen, 2, 0},
		{"a", "pier", time.Second, Wrong, 0, 61 * time.Second},
		{"a", "lighthouse", 2 * time.Second, LockedOut, 0, 61 * time.Second},
		{"c", "c++", 2 * time.Second, Correct, 2, 0},
		{"a", "Light House", 61 * time.Second, Correct, 2, 0},
		{"a", "again", 62 * time.Second, AlreadySolved, 2, 0},
	} {
		j := r.answer("owls", step.clue, step.guess, noon.Add(step.after))
		until := time.Duration(0)
		if !j.LockedUntil.IsZero() {
			until = j.LockedUntil.Sub(noon)
		}
		if j.Verdict != step.verdict || j.GuessesLeft != step.left || until != step.until || !j.At.Equal(noon.Add(step.after)) {
			t.Errorf("step %d: got %v, %d left, until %v, at %v; want %v, %d, %v", i, j.Verdict, j.GuessesLeft, until, j.At, step.verdict, step.left, step.until)
		}
	}
	var verdicts []Verdict
	for _, e := range events[AnswerJudged](r) {
		verdicts = append(verdicts, e.Verdict)
	}
	equal(t, "judged", verdicts, []Verdict{Wrong, NotOpen, Wrong, LockedOut, Correct, Correct, AlreadySolved})
	equal(t, "solved", events[ClueSolved](r), []ClueSolved{
		{"owls", "c", noon.Add(2 * time.Second).UnixMilli()},
		{"owls", "a", noon.Add(61 * time.Second).UnixMilli()},
	})
}

func TestOtherTeamsAreNotConcerned(t *testing.T) {
	r := start(t, t.TempDir(), sample(huntfile.Limits{Guesses: 1}))
	r.open("owls", "a")
	r.open("foxes", "a")
	r.answer("owls", "a", "x", noon)
	if j := r.answer("owls", "a", "lighthouse", noon); j.Verdict != LockedOut {
		t.Errorf("owls: %v", j.Verdict)
	}
	if j := r.answer("foxes", "a", "lighthouse", noon); j.Verdict != Correct {
		t.Errorf("foxes: %v", j.Verdict)
	}
	if j := r.answer("nobody", "a", "lighthouse", noon); j.Verdict != NotOpen {
		t.Errorf("a team that nobody announced: %v", j.Verdict)
	}
}

// TestSameEventTwice: an event that is handled again counts once, and its verdict stays what it was
// first.
func TestSameEventTwice(t *testing.T) {
	r := start(t, t.TempDir(), sample(huntfile.Limits{Guesses: 3}))
	r.open("owls", "a", "c")
	ctx := r.Ctx
	wrong := AnswerSubmitted{Attempt: formatAttempt(r.ids.next()), Team: "owls", Clue: "a", Guess: "x", At: 1000}
	right := AnswerSubmitted{Attempt: formatAttempt(r.ids.next()), Team: "owls", Clue: "c", Guess: "🦉", At: 1000}
	for range 5 {
		for _, e := range []AnswerSubmitted{wrong, right} {
			if err := Submitted.Emit(ctx, e); err != nil {
				t.Fatal(err)
			}
		}
	}
	judged := events[AnswerJudged](r)
	if len(judged) != 10 {
		t.Fatalf("%d events judged, want 10", len(judged))
	}
	for _, e := range judged {
		if want := map[string]Verdict{"a": Wrong, "c": Correct}[e.Clue]; e.Verdict != want {
			t.Errorf("%s: %v, want %v", e.Clue, e.Verdict, want)
		}
	}
	if v := r.Clues("owls", noon); v[0].Wrong != 1 || *v[0].GuessesLeft != 2 {
		t.Errorf("counted %d wrong guesses, %d left; want 1 and 2", v[0].Wrong, *v[0].GuessesLeft)
	}
	// The verdict on the first guess at c stays correct after others made it solved.
	if got := r.count("SELECT count(*) FROM attempts"); got != 2 {
		t.Errorf("%d attempts recorded, want 2", got)
	}
}

// TestAttemptsOutOfOrder: an attempt is new or not by what is recorded, whether its id is above
// those of its team or not, and whichever process recorded it.
func TestAttemptsOutOfOrder(t *testing.T) {
	dir, hunt := t.TempDir(), sample(huntfile.Limits{})
	ahead := time.Now().Add(time.Hour).UnixMicro() // of a process whose clock was ahead
	for i, attempts := range [][]int64{{5, 3, 5, 4, 3}, {4, 5, 6, 2, ahead, ahead, 2, 7}, {ahead, 1, 2, 3, 7, ahead}} {
		r := start(t, dir, hunt)
		r.open("owls", "a")
		for n, id := range attempts {
			e := AnswerSubmitted{Attempt: formatAttempt(id), Team: "owls", Clue: "a", Guess: "x", At: 1000}
			if err := r.handleSubmitted(r.Ctx, e); err != nil {
				t.Fatalf("process %d, attempt %d: %v", i, n, err)
			}
		}
		r.Stop()
	}
	last := start(t, dir, hunt)
	if got := last.count("SELECT count(*) FROM attempts"); got != 8 {
		t.Errorf("%d attempts recorded, want 8", got)
	}
	if got := last.count("SELECT count(*) FROM attempts WHERE judged < id"); got != 0 {
		t.Errorf("%d attempts were judged before they had their ids", got)
	}
	if v := last.Clues("owls", noon); v[0].Wrong != 8 {
		t.Errorf("counted %d wrong guesses, want 8", v[0].Wrong)
	}
}

// TestAttemptThatCameBeforeNeedsNoWriter: to look an attempt up may take long, and others write
// meanwhile.
func TestAttemptThatCameBeforeNeedsNoWriter(t *testing.T) {
	r := start(t, t.TempDir(), sample(huntfile.Limits{}))
	r.open("owls", "a")
	guess := AnswerSubmitted{Attempt: formatAttempt(r.ids.next()), Team: "owls", Clue: "a", Guess: "x", At: 1000}
	if err := r.handleSubmitted(r.Ctx, guess); err != nil {
		t.Fatal(err)
	}
	err := r.records.db.Write(r.Ctx, func(*store.Tx) error {
		ctx, cancel := context.WithTimeout(r.Ctx, servicetest.Patience)
		defer cancel()
		return r.handleSubmitted(ctx, guess)
	})
	if err != nil {
		t.Errorf("while the writer is busy: %v", err)
	}
}

// TestAttemptsOfTeamsAnnouncedLater: an attempt of a team that had no clue open when the service
// started is known by its row all the same.
func TestAttemptsOfTeamsAnnouncedLater(t *testing.T) {
	hunt := sample(huntfile.Limits{})
	guess := AnswerSubmitted{Attempt: formatAttempt(7), Team: "bats", Clue: "a", Guess: "lighthouse", At: 1000}
	for name, record := range map[string]func(dir string) error{
		"recorded by a former version": func(dir string) error {
			old, err := store.OpenFor(filepath.Join(dir, "clue.db"), `hunt "sample"`, schema[:2])
			if err != nil {
				return err
			}
			_, err = old.ExecContext(t.Context(), "INSERT INTO attempts VALUES (7, 'bats', 'a', 'lighthouse', 5, 0, 1000)")
			return errors.Join(err, old.Close())
		},
		"its clues are not in this hunt file": func(dir string) error {
			r := start(t, dir, hunt)
			defer r.Stop()
			_ = r.handleUnlocked(r.Ctx, CluesUnlocked{Team: "bats", Clues: []string{"unknown"}, At: 1})
			return r.handleSubmitted(r.Ctx, guess)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := record(dir); err != nil {
				t.Fatal(err)
			}
			r := start(t, dir, hunt)
			r.open("bats", "a")
			for range 2 {
				if err := r.handleSubmitted(r.Ctx, guess); err != nil {
					t.Fatal(err)
				}
			}
			if all, correct := r.count("SELECT count(*) FROM attempts"), r.count("SELECT count(*) FROM attempts WHERE verdict = 1"); all != 1 || correct != 0 {
				t.Errorf("%d rows, %d of them correct; want the one that says not open", all, correct)
			}
			for _, e := range events[AnswerJudged](r) {
				if e.Verdict != NotOpen {
					t.Errorf("the verdict is %v now", e.Verdict)
				}
			}
			if j := r.answer("bats", "a", "lighthouse", noon); j.Verdict != Correct {
				t.Errorf("a new guess: %v", j.Verdict)
			}
		})
	}
}

// TestGuessesOfInventedTeams: they are told, and leave nothing.
func TestGuessesOfInventedTeams(t *testing.T) {
	r := start(t, t.TempDir(), sample(huntfile.Limits{}))
	for i := range 10 {
		if j := r.answer(fmt.Sprint("team ", i), "a", "lighthouse", noon); j.Verdict != NotOpen {
			t.Errorf("verdict %v", j.Verdict)
		}
	}
	if got := r.count("SELECT count(*) FROM attempts"); got != 0 || len(r.board.seats) != 0 {
		t.Errorf("%d attempts and %d teams are left", got, len(r.board.seats))
	}
}

func (r *rig) count(query string) (n int) {
	r.t.Helper()
	if err := r.records.db.Read().QueryRow(query).Scan(&n); err != nil {
		r.t.Fatal(err)
	}
	return n
}

// TestRestart: a service that starts again on the same directory knows all that the first one did.
func TestRestart(t *testing.T) {
	dir, hunt := t.TempDir(), sample(huntfile.Limits{Guesses: 2, Lockout: time.Hour})
	first := start(t, dir, hunt)
	first.ids.last.Store(time.Now().Add(time.Hour).UnixMicro()) // The clock will be set back by an hour.
	first.open("owls", "a", "c")
	first.answer("owls", "a", "x", noon)
	first.answer("owls", "a", "y", noon.Add(time.Minute))
	first.answer("owls", "c", "🦉", noon)
	if _, err := first.TakeHint(first.Ctx, "owls", "a"); err != nil {
		t.Fatal(err)
	}
	last := first.ids.last.Load()
	want := first.Clues("owls", noon.Add(2*time.Minute))
	first.Stop()

	second := start(t, dir, hunt)
	got := second.Clues("owls", noon.Add(2*time.Minute))
	if fmt.Sprintf("%+v", describe(got)) != fmt.Sprintf("%+v", describe(want)) {
		t.Errorf("got  %+v\nwant %+v", describe(got), describe(want))
	}
	if second.ids.next() <= last {
		t.Error("attempt ids do not go on after the recorded ones")
	}
	if j := second.answer("owls", "a", "lighthouse", noon.Add(30*time.Minute)); j.Verdict != LockedOut {
		t.Errorf("after a restart the locked-out team gets %v", j.Verdict)
	}
	if j := second.answer("owls", "a", "lighthouse", noon.Add(61*time.Minute)); j.Verdict != Correct {
		t.Errorf("after the lock-out the team gets %v", j.Verdict)
	}
}

// describe makes views comparable by text: no pointers.
func describe(views []View) (texts []string) {
	for _, v := range views {
		text := fmt.Sprint(v.ID, v.Solved, v.Wrong, v.Hints, v.HintsLeft)
		if v.GuessesLeft != nil {
			text += fmt.Sprint(" left ", *v.GuessesLeft)
		}
		for _, at := range []*time.Time{v.SolvedAt, v.LockedUntil} {
			if at != nil {
				text += " " + at.String()
			}
		}
		texts = append(texts, text)
	}
	return texts
}

// TestSolvesAndHintsOutliveTheProcess: a solve and a hint are recorded with their events. What was
// not relayed before the process died is relayed when it is back, each once, and further guesses at
// the solved clue emit nothing.
func TestSolvesAndHintsOutliveTheProcess(t *testing.T) {
	dir, hunt := t.TempDir(), sample(huntfile.Limits{})
	first := start(t, dir, hunt)
	first.open("owls", "a", "c")
	first.StopRelaying() // so that nothing gets any further
	if j := first.answer("owls", "c", "🦉", noon); j.Verdict != Correct {
		t.Fatalf("verdict %v", j.Verdict)
	}
	if hint, err := first.TakeHint(first.Ctx, "owls", "a"); err != nil || hint.Number != 1 {
		t.Fatalf("%+v, %v", hint, err)
	}
	if n, err := first.Nodes[0].Backlog(first.Ctx); err != nil || n != 2 {
		t.Errorf("%d events wait, %v; want 2", n, err)
	}
	first.Stop()

	second := start(t, dir, hunt)
	if j := second.answer("owls", "c", "🦉", noon.Add(time.Hour)); j.Verdict != AlreadySolved {
		t.Errorf("verdict %v", j.Verdict)
	}
	equal(t, "solved", events[ClueSolved](second), []ClueSolved{{"owls", "c", noon.UnixMilli()}})
	if hints := events[HintTaken](second); len(hints) != 1 || hints[0].Hint != 1 || hints[0].Cost != 2 {
		t.Errorf("hints taken: %+v", hints)
	}
	second.Stop()

	third := start(t, dir, hunt)
	if n := len(events[ClueSolved](third)) + len(events[HintTaken](third)); n > 0 {
		t.Errorf("%d events came again", n)
	}
}

// TestEventThatCanNotBeKept: without its event there is no solve and no hint either, and nobody is
// told of one.
func TestEventThatCanNotBeKept(t *testing.T) {
	r := start(t, t.TempDir(), sample(huntfile.Limits{}))
	r.open("owls", "a", "c")
	r.exec("CREATE TRIGGER full BEFORE INSERT ON mesh_outbox BEGIN SELECT RAISE(ABORT, 'no room'); END")
	if _, err := r.Submit(r.Ctx, Submission{Team: "owls", Clue: "c", Guess: "🦉", At: noon}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.TakeHint(r.Ctx, "owls", "a"); err == nil || !strings.Contains(err.Error(), "no room") {
		t.Errorf("hint: %v", err)
	}
	if n := len(events[AnswerJudged](r)); n > 0 {
		t.Errorf("%d verdicts were told", n)
	}
	for _, v := range r.Clues("owls", noon) {
		if v.Solved || len(v.Hints) > 0 {
			t.Errorf("the team has %+v", v)
		}
	}
	if n := r.count("SELECT (SELECT count(*) FROM attempts) + (SELECT count(*) FROM hints)"); n != 0 {
		t.Errorf("%d rows were written", n)
	}

	r.exec("DROP TRIGGER full")
	if j := r.answer("owls", "c", "🦉", noon.Add(time.Second)); j.Verdict != Correct {
		t.Errorf("verdict %v", j.Verdict)
	}
	if hint, err := r.TakeHint(r.Ctx, "owls", "a"); err != nil || hint.Number != 1 {
		t.Errorf("hint %+v, %v", hint, err)
	}
	equal(t, "solved", events[ClueSolved](r), []ClueSolved{{"owls", "c", noon.Add(time.Second).UnixMilli()}})
}

// TestStateThatCanNotBeKept: without the solve or the hint there is no event.
func TestStateThatCanNotBeKept(t *testing.T) {
	r := start(t, t.TempDir(), sample(huntfile.Limits{}))
	r.open("owls", "a", "c")
	for _, table := range []string{"attempts", "hints"} {
		r.exec("CREATE TRIGGER full_" + table + " AFTER INSERT ON " + table + " BEGIN SELECT RAISE(ABORT, 'no room'); END")
	}
	if _, err := r.Submit(r.Ctx, Submission{Team: "owls", Clue: "c", Guess: "🦉", At: noon}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.TakeHint(r.Ctx, "owls", "a"); err == nil {
		t.Error("a hint was given")
	}
	if n := len(events[ClueSolved](r)) + len(events[HintTaken](r)); n > 0 {
		t.Errorf("%d events of what never was", n)
	}
}

// exec changes the database from outside.
func (r *rig) exec(statement string) {
	r.t.Helper()
	if _, err := r.records.db.ExecContext(r.Ctx, statement); err != nil {
		r.t.Fatal(err)
	}
}
