package clue

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"leafmesh/mesh"
	"leafmesh/services/daemon"
	"leafmesh/services/huntfile"
	"leafmesh/services/store"
)

// TestDatabaseOfTheFirstSchema: its state is kept. A hint that was not announced then was not told
// to the team, which takes it again.
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
	again := AnswerSubmitted{Attempt: formatAttempt(7), Team: "owls", Clue: "a", Guess: "x", At: 1000}
	if err := r.handleSubmitted(r.Ctx, again); err != nil || r.count("SELECT count(*) FROM attempts") != 3 {
		t.Errorf("an old attempt came again and was not known: %v", err)
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
	seat.mu.Lock() // The judge cannot go on.
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
