package hunt

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
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

	p, err := r.Progress(t.Context(), "owls")
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
		r.solve("owls", "a", 10) // three events
	}
	r.expect("owls unlocked [a b]", "owls progressed 1/3 of 5", "owls unlocked [c]")
	if n := r.count("SELECT count(*) FROM solves"); n != 1 {
		t.Errorf("%d solves, want 1", n)
	}
	if p, _ := r.Progress(t.Context(), "owls"); len(p.Solved) != 1 || p.Solved[0].At.UnixMilli() != 10 {
		t.Errorf("progress %+v", p)
	}
}

// TestSameEventAgain: an event that is delivered again changes nothing and emits nothing, also
// after a restart.
func TestSameEventAgain(t *testing.T) {
	config, hunt := here(t), sample()
	hunt.Finish.Solves = 1
	r := start(t, config, hunt)
	r.join("owls")
	told, err := Solved.Stage(r.inClue(), ClueSolved{Team: "owls", Clue: "a", At: 10})
	if err != nil {
		t.Fatal(err)
	}
	again := func(r *rig) {
		t.Helper()
		if _, err := r.Nodes.Node("clue-1").Relay(r.Ctx, told, told); err != nil {
			t.Fatal(err)
		}
	}
	again(r)
	r.expect("owls unlocked [a b]", "owls progressed 1/3 of 5", "owls unlocked [c]", "owls finished with 1 at 10")
	r.Stop()
	second := start(t, config, hunt)
	again(second)
	second.expect()
	if n := second.count("SELECT count(*) FROM mesh_inbox"); n != 1 {
		t.Errorf("the inbox knows %d events, want 1", n)
	}
}

// TestApplyOncePerEvent: what a handler applies for one event is applied once, whatever it is.
func TestApplyOncePerEvent(t *testing.T) {
	asked := mesh.NewEvent[ClueSolved]("hunt.test.asked")
	var r *rig
	var applied []bool
	r = start(t, here(t), sample(), asked.Handle("apply", func(ctx context.Context, e ClueSolved) error {
		for _, clue := range []string{"a", "b"} {
			done, err := r.records.apply(ctx, change{team: e.Team, at: 1, join: clue == "a", clue: clue})
			if err != nil {
				return err
			}
			applied = append(applied, done)
		}
		return nil
	}))
	if err := asked.Emit(r.Ctx, ClueSolved{Team: "owls"}); err != nil {
		t.Fatal(err)
	}
	r.Rest()
	if !slices.Equal(applied, []bool{true, false}) || r.count("SELECT count(*) FROM solves WHERE clue = 'a'") != 1 || r.count("SELECT count(*) FROM solves") != 1 {
		t.Errorf("applied: %v, want the first alone", applied)
	}
}

// TestEventsOutliveTheProcess: what is recorded for others is relayed when the process is back,
// each once.
func TestEventsOutliveTheProcess(t *testing.T) {
	config, hunt := here(t), sample()
	hunt.Finish.Solves = 1
	first := start(t, config, hunt)
	first.StopRelaying() // so that nothing gets any further
	first.join("owls")
	first.solve("owls", "a", 10)
	first.Await("the solve", func() bool { return first.count("SELECT count(*) FROM solves") == 1 })
	if n, err := first.Nodes[0].Backlog(first.Ctx); err != nil || n != 3 {
		t.Errorf("%d events wait, %v; want 3", n, err)
	}
	first.Stop()

	second := start(t, config, hunt)
	second.expect("owls unlocked [a b]", "owls unlocked [c]", "owls finished with 1 at 10")
	second.Stop()
	start(t, config, hunt).expect()
}

// TestEventThatCanNotBeKept: without its event there is no team, no solve and no finish either;
// with the next try there is all.
func TestEventThatCanNotBeKept(t *testing.T) {
	hunt := sample()
	hunt.Finish.Solves = 2
	r := start(t, here(t), hunt)
	const full = "CREATE TRIGGER full BEFORE INSERT ON mesh_outbox BEGIN SELECT RAISE(ABORT, 'no room'); END"
	r.exec(full)
	if _, err := r.Join(r.Ctx, "owls", time.Now()); err == nil || !strings.Contains(err.Error(), "no room") {
		t.Errorf("join: %v", err)
	}
	if _, err := r.Progress(t.Context(), "owls"); !errors.Is(err, ErrUnknownTeam) {
		t.Errorf("progress: %v", err)
	}
	r.exec("DROP TRIGGER full")
	r.join("owls")
	r.solve("owls", "b", 10) // opens nothing
	r.expect("owls unlocked [a b]", "owls progressed 1/2 of 5")

	r.exec(full)
	told, err := Solved.Stage(r.inClue(), ClueSolved{Team: "owls", Clue: "a", At: 20})
	if err != nil {
		t.Fatal(err)
	}
	deliver := func() {
		t.Helper()
		if _, err := r.Nodes.Node("clue-1").Relay(r.Ctx, told); err != nil {
			t.Fatal(err)
		}
	}
	deliver()
	r.expect()
	if n := r.count("SELECT (SELECT count(*) FROM solves) + (SELECT count(*) FROM mesh_inbox) + (SELECT count(*) FROM teams WHERE finished_by NOTNULL)"); n != 2 {
		t.Errorf("%d rows of the solve that could not be kept", n-2)
	}
	r.exec("DROP TRIGGER full")
	deliver()
	r.expect("owls progressed 2/4 of 5", "owls unlocked [c d]", "owls finished with 2 at 20")
}

// TestDatabaseOfTheFirstSchema: its state is kept.
func TestDatabaseOfTheFirstSchema(t *testing.T) {
	config := here(t)
	old, err := store.OpenFor(filepath.Join(string(config.Data), "hunt.db"), `hunt "sample"`, schema[:1])
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		"INSERT INTO teams VALUES ('owls', 1, 'b', 20), ('foxes', 2, NULL, NULL)",
		"INSERT INTO solves VALUES ('owls', 'a', 10, 'event-1'), ('owls', 'b', 20, 'event-2')",
	} {
		if _, err := old.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	r := start(t, config, sample())
	p, err := r.Progress(t.Context(), "owls")
	if err != nil || len(p.Solved) != 2 || p.Solved[0].At.UnixMilli() != 10 || p.FinishedAt == nil {
		t.Errorf("progress %+v, %v", p, err)
	}
	r.solve("owls", "b", 30)
	r.solve("owls", "c", 30)
	r.solve("foxes", "a", 30)
	r.expect("owls progressed 3/5 of 5", "owls unlocked [e]", "foxes progressed 1/3 of 5", "foxes unlocked [c]")
}

// TestSolveWithoutJoin: the team joins by its solve and gets everything announced.
func TestSolveWithoutJoin(t *testing.T) {
	config := here(t)
	r := start(t, config, sample())
	r.solve("foxes", "a", 10)
	r.expect("foxes progressed 1/3 of 5", "foxes unlocked [a b c]")
	r.Stop()
	again := start(t, config, sample())
	if p, err := again.Progress(t.Context(), "foxes"); err != nil || p.JoinedAt.UnixMilli() != 10 || len(p.Solved) != 1 {
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
	if _, err := r.Progress(t.Context(), "owls"); !errors.Is(err, ErrUnknownTeam) {
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
	if !r.join("owls") { // who could not be announced has not joined
		t.Error("owls are not new")
	}
	r.expect("owls unlocked [a b]")
}

// TestManyTeamsAtOnce: many teams play with solves that come several times and all at once; each
// ends with every clue once.
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
	r.Rest()
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

// The node of the service knows its database, and so notices one that is older than its data.
func TestTheNodeKnowsTheDatabase(t *testing.T) {
	s, err := New(here(t), sample())
	if err != nil {
		t.Fatal(err)
	}
	var c mesh.Config
	s.Declare(&c)
	if err := c.State.SetMark(t.Context(), "hunt-1", 7); err != nil {
		t.Error(err)
	}
	if mark, err := c.State.Mark(t.Context(), "hunt-1"); mark != 7 || err != nil {
		t.Errorf("mark %d, %v", mark, err)
	}
	if err := s.Close(context.Background()); err != nil {
		t.Error(err)
	}
}
