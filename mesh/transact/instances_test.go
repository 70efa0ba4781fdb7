package transact_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/stats"
	"leafmesh/mesh/transact"
)

// Two instances of a service that share a database count each event once, though
// each gets all of them at the same time, and none of their transactions fails, the
// pruning among them.
func TestTwoInstancesShareAnInbox(t *testing.T) {
	const events = 200
	onEach(t, func(t *testing.T, db *sql.DB) {
		const old = 1000 // events to be pruned meanwhile
		err := within(t.Context(), db, func(tx *sql.Tx) error {
			for i := range old {
				if _, err := tx.Exec("INSERT INTO mesh_inbox (id, handler, at) VALUES ($1, 'count', $2)", fmt.Appendf(nil, "%16d", i), i/10); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		instances := make([]*mesh.Node, 2)
		for i := range instances {
			instances[i] = openNode(t, "score-1", counting("count", db, new(transact.Inbox), never, mesh.Workers(4), mesh.Retry{Tries: 1}))
		}
		var staged []mesh.Staged
		for i := range events {
			s, err := awarded.Stage(instances[0].Context(t.Context()), award{fmt.Sprint("team ", i), i})
			if err != nil {
				t.Fatal(err)
			}
			staged = append(staged, s)
		}
		var both sync.WaitGroup
		for _, n := range instances {
			both.Go(func() {
				if _, err := n.Relay(t.Context(), staged...); err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
		for _, n := range instances {
			closeNode(t, n)
			if failed, handled := n.Stats().Total(stats.Failed), n.Stats().Total(stats.Handled); failed != 0 || handled < events {
				t.Errorf("of %d handled %d failed", handled, failed)
			}
		}
		for _, query := range []string{"SELECT COUNT(*) FROM awards", "SELECT COUNT(DISTINCT team) FROM awards", "SELECT COUNT(DISTINCT id) FROM mesh_outbox"} {
			if got := number(t, db, query); got != events {
				t.Errorf("%s: %d, want %d", query, got, events)
			}
		}
		// Two that prune at the same moment may delete the same rows.
		if left := number(t, db, "SELECT COUNT(*) FROM mesh_inbox") - events; left > old*9/10 {
			t.Errorf("%d old ones are left of %d", left, old)
		}
	})
}

// Instances of a service share its state and its inbox in PostgreSQL, and each has its
// outbox in a schema of its own, which comes first in its search path.
func TestEachInstanceHasItsOutbox(t *testing.T) {
	_, shared := newPostgresSchema(t)
	names := []string{"score-1", "score-2"}
	books := []*logbook{{}, {}}
	for i, name := range names {
		_, own := newPostgresSchema(t)
		db := openPostgres(t, own+","+shared)
		if _, err := db.Exec("DROP TABLE awards, mesh_inbox"); err != nil { // those of own
			t.Fatal(err)
		}
		n := openNode(t, name, books[i].handler())
		r := start(t, n, db)
		giveAll(t, n, db, award{name, i})
		r.Wake()
		waitUntil(t, "relayed", func() bool { s := statsOf(t, r); return s.Relayed == 1 && s.Waiting == 0 && s.SetAside == 0 })
		if awards := number(t, db, "SELECT COUNT(*) FROM awards"); awards != i+1 {
			t.Errorf("%s sees %d awards, want %d", name, awards, i+1)
		}
	}
}

// A transaction that is committed behind a later one keeps its lower number: its
// event is relayed late, and not lost.
func TestALateCommitIsNotSkipped(t *testing.T) {
	book, db := &logbook{}, newPostgres(t)
	n := openNode(t, "score-1", book.handler())
	r := start(t, n, db)
	ctx := n.Context(t.Context())
	late, err := db.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer late.Rollback() //nolint:errcheck // it fails only after Commit
	if err := give(ctx, late, award{"late", 1}); err != nil {
		t.Fatal(err)
	}
	giveAll(t, n, db, award{"early", 2}, award{"early", 3})
	r.Wake()
	waitUntil(t, "the later ones are relayed", func() bool { s := statsOf(t, r); return s.Relayed == 2 && s.Waiting == 0 })
	if err := late.Commit(); err != nil {
		t.Fatal(err)
	}
	r.Wake()
	waitUntil(t, "relayed", func() bool { s := statsOf(t, r); return s.Relayed == 3 && s.Waiting == 0 })
	closeNode(t, n)
	if got := book.all(); !slices.Contains(got, award{"late", 1}) || len(got) != 3 {
		t.Errorf("relayed %v", got)
	}
}

// heldUp is a database whose deletions wait.
type heldUp struct {
	*sql.DB
	come, gate chan struct{}
}

func (h *heldUp) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	h.come <- struct{}{}
	<-h.gate
	return h.DB.ExecContext(ctx, query, args...)
}

// Two Relays on one outbox are a mistake, which shows.
func TestASecondRelayIsNoticed(t *testing.T) {
	onEach(t, func(t *testing.T, db *sql.DB) {
		book, written := &logbook{}, &lines{}
		n := openNode(t, "score-1", book.handler())
		giveAll(t, n, db, some(3)...)
		held := &heldUp{DB: db, come: make(chan struct{}, 10), gate: make(chan struct{})}
		first := startAs(t, n, transact.Config{Database: held, Poll: time.Hour, Logger: slog.New(slog.NewTextHandler(written, nil))})
		receive(t, held.come) // it has relayed them
		second := start(t, n, db)
		waitUntil(t, "the second one is done", func() bool { return statsOf(t, second).Waiting == 0 })
		close(held.gate)
		waitUntil(t, "it is noticed", func() bool { return statsOf(t, first).Twice == 3 })
		giveAll(t, n, db, award{"otters", 4})
		first.Wake()
		waitUntil(t, "it goes on", func() bool { s := statsOf(t, first); return s.Waiting == 0 && s.Failure == nil })
		first.Stop()
		if log := written.all(); len(log) != 1 || !strings.Contains(log[0], "run one Relay for each outbox") {
			t.Errorf("the log is %q", log)
		}
		if s := statsOf(t, second); s.Twice != 0 {
			t.Errorf("the second one: %+v", s)
		}
	})
}

// unanswered is a database whose first deletion is done, and seems to have failed.
type unanswered struct {
	*sql.DB
	failed atomic.Bool
}

func (u *unanswered) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	result, err := u.DB.ExecContext(ctx, query, args...)
	if err == nil && u.failed.CompareAndSwap(false, true) {
		return nil, errors.New("no answer")
	}
	return result, err
}

// What this Relay may have deleted itself says nothing of a second one.
func TestADeletionWithoutAnAnswerIsNoSecondRelay(t *testing.T) {
	book, db := &logbook{}, newDatabase(t)
	n := openNode(t, "score-1", book.handler())
	giveAll(t, n, db, some(3)...)
	once := &unanswered{DB: db}
	r := start(t, n, once)
	waitUntil(t, "it has failed", once.failed.Load)
	giveAll(t, n, db, award{"otters", 4})
	waitUntil(t, "relayed", func() bool { s := statsOf(t, r); return s.Relayed == 4 && s.Waiting == 0 })
	if s := statsOf(t, r); s.Twice != 0 {
		t.Errorf("%+v", s)
	}
}
