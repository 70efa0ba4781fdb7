package players

import (
	"context"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"leafmesh/embedded/client"
	"leafmesh/embedded/cluster"
	"leafmesh/services/answer"
	"leafmesh/services/huntfile"
	"leafmesh/services/team"
)

// easy is a hunt that ends: no lock-outs that last for good.
var easy = &huntfile.Hunt{ID: "easy", Title: "Easy", Clues: []huntfile.Clue{
	{ID: "a", Title: "A", Text: "Find the boat.", Points: 3, Answers: []string{"boat"}, Unlock: huntfile.Rule{Start: true},
		Hints: []huntfile.Hint{{Text: "it floats", Cost: 1}, {Text: "it has sails", Cost: 1}}},
	{ID: "b", Title: "B", Points: 3, Answers: []string{"two words", "other"}, Unlock: huntfile.Rule{Start: true}},
	{ID: "c", Title: "C", Points: 5, Answers: []string{"é"}, Unlock: huntfile.Rule{Solves: 1}},
	{ID: "d", Title: "D", Points: 9, Answers: []string{"z"}, Unlock: huntfile.Rule{After: []string{"a", "b", "c"}}},
}}

// TestTeamsPlayToTheEnd lets odd names play a whole hunt over HTTP, quickly.
func TestTeamsPlayToTheEnd(t *testing.T) {
	defer goleak.VerifyNone(t)
	c, err := cluster.Open(t.Context(), cluster.Options{Hunt: easy, Data: t.TempDir(), HTTP: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	calls, err := client.New(c.Clue.URL(), c.Hunt.URL(), c.Score.URL(), 12)
	if err != nil {
		t.Fatal(err)
	}
	defer calls.Close()
	crowd := New(calls, easy, 12, time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	crowd.Run(ctx)
	if crowd.Finished() != 12 || crowd.Failures() != 0 {
		t.Fatalf("%d of 12 teams finished, %d calls failed", crowd.Finished(), crowd.Failures())
	}
	if err := c.Settle(ctx); err != nil {
		t.Fatal(err)
	}
	rows, err := c.Score.Leaderboard(ctx, 0)
	if err != nil || len(rows) != 12 {
		t.Fatalf("%d teams on the leaderboard, %v", len(rows), err)
	}
	for _, r := range rows {
		if r.Solves != 4 || !r.Finished {
			t.Errorf("%q has %d of 4 solves, finished: %v", r.Team, r.Solves, r.Finished)
		}
	}
	wrong := c.Nodes[0].Stats().Of("clue.answer.submitted", "handled")
	if wrong <= 48 {
		t.Errorf("%d guesses for 48 solves: nobody was ever wrong", wrong)
	}
}

// Where a clue stays shut for good, a team does not wait for it for ever.
func TestTeamsGiveUpWhatIsShut(t *testing.T) {
	hunt := &huntfile.Hunt{ID: "shut", Title: "Shut", Limits: huntfile.Limits{Guesses: 1}, Clues: easy.Clues[:2]}
	c, err := cluster.Open(t.Context(), cluster.Options{Hunt: hunt, Data: t.TempDir(), HTTP: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	calls, err := client.New(c.Clue.URL(), c.Hunt.URL(), c.Score.URL(), 10)
	if err != nil {
		t.Fatal(err)
	}
	defer calls.Close()
	crowd := New(calls, hunt, 10, time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	crowd.Run(ctx)
	if crowd.Finished() != 10 || crowd.Failures() != 0 {
		t.Errorf("%d of 10 teams stopped, %d calls failed", crowd.Finished(), crowd.Failures())
	}
}

func TestTeamsSurviveABrokenServer(t *testing.T) {
	called := make(chan struct{}, 100)
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		called <- struct{}{}
	}))
	defer broken.Close()
	calls, err := client.New(broken.URL, broken.URL, broken.URL, 3)
	if err != nil {
		t.Fatal(err)
	}
	defer calls.Close()
	crowd := New(calls, easy, 3, time.Millisecond)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan struct{})
	go func() { defer close(done); crowd.Run(ctx) }()
	for range 4 { // One of the three has tried again.
		<-called
	}
	cancel()
	<-done
	if crowd.Finished() != 0 || crowd.Failures() < 1 {
		t.Errorf("%d teams finished, %d calls failed", crowd.Finished(), crowd.Failures())
	}
}

func TestNames(t *testing.T) {
	all := names(1000)
	for i, name := range all {
		if err := team.CheckName(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		if at := slices.Index(all, name); at != i {
			t.Errorf("%q is name %d and %d", name, at, i)
		}
	}
}

// Wrong guesses are guesses that a service takes, and right ones are right however they are
// written.
func TestGuesses(t *testing.T) {
	p := newPlayer(New(nil, easy, 1, 0), "x", rand.New(rand.NewPCG(1, 2)))
	for range 200 {
		for _, c := range easy.Clues {
			seen := client.Clue{ID: c.ID, Title: c.Title, Text: c.Text}
			if guess := p.wrongGuess(seen); guess == "" {
				t.Fatalf("an empty guess at %s", c.ID)
			}
			if guess := p.rightGuess(seen); !accepts(c, guess) {
				t.Fatalf("%q does not solve %s", guess, c.ID)
			}
		}
	}
}

func accepts(c huntfile.Clue, guess string) bool {
	return slices.ContainsFunc(c.Answers, func(a string) bool { return answer.Same(a, guess) })
}
