package clue

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/services/daemon"
	"leafmesh/services/huntfile"
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

// TestSameEventTwice: an event that is handled again counts once, and its verdict stays what it was first.
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

// TestSolvesAndHintsOutliveTheProcess: a solve and a hint are recorded with their events. What was not relayed before the process
// died is relayed when it is back, each once, and further guesses at the solved clue emit nothing.
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
	if n, err := first.Unrelayed(first.Ctx); err != nil || n != 2 {
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

// TestEventThatCanNotBeKept: without its event there is no solve and no hint either, and nobody is told of one.
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

// TestDatabaseOfTheFirstSchema: its state is kept. A hint that was not announced then was not told to the team, which takes it again.
func TestDatabaseOfTheFirstSchema(t *testing.T) {
	dir, hunt := t.TempDir(), sample(huntfile.Limits{Guesses: 5})
	old, err := store.OpenFor(filepath.Join(dir, "clue.db"), `hunt "sample"`, schema[:1])
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		"INSERT INTO open_clues VALUES ('owls', 'a', 1), ('owls', 'c', 1)",
		"INSERT INTO attempts VALUES (7, 'owls', 'a', 'x', 2, 1, 1000), (8, 'owls', 'c', 'C++', 1, 0, 2000)",
		"INSERT INTO hints VALUES ('owls', 'a', 1, 2, 3000, 1), ('owls', 'a', 2, 3, 4000, 0)",
	} {
		if _, err := old.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}

	r := start(t, dir, hunt)
	views := r.Clues("owls", noon)
	if len(views) != 2 || views[0].Wrong != 1 || len(views[0].Hints) != 1 || !views[1].Solved || views[1].SolvedAt.UnixMilli() != 2000 {
		t.Fatalf("the team has %+v", describe(views))
	}
	if j := r.answer("owls", "c", "C++", noon); j.Verdict != AlreadySolved {
		t.Errorf("verdict %v", j.Verdict)
	}
	if hint, err := r.TakeHint(r.Ctx, "owls", "a"); err != nil || hint.Number != 2 {
		t.Errorf("hint %+v, %v; want the second", hint, err)
	}
	if hints := events[HintTaken](r); len(hints) != 1 || hints[0].Hint != 2 {
		t.Errorf("hints taken: %+v", hints)
	}
}

// TestManyTeamsAtOnce: verdicts are right and counted once under load, each caller gets its own.
func TestManyTeamsAtOnce(t *testing.T) {
	r := start(t, t.TempDir(), sample(huntfile.Limits{Guesses: 100}))
	const teams, guesses = 40, 25
	var all sync.WaitGroup
	for i := range teams {
		name := fmt.Sprintf("team %d 🦉", i)
		r.open(name, "a", "c")
		all.Go(func() {
			for g := range guesses {
				guess, want := "wrong", Wrong
				if g == guesses-1 {
					guess, want = "lighthouse", Correct
				}
				j, err := r.Answer(r.Ctx, Submission{Team: name, Clue: "a", Guess: guess})
				if err != nil || j.Verdict != want {
					t.Errorf("%s, guess %d: %v, %v", name, g, j.Verdict, err)
				}
			}
		})
	}
	all.Wait()
	if got := len(events[ClueSolved](r)); got != teams {
		t.Errorf("%d solves, want %d", got, teams)
	}
	if got := r.count("SELECT count(*) FROM attempts"); got != teams*guesses {
		t.Errorf("%d attempts, want %d", got, teams*guesses)
	}
	if r.waiters.waiting == nil || len(r.waiters.waiting) > 0 {
		t.Errorf("%d waiters left", len(r.waiters.waiting))
	}
}

func TestSubmitChecksSizes(t *testing.T) {
	r := start(t, t.TempDir(), sample(huntfile.Limits{}))
	for _, test := range []struct {
		name  string
		sub   Submission
		field string
	}{
		{"no team", Submission{Clue: "a", Guess: "x"}, "team"},
		{"long team", Submission{Team: strings.Repeat("a", 201), Clue: "a", Guess: "x"}, "team"},
		{"no clue", Submission{Team: "owls", Guess: "x"}, "clue"},
		{"long clue", Submission{Team: "owls", Clue: strings.Repeat("a", 65), Guess: "x"}, "clue"},
		{"no guess", Submission{Team: "owls", Clue: "a"}, "guess"},
		{"long guess", Submission{Team: "owls", Clue: "a", Guess: strings.Repeat("é", 501)}, "guess"},
		{"very long guess", Submission{Team: "owls", Clue: "a", Guess: strings.Repeat("a", 1<<20)}, "guess"},
		{"guess not UTF-8", Submission{Team: "owls", Clue: "a", Guess: "\xff"}, "guess"},
		{"longest of all", Submission{Team: strings.Repeat("🦉", 200), Clue: "a", Guess: strings.Repeat("🦉", 500)}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := r.Submit(r.Ctx, test.sub)
			var input *InputError
			switch {
			case test.field == "" && err != nil:
				t.Errorf("error %v", err)
			case test.field != "" && (!errors.As(err, &input) || input.Field != test.field):
				t.Errorf("error %v, want one about %s", err, test.field)
			}
		})
	}
	if got := len(events[AnswerJudged](r)); got != 1 {
		t.Errorf("%d guesses were judged, want 1", got)
	}
	if _, err := r.Submit(context.Background(), Submission{Team: "owls", Clue: "a", Guess: "x"}); !errors.Is(err, mesh.ErrNoNode) {
		t.Errorf("without a node: %v", err)
	}
}

func TestAnswerIsBounded(t *testing.T) {
	r := start(t, t.TempDir(), sample(huntfile.Limits{}))
	for i := range maxWaiters {
		if _, err := r.waiters.add(fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.Answer(r.Ctx, Submission{Team: "owls", Clue: "a", Guess: "x"}); !errors.Is(err, ErrBusy) {
		t.Errorf("error %v, want ErrBusy", err)
	}
	r.waiters.remove("0")
	if j := r.answer("owls", "a", "x", noon); j.Verdict != NotOpen {
		t.Errorf("verdict %v", j.Verdict)
	}
}

func TestAnswerEndsWithItsContext(t *testing.T) {
	r := start(t, t.TempDir(), sample(huntfile.Limits{}))
	seat := r.board.keep("owls")
	seat.mu.Lock() // The judge can not go on.
	ctx, cancel := context.WithCancel(r.Ctx)
	result := make(chan error)
	go func() {
		_, err := r.Answer(ctx, Submission{Team: "owls", Clue: "a", Guess: "x"})
		result <- err
	}()
	r.Await("the judge to wait", func() bool { return r.Nodes[0].Stats().Waiting > 0 })
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if len(r.waiters.waiting) != 0 {
		t.Error("the waiter stayed")
	}
	seat.mu.Unlock()
	if got := len(events[AnswerJudged](r)); got != 1 {
		t.Errorf("%d judged, want the guess that nobody waited for", got)
	}
}

func TestUnlockedTwiceAndUnknown(t *testing.T) {
	r := start(t, t.TempDir(), sample(huntfile.Limits{}))
	e := CluesUnlocked{Team: "owls", Clues: []string{"a", "z", "b"}, At: 5}
	for range 2 {
		if err := r.handleUnlocked(r.Ctx, e); err == nil || !strings.Contains(err.Error(), `"z"`) {
			t.Errorf("error %v, want one that names z", err)
		}
	}
	var open []string
	for _, v := range r.Clues("owls", noon) {
		open = append(open, v.ID)
	}
	equal(t, "open", open, []string{"a", "b"})
	if err := r.handleUnlocked(r.Ctx, CluesUnlocked{Team: "", Clues: []string{"a"}}); err == nil {
		t.Error("a team without a name was let in")
	}
	if got := r.count("SELECT count(*) FROM open_clues"); got != 2 {
		t.Errorf("%d rows, want 2", got)
	}
}

func TestDatabaseOfAnotherHunt(t *testing.T) {
	dir, hunt := t.TempDir(), sample(huntfile.Limits{})
	start(t, dir, hunt).Stop()
	hunt.ID = "other"
	_, err := New(Config{Config: daemon.Config{Data: mesh.Path(dir)}}, hunt)
	if e := (*store.OwnerError)(nil); !errors.As(err, &e) {
		t.Errorf("error %v", err)
	}
}

func TestNewRefusesBadHunt(t *testing.T) {
	hunt := sample(huntfile.Limits{})
	hunt.Clues[0].Answers = []string{"..."}
	if _, err := New(Config{Config: daemon.Config{Data: mesh.Path(t.TempDir())}}, hunt); err == nil {
		t.Error("no error")
	}
}

func TestAttemptIDs(t *testing.T) {
	var ids attemptIDs
	seen := make(map[int64]bool)
	previous := int64(0)
	for range 10_000 {
		id := ids.next()
		if id <= previous {
			t.Fatal("ids do not grow")
		}
		previous = id
		if back, err := parseAttempt(formatAttempt(id)); err != nil || back != id {
			t.Fatalf("%d reads back as %d, %v", id, back, err)
		}
		seen[id] = true
	}
	if len(seen) != 10_000 {
		t.Error("ids repeat")
	}
	for _, text := range []string{"", "0", "-1", "ABC", "01", "+1", "!", strings.Repeat("z", 20)} {
		if _, err := parseAttempt(text); err == nil {
			t.Errorf("%q was read as an id", text)
		}
	}
}
