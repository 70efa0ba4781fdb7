package transact_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/stats"
	"leafmesh/mesh/transact"
)

// counting makes a handler that counts an award once and says so, in the
// transaction of its own database.
func counting(name string, db *sql.DB, inbox *transact.Inbox, fail func() error, options ...mesh.HandlerOption) mesh.Handler {
	return awarded.Handle(name, func(ctx context.Context, a award) error {
		return within(ctx, db, func(tx *sql.Tx) error {
			first, err := inbox.First(ctx, tx)
			if err != nil || !first {
				return err
			}
			if _, err := tx.ExecContext(ctx, "INSERT INTO awards (team, n) VALUES ($1, $2)", name+" "+a.Team, a.N); err != nil {
				return err
			}
			if err := transact.Emit(ctx, tx, counted, a); err != nil {
				return err
			}
			return fail()
		})
	}, options...)
}

func never() error { return nil }

// Each handler counts each event once: it comes several times, to several workers
// at once, and every third try fails at its end.
func TestFirstUnderRedelivery(t *testing.T) {
	onEach(t, func(t *testing.T, db *sql.DB) {
		const events, times = 20, 3
		var calls atomic.Int64
		third := func() error {
			if calls.Add(1)%3 == 0 {
				return errors.New("broken")
			}
			return nil
		}
		options := []mesh.HandlerOption{mesh.Workers(3), mesh.Retry{Tries: 100, FirstPause: time.Microsecond, LongestPause: time.Millisecond}}
		n := openNode(t, "score-1", counting("one", db, new(transact.Inbox), third, options...), counting("two", db, new(transact.Inbox), third, options...))
		var staged []mesh.Staged
		for i := range events {
			s, err := awarded.Stage(n.Context(t.Context()), award{fmt.Sprint("team ", i), i})
			if err != nil {
				t.Fatal(err)
			}
			staged = append(staged, s)
		}
		for range times {
			if _, err := n.Relay(t.Context(), staged...); err != nil {
				t.Fatal(err)
			}
		}
		closeNode(t, n)
		if failed := n.Stats().Total(stats.Failed); failed != 0 {
			t.Fatalf("%d events were given up", failed)
		}
		for _, query := range []string{"SELECT COUNT(*) FROM awards", "SELECT COUNT(DISTINCT team || n) FROM awards",
			"SELECT COUNT(*) FROM mesh_inbox", "SELECT COUNT(*) FROM mesh_outbox", "SELECT COUNT(DISTINCT id) FROM mesh_outbox"} {
			if got := number(t, db, query); got != 2*events {
				t.Errorf("%s: %d, want %d", query, got, 2*events)
			}
		}
	})
}

// A handler that fails after its COMMIT runs again, does nothing, and what it
// emitted is there once.
func TestFirstAfterACommitThatTheHandlerDidNotSurvive(t *testing.T) {
	onEach(t, func(t *testing.T, db *sql.DB) {
		runs := 0
		n := openNode(t, "score-1", awarded.Handle("count", func(ctx context.Context, a award) error {
			err := within(ctx, db, func(tx *sql.Tx) error {
				first, err := new(transact.Inbox).First(ctx, tx)
				if err != nil || !first {
					return err
				}
				return transact.Emit(ctx, tx, counted, a)
			})
			if runs++; err == nil && runs < 3 {
				panic("after the COMMIT")
			}
			return err
		}, mesh.Retry{Tries: 5, LongestPause: time.Microsecond}))
		if err := awarded.Emit(n.Context(t.Context()), award{"otters", 1}); err != nil {
			t.Fatal(err)
		}
		closeNode(t, n)
		if events := number(t, db, "SELECT COUNT(*) FROM mesh_outbox"); runs != 3 || events != 1 {
			t.Errorf("%d runs left %d events, want 3 and 1", runs, events)
		}
	})
}

// Without an inbox a handler that runs again emits again, under the same id.
func TestAHandlerThatRunsAgainEmitsTheSameIDs(t *testing.T) {
	db := newDatabase(t)
	runs := 0
	n := openNode(t, "score-1", awarded.Handle("count", func(ctx context.Context, a award) error {
		err := within(ctx, db, func(tx *sql.Tx) error {
			return errors.Join(transact.Emit(ctx, tx, counted, a), transact.Emit(ctx, tx, counted, a))
		})
		if runs++; runs < 3 {
			return errors.Join(err, errors.New("broken"))
		}
		return err
	}, mesh.Retry{Tries: 3, LongestPause: time.Microsecond}))
	if err := awarded.Emit(n.Context(t.Context()), award{"otters", 1}); err != nil {
		t.Fatal(err)
	}
	closeNode(t, n)
	rows, ids := number(t, db, "SELECT COUNT(*) FROM mesh_outbox"), number(t, db, "SELECT COUNT(DISTINCT id) FROM mesh_outbox")
	if rows != 6 || ids != 2 {
		t.Errorf("%d rows have %d ids, want 6 and 2", rows, ids)
	}
}

func TestFirstIsForHandlers(t *testing.T) {
	n, db := openNode(t, "score-1"), newDatabase(t)
	for _, ctx := range []context.Context{t.Context(), n.Context(t.Context())} {
		err := within(ctx, db, func(tx *sql.Tx) error {
			_, err := new(transact.Inbox).First(ctx, tx)
			return err
		})
		if err == nil {
			t.Error("First outside of a handler is no error")
		}
	}
}

// Events are forgotten after the window, some at a time, and not before.
func TestTheInboxForgetsAfterItsWindow(t *testing.T) {
	onEach(t, func(t *testing.T, db *sql.DB) {
		now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
		inbox := transact.NewInbox(24*time.Hour, func() time.Time { return now })
		n := openNode(t, "score-1", counting("count", db, inbox, never))
		const round = transact.PruneEvery // of its events the first prunes
		var staged []mesh.Staged
		for i := range 8 * round {
			s, err := awarded.Stage(n.Context(t.Context()), award{"otters", i})
			if err != nil {
				t.Fatal(err)
			}
			staged = append(staged, s)
		}
		handle := func(events ...mesh.Staged) {
			t.Helper()
			before := n.Stats().Total(stats.Handled)
			if _, err := n.Relay(t.Context(), events...); err != nil {
				t.Fatal(err)
			}
			waitUntil(t, "handled", func() bool { return n.Stats().Total(stats.Handled) == before+uint64(len(events)) })
		}
		var sizes []int
		for _, step := range []struct {
			after time.Duration
			from  int // of the round
		}{
			{0, 0}, {0, 1}, {0, 2}, {0, 3}, {0, 4}, // five rounds
			{24 * time.Hour, 0}, // still known
			{0, 5},              // nothing is too old
			{time.Hour, 0},      // too old, and still known: what is new prunes
			{0, 6}, {0, 7},      // two old ones go for each
			{0, 0},              // forgotten, so new again
			{24 * time.Hour, 0}, // known again
		} {
			now = now.Add(step.after)
			handle(staged[step.from*round : (step.from+1)*round]...)
			size := number(t, db, "SELECT COUNT(*) FROM mesh_inbox")
			if size%round != 0 {
				t.Fatalf("the inbox has %d rows, which is no number of rounds", size)
			}
			sizes = append(sizes, size/round)
		}
		if want := []int{1, 2, 3, 4, 5, 5, 6, 6, 5, 4, 4, 4}; !slices.Equal(sizes, want) {
			t.Errorf("the inbox had %v rounds, want %v", sizes, want)
		}
		if counted := number(t, db, "SELECT COUNT(*) FROM awards"); counted != 9*round {
			t.Errorf("%d counted, want 8 rounds of events and one of them twice", counted)
		}
	})
}

// Pruning finds what is old by the index, whatever the table holds.
func TestPruningReadsNoMoreThanItDeletes(t *testing.T) {
	db := newDatabase(t)
	rows, err := db.Query("EXPLAIN QUERY PLAN "+transact.DeleteHandled, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var plan []string
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		plan = append(plan, detail)
	}
	if !slices.Contains(plan, "SEARCH mesh_inbox USING PRIMARY KEY (id=?)") || !slices.Contains(plan, "SEARCH mesh_inbox USING COVERING INDEX mesh_inbox_at (at<?)") {
		t.Errorf("the plan is %q", plan)
	}
}
