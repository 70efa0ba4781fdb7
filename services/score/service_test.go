package score

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

	"go.uber.org/goleak"

	"leafmesh/mesh"
	"leafmesh/mesh/stats"
	"leafmesh/services/daemon"
	"leafmesh/services/huntfile"
	"leafmesh/services/servicetest"
	"leafmesh/services/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func testHunt() *huntfile.Hunt {
	h := &huntfile.Hunt{ID: "spring", Title: "Spring"}
	for i, id := range []string{"one", "two", "three"} {
		h.Clues = append(h.Clues, huntfile.Clue{ID: id, Title: id, Points: i + 1, Answers: []string{"x"}, Unlock: huntfile.Rule{Start: true}})
	}
	return h
}

func openTestLedger(t *testing.T) *ledger {
	t.Helper()
	l, err := openLedger(t.TempDir(), "spring")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// rig is the service on a node that imports from nodes of clue and hunt, with everything it emits
// written down.
type rig struct {
	*Service
	*servicetest.Run
	t    *testing.T
	mu   sync.Mutex
	seen []any // guarded by mu
}

// start runs the service. The test's end stops it.
func start(t *testing.T, dir string) *rig {
	t.Helper()
	s, err := New(Config{Config: daemon.Config{Data: mesh.Path(dir), HTTP: "127.0.0.1:0"}}, testHunt())
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{Service: s, t: t}
	none := mesh.Limit{}
	score := mesh.Config{Name: "score-1", CodecCheck: true,
		Exports: []mesh.Export{Changed.Export(none)},
		Imports: []mesh.Import{Solved.Import(none, mesh.Shared), Hinted.Import(none, mesh.Shared), Finished.Import(none, mesh.Shared)},
		Handlers: []mesh.Handler{
			Solved.Handle("see-solved", func(ctx context.Context, _ ClueSolved) error {
				header, _ := mesh.HeaderOf(ctx)
				return r.note(header.ID)
			}),
			Awarded.Handle("see-awarded", func(_ context.Context, e PointsAwarded) error { return r.note(e) }),
			Changed.Handle("see-changed", func(_ context.Context, e LeaderboardChanged) error { return r.note(e) }),
			mesh.DeadLetters.Handle("see-dead", func(_ context.Context, e mesh.DeadLetter) error { return r.note(e) }),
		}}
	clue := mesh.Config{Name: "clue-1", Exports: []mesh.Export{Solved.Export(none), Hinted.Export(none)}}
	hunt := mesh.Config{Name: "hunt-1", Exports: []mesh.Export{Finished.Export(none)}}
	r.Run = servicetest.Start(t, s, score, clue, hunt)
	return r
}

func (r *rig) note(event any) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, event)
	return nil
}

// awaitSeen waits until what the service emitted satisfies a condition.
func (r *rig) awaitSeen(what string, condition func(seen []any) bool) {
	r.t.Helper()
	defer func() {
		if r.t.Failed() {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.t.Logf("seen: %+v", r.seen)
		}
	}()
	r.Await(what, func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return condition(slices.Clone(r.seen))
	})
}

// settle waits until the score node has handled n events of other nodes, and what follows from
// them.
func (r *rig) settle(n uint64) {
	r.t.Helper()
	r.Await(fmt.Sprintf("%d handled imports", n), func() bool {
		s := r.Nodes[0].Stats()
		return s.Total(stats.Imported) == n && s.Waiting == 0
	})
}

// only returns the events of one type.
func only[E any](seen []any) (events []E) {
	for _, e := range seen {
		if event, is := e.(E); is {
			events = append(events, event)
		}
	}
	return events
}

// emit emits an event at a node as a root event.
func emit[T any](r *rig, node string, e *mesh.Event[T], value T) {
	r.t.Helper()
	if err := e.Emit(r.Nodes.Node(node).Context(context.Background()), value); err != nil {
		r.t.Fatal(err)
	}
}

// board is the leaderboard as text.
func (r *rig) board() string {
	r.t.Helper()
	rows, err := r.Leaderboard(context.Background(), 0)
	if err != nil {
		r.t.Fatal(err)
	}
	var lines []string
	for _, row := range rows {
		line := fmt.Sprintf("%d %s %d/%d", row.Rank, row.Team, row.Points, row.Solves)
		if row.LastSolve != nil {
			line += fmt.Sprintf(" @%d", row.LastSolve.UnixMilli())
		}
		if row.Finished {
			line += " finished"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, ", ")
}

func (r *rig) wantBoard(want string) {
	r.t.Helper()
	if got := r.board(); got != want {
		r.t.Errorf("leaderboard: %s\nwant:        %s", got, want)
	}
}

func TestEventsOfOtherNodesMakeTheLeaderboard(t *testing.T) {
	r := start(t, t.TempDir())
	emit(r, "clue-1", Solved, ClueSolved{"Owls", "two", 100})
	emit(r, "clue-1", Solved, ClueSolved{"Bats", "three", 200})
	emit(r, "clue-1", Hinted, HintTaken{"Bats", "two", 1, 2, 250})
	emit(r, "clue-1", Hinted, HintTaken{"Bats", "two", 2, 0, 260})
	emit(r, "hunt-1", Finished, TeamFinished{"Owls"})
	r.settle(5)
	r.wantBoard("1 Owls 2/1 @100 finished, 2 Bats 1/1 @200")
	awarded := only[PointsAwarded](r.seen)
	if len(awarded) != 3 || !slices.Contains(awarded, PointsAwarded{"Bats", "two", -2, 250}) || !slices.Contains(awarded, PointsAwarded{"Owls", "two", 2, 100}) {
		t.Errorf("points awarded: %+v", awarded)
	}
	var bats LeaderboardChanged // the last one
	for _, e := range only[LeaderboardChanged](r.seen) {
		if e.Team == "Bats" {
			bats = e
		}
	}
	if want := (LeaderboardChanged{"Bats", 1, 1, 200}); bats != want {
		t.Errorf("the last change of Bats is %+v, want %+v", bats, want)
	}
}

func TestSolveCountsOnceHoweverOftenItsEventComes(t *testing.T) {
	dir := t.TempDir()
	r := start(t, dir)
	const teams, times = 20, 5
	for i := range times {
		for team := range teams {
			emit(r, "clue-1", Solved, ClueSolved{fmt.Sprintf("team %02d", team), "three", int64(1000 + team + i)})
			emit(r, "clue-1", Hinted, HintTaken{fmt.Sprintf("team %02d", team), "three", 1, 1, 500})
		}
	}
	r.settle(2 * teams * times)
	if awarded, changed := only[PointsAwarded](r.seen), only[LeaderboardChanged](r.seen); len(awarded) != 2*teams || len(changed) != 2*teams {
		t.Errorf("%d awards and %d changes were emitted, want %d", len(awarded), len(changed), 2*teams)
	}
	board := r.board()
	if !strings.HasPrefix(board, "1 team 00 2/1 @1000, 2 team 01 2/1 @1001, ") || strings.Count(board, " 2/1 ") != teams {
		t.Errorf("leaderboard: %s", board)
	}
	r.Stop()

	again := start(t, dir) // what was counted is known after a restart
	emit(again, "clue-1", Solved, ClueSolved{"team 00", "three", 2000})
	again.settle(1)
	again.wantBoard(board)
	if len(only[PointsAwarded](again.seen)) != 0 || len(only[LeaderboardChanged](again.seen)) != 0 {
		t.Errorf("a solve counted before was announced: %+v", again.seen)
	}
}

func TestEventsThatCannotBeCountedBecomeDeadLetters(t *testing.T) {
	r := start(t, t.TempDir())
	tests := []struct {
		emit func()
		want string // a part of the error
	}{
		{func() { emit(r, "clue-1", Solved, ClueSolved{"Owls", "four", 1}) }, "same hunt file"},
		{func() { emit(r, "clue-1", Hinted, HintTaken{"Owls", "four", 1, 1, 1}) }, "same hunt file"},
		{func() { emit(r, "clue-1", Solved, ClueSolved{"Owls", "one", 0}) }, "unix milliseconds"},
		{func() { emit(r, "clue-1", Solved, ClueSolved{"Owls", "one", maxTime + 1}) }, "unix milliseconds"},
		{func() { emit(r, "clue-1", Solved, ClueSolved{" Owls", "one", 1}) }, "white space"},
		{func() { emit(r, "clue-1", Hinted, HintTaken{"Owls", "one", 0, 1, 1}) }, "hint 0"},
		{func() { emit(r, "clue-1", Hinted, HintTaken{"Owls", "one", 1, -1, 1}) }, "cost of -1"},
		{func() { emit(r, "clue-1", Hinted, HintTaken{"Owls", "one", 1, maxCost + 1, 1}) }, "cost of 1000001"},
		{func() { emit(r, "hunt-1", Finished, TeamFinished{""}) }, "missing"},
	}
	for i, test := range tests {
		test.emit()
		r.awaitSeen("a dead letter", func(seen []any) bool { return len(only[mesh.DeadLetter](seen)) == i+1 })
		if letter := only[mesh.DeadLetter](r.seen)[i]; !strings.Contains(letter.Error, test.want) {
			t.Errorf("the error is %q, want one with %q", letter.Error, test.want)
		}
	}
	r.wantBoard("")
}

func TestAwardsRememberTheEventThatCounted(t *testing.T) {
	r := start(t, t.TempDir())
	for range 3 {
		emit(r, "clue-1", Solved, ClueSolved{"Owls", "one", 7})
	}
	r.settle(3)
	awards, err := r.ledger.awards(context.Background(), "Owls")
	if err != nil || len(awards) != 1 {
		t.Fatalf("awards %+v (%v), want one", awards, err)
	}
	if first := only[mesh.ID](r.seen)[0]; awards[0].Event != first.String() {
		t.Errorf("the award remembers event %s, want the first, %s", awards[0].Event, first)
	}
}

// An event that comes again is not counted again, also where nothing else would stop it.
func TestTheInboxKnowsWhichEventsWereCounted(t *testing.T) {
	dir := t.TempDir()
	r := start(t, dir)
	clue := r.Nodes.Node("clue-1")
	ctx := clue.Context(r.Ctx)
	solved, err := Solved.Stage(ctx, ClueSolved{"Owls", "one", 7})
	if err != nil {
		t.Fatal(err)
	}
	hinted, err := Hinted.Stage(ctx, HintTaken{"Owls", "two", 1, 5, 8})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := clue.Relay(ctx, solved, solved, hinted, hinted); err != nil {
		t.Fatal(err)
	}
	r.settle(4)
	r.wantBoard("1 Owls -4/1 @7")
	if n := len(only[PointsAwarded](r.seen)); n != 2 {
		t.Errorf("%d awards were emitted, want 2", n)
	}
	for _, table := range []string{"awards", "teams"} { // by hand: the organisers take the points back
		if _, err := r.ledger.db.ExecContext(r.Ctx, "DELETE FROM "+table); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := clue.Relay(ctx, solved, hinted); err != nil {
		t.Fatal(err)
	}
	r.settle(6)
	r.wantBoard("")
}

// Points whose event is refused are not counted, and the solve is not forgotten: it comes again
// until it counts, once.
func TestRefusedPointsAreCountedByALaterDelivery(t *testing.T) {
	s, err := New(Config{Config: daemon.Config{Data: mesh.Path(t.TempDir())}}, testHunt())
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{Service: s, t: t}
	score := mesh.Config{Name: "score-1", Data: mesh.Path(t.TempDir()),
		Imports: []mesh.Import{{Event: Solved.Subject(), Durable: true,
			Redelivery: mesh.Redelivery{Tries: 1000, After: 20 * time.Millisecond, Max: 20 * time.Millisecond}}},
		Limits:   []mesh.Rule{{Event: Awarded.Subject(), Limit: mesh.Limit{Rate: 1, Burst: 1, Policy: mesh.Refuse}}},
		Handlers: []mesh.Handler{Awarded.Handle("see", func(_ context.Context, e PointsAwarded) error { return r.note(e) })}}
	clue := mesh.Config{Name: "clue-1", Data: mesh.Path(t.TempDir()),
		Exports: []mesh.Export{{Event: Solved.Subject(), KeptFor: []string{"score"}}}}
	r.Run = servicetest.Start(t, s, score, clue)
	for _, clue := range []string{"one", "two", "three"} {
		emit(r, "clue-1", Solved, ClueSolved{"Owls", clue, 7})
	}
	r.Await("three counted", func() bool { return r.Nodes[0].Stats().Of(Solved.Subject(), stats.Acknowledged) == 3 })
	r.Rest()
	r.wantBoard("1 Owls 6/3 @7")
	if n := len(only[PointsAwarded](r.seen)); n != 3 {
		t.Errorf("%d awards were emitted, want 3", n)
	}
	if got := r.Nodes[0].Stats(); got.Of(Awarded.Subject(), stats.Refused) == 0 || got.Letters.Count > 0 {
		t.Errorf("nothing was refused, or %d solves were given up", got.Letters.Count)
	}
}

// A database of the first schema keeps its state.
func TestDatabaseOfTheFirstSchema(t *testing.T) {
	dir := t.TempDir()
	old, err := store.OpenFor(filepath.Join(dir, "score.db"), `hunt "spring"`, schema[:1])
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		"INSERT INTO awards VALUES ('Owls', 'one', 0, 1, 7, 'event-1')",
		"INSERT INTO teams VALUES ('Owls', 1, 1, 7, 1)",
	} {
		if _, err := old.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	r := start(t, dir)
	r.wantBoard("1 Owls 1/1 @7 finished")
	emit(r, "clue-1", Solved, ClueSolved{"Owls", "one", 8})
	emit(r, "clue-1", Solved, ClueSolved{"Owls", "two", 9})
	r.settle(2)
	r.wantBoard("1 Owls 3/2 @9 finished")
}

func TestNewRefusesAnotherHuntsDatabase(t *testing.T) {
	config := Config{Config: daemon.Config{Data: mesh.Path(t.TempDir())}}
	s, err := New(config, testHunt())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	other := testHunt()
	other.ID = "autumn"
	_, err = New(config, other)
	var owned *store.OwnerError
	if !errors.As(err, &owned) {
		t.Errorf("error %v, want an OwnerError", err)
	}
}

// The node of the service knows its database, and so notices one that is older than its data.
func TestTheNodeKnowsTheDatabase(t *testing.T) {
	s, err := New(Config{Config: daemon.Config{Data: mesh.Path(t.TempDir())}}, testHunt())
	if err != nil {
		t.Fatal(err)
	}
	var c mesh.Config
	s.Declare(&c)
	if err := c.State.SetMark(t.Context(), "score-1", 7); err != nil {
		t.Error(err)
	}
	if mark, err := c.State.Mark(t.Context(), "score-1"); mark != 7 || err != nil {
		t.Errorf("mark %d, %v", mark, err)
	}
	if err := s.Close(context.Background()); err != nil {
		t.Error(err)
	}
}
