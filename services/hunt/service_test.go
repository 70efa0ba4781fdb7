package hunt

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/services/daemon"
	"leafmesh/services/huntfile"
	"leafmesh/services/store"
	names "leafmesh/services/team"
)

// here is a configuration with a directory of its own.
func here(t *testing.T) Config { return Config{Config: daemon.Config{Data: mesh.Path(t.TempDir())}} }

func TestWholeHunt(t *testing.T) {
	r := start(t, here(t), sample())
	if !r.join("owls") {
		t.Error("owls are not new")
	}
	r.expect("owls unlocked [a b]")
	r.solve("owls", "b", 10)
	r.expect("owls progressed 1/2 of 5")
	r.solve("owls", "a", 20)
	r.expect("owls progressed 2/4 of 5", "owls unlocked [c d]")
	r.solve("owls", "d", 30)
	r.expect("owls progressed 3/4 of 5")
	r.solve("owls", "c", 40)
	r.expect("owls progressed 4/5 of 5", "owls unlocked [e]")
	r.solve("owls", "e", 50)
	r.expect("owls progressed 5/5 of 5", "owls finished with 5 at 50")

	p, err := r.Progress("owls")
	if err != nil || len(p.Solved) != 5 || p.Solved[0].Clue != "a" || p.Solved[0].At.UnixMilli() != 20 || p.FinishedAt == nil || p.FinishedAt.UnixMilli() != 50 {
		t.Errorf("progress %+v, %v", p, err)
	}
}

func TestFinishBeforeTheEnd(t *testing.T) {
	hunt := sample()
	hunt.Finish.Solves = 2
	r := start(t, here(t), hunt)
	r.join("owls")
	r.solve("owls", "a", 10)
	r.solve("owls", "b", 20)
	r.solve("owls", "c", 30) // after the finish: progress, but no second finish
	r.expect("owls unlocked [a b]",
		"owls progressed 1/3 of 5", "owls unlocked [c]",
		"owls progressed 2/4 of 5", "owls unlocked [d]", "owls finished with 2 at 20",
		"owls progressed 3/5 of 5", "owls unlocked [e]")
}

// TestRejoin: joining again announces all that is open, and changes nothing.
func TestRejoin(t *testing.T) {
	config := here(t)
	r := start(t, config, sample())
	r.join("owls")
	r.solve("owls", "a", 10)
	r.expect("owls unlocked [a b]", "owls progressed 1/3 of 5", "owls unlocked [c]")
	if r.join("owls") {
		t.Error("owls are new a second time")
	}
	r.expect("owls unlocked [a b c]")
	r.Stop()

	again := start(t, config, sample())
	if again.join("owls") {
		t.Error("owls are new after a restart")
	}
	again.expect("owls unlocked [a b c]")
	if n := again.count("SELECT count(*) FROM teams"); n != 1 {
		t.Errorf("%d teams, want 1", n)
	}
}

// TestSolveOnce: a solve counts once, however often and from however many events it is known.
func TestSolveOnce(t *testing.T) {
	r := start(t, here(t), sample())
	r.join("owls")
	for range 3 {
		r.solve("owls", "a", 10) // three events: clue repeated itself
	}
	r.expect("owls unlocked [a b]", "owls progressed 1/3 of 5", "owls unlocked [c]")
	if n := r.count("SELECT count(*) FROM solves"); n != 1 {
		t.Errorf("%d solves, want 1", n)
	}
	if p, _ := r.Progress("owls"); len(p.Solved) != 1 || p.Solved[0].At.UnixMilli() != 10 {
		t.Errorf("progress %+v", p)
	}
}

// TestSameEventAgain: handling one event again changes nothing and finds the same outcome, so that what its first handling failed
// to emit is emitted.
func TestSameEventAgain(t *testing.T) {
	hunt := sample()
	hunt.Finish.Solves = 1
	r := start(t, here(t), hunt)
	r.join("owls")
	seat := r.board.find("owls")
	e := ClueSolved{Team: "owls", Clue: "a", At: 10}
	first, news, err := r.record(r.Ctx, seat, e, "event-1")
	if err != nil || !news || !first.finished || len(first.opened) != 1 {
		t.Fatalf("first: %+v, %v, %v", first, news, err)
	}
	again, news, err := r.record(r.Ctx, seat, e, "event-1")
	if err != nil || !news || !reflect.DeepEqual(again, first) {
		t.Errorf("again: %+v, %v, %v; want %+v", again, news, err, first)
	}
	if _, news, err = r.record(r.Ctx, seat, e, "event-2"); err != nil || news {
		t.Errorf("another event: %v, %v", news, err)
	}
}

// TestSolveWithoutJoin: the team joins by its solve and gets everything announced.
func TestSolveWithoutJoin(t *testing.T) {
	config := here(t)
	r := start(t, config, sample())
	r.solve("foxes", "a", 10)
	r.expect("foxes progressed 1/3 of 5", "foxes unlocked [a b c]")
	r.Stop()
	again := start(t, config, sample())
	if p, err := again.Progress("foxes"); err != nil || p.JoinedAt.UnixMilli() != 10 || len(p.Solved) != 1 {
		t.Errorf("after a restart: %+v, %v", p, err)
	}
}

func TestSolveThatCanNotBe(t *testing.T) {
	r := start(t, here(t), sample())
	for _, e := range []ClueSolved{{Team: "owls", Clue: "z"}, {Team: "", Clue: "a"}, {Team: strings.Repeat("x", 201), Clue: "a"}} {
		if err := r.handleSolved(r.Ctx, e); err == nil {
			t.Errorf("%+v was taken", e)
		}
	}
	r.expect()
	if _, err := r.Progress("owls"); !errors.Is(err, ErrUnknownTeam) {
		t.Errorf("owls: %v", err)
	}
}

func TestMaxTeams(t *testing.T) {
	config := here(t)
	config.MaxTeams = 2
	r := start(t, config, sample())
	r.join("owls")
	r.join("foxes")
	if _, err := r.Join(r.Ctx, "mice", time.Now()); !errors.Is(err, ErrFull) {
		t.Errorf("a third team: %v", err)
	}
	r.join("owls") // who is in may come back
	if err := r.handleSolved(r.Ctx, ClueSolved{Team: "mice", Clue: "a"}); !errors.Is(err, ErrFull) {
		t.Errorf("a third team by its solve: %v", err)
	}
}

func TestJoinErrors(t *testing.T) {
	r := start(t, here(t), sample())
	if _, err := r.Join(r.Ctx, " ", time.Now()); !errors.As(err, new(*names.NameError)) {
		t.Errorf("error %v", err)
	}
	if _, err := r.Join(context.Background(), "owls", time.Now()); !errors.Is(err, mesh.ErrNoNode) {
		t.Errorf("without a node: %v", err)
	}
	r.expect()
	if r.join("owls") { // It joined, but was not announced; this heals it.
		t.Error("owls are new a second time")
	}
	r.expect("owls unlocked [a b]")
}

// TestManyTeamsAtOnce: many teams play with solves that come several times and all at once; each ends with every clue once.
func TestManyTeamsAtOnce(t *testing.T) {
	config := here(t)
	r := start(t, config, sample())
	const teams = 30
	var all sync.WaitGroup
	for i := range teams {
		all.Go(func() {
			name := fmt.Sprint("team ", i)
			for _, clue := range []string{"a", "b", "a", "c", "d", "c", "e", "e"} {
				r.solve(name, clue, 10)
			}
			r.join(name)
		})
	}
	all.Wait()
	r.Stop()
	r.mu.Lock()
	finished := 0
	for _, line := range r.seen {
		if strings.HasSuffix(line, "finished with 5 at 10") {
			finished++
		}
	}
	r.mu.Unlock()
	if finished != teams {
		t.Errorf("%d teams finished, want %d", finished, teams)
	}
	again := start(t, config, sample())
	if got := again.count("SELECT count(*) FROM solves"); got != 5*teams {
		t.Errorf("%d solves, want %d", got, 5*teams)
	}
	if got := again.count("SELECT count(*) FROM teams WHERE finished_at = 10"); got != teams {
		t.Errorf("%d teams finished in the database, want %d", got, teams)
	}
}

func TestDatabaseOfAnotherHunt(t *testing.T) {
	config, hunt := here(t), sample()
	start(t, config, hunt).Stop()
	hunt.ID = "other"
	_, err := New(config, hunt)
	if e := (*store.OwnerError)(nil); !errors.As(err, &e) {
		t.Errorf("error %v", err)
	}
}

func TestNewRefusesBadHunt(t *testing.T) {
	hunt := sample()
	hunt.Clues[0].Unlock = huntfile.Rule{}
	if _, err := New(here(t), hunt); err == nil {
		t.Error("no error")
	}
}
