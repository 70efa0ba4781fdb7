package transact_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/inproc"
	"leafmesh/mesh/transact"
)

// logbook is a handler that notes what it gets.
type logbook struct {
	mu  sync.Mutex
	got []award   // guarded by mu
	ids []mesh.ID // guarded by mu
}

func (l *logbook) handler(options ...mesh.HandlerOption) mesh.Handler {
	return awarded.Handle("log", func(ctx context.Context, a award) error {
		h, _ := mesh.HeaderOf(ctx)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.got, l.ids = append(l.got, a), append(l.ids, h.ID)
		return nil
	}, options...)
}

func (l *logbook) all() []award {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.got)
}

// watched counts what a Relay asks of a database.
type watched struct {
	*sql.DB
	reads, writes atomic.Int64
}

func (w *watched) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	w.reads.Add(1)
	return w.DB.QueryContext(ctx, query, args...)
}

func (w *watched) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	w.writes.Add(1)
	return w.DB.ExecContext(ctx, query, args...)
}

// some makes awards from 1 to n.
func some(n int) (awards []award) {
	for i := range n {
		awards = append(awards, award{"otters", i + 1})
	}
	return awards
}

func TestEventsAreRelayedInOrderAfterTheCommit(t *testing.T) {
	onEach(t, func(t *testing.T, db *sql.DB) {
		log := &logbook{}
		n := openNode(t, "score-1", log.handler())
		want := some(1000) // several batches
		ctx := n.Context(t.Context())
		err := within(ctx, db, func(tx *sql.Tx) error {
			for _, a := range want[:700] {
				if err := give(ctx, tx, a); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		giveAll(t, n, db, want[700:]...)
		if got := log.all(); len(got) > 0 {
			t.Fatalf("%d events took effect without a Relay", len(got))
		}
		r := start(t, n, db)
		waitUntil(t, "relayed", func() bool { return len(log.all()) >= len(want) && statsOf(t, r).Waiting == 0 })
		giveAll(t, n, db, award{"otters", 1001})
		r.Wake()
		waitUntil(t, "relayed", func() bool { return len(log.all()) > len(want) && statsOf(t, r).Waiting == 0 })
		if got := log.all(); !slices.Equal(got, some(1001)) {
			t.Errorf("%d events came in another order or number than the 1001 given", len(got))
		}
		if s := statsOf(t, r); s.Relayed != 1001 || s.Failure != nil || !s.Oldest.IsZero() {
			t.Errorf("stats are %+v", s)
		}
	})
}

func TestARollbackTakesTheEventBack(t *testing.T) {
	onEach(t, func(t *testing.T, db *sql.DB) {
		log := &logbook{}
		n := openNode(t, "score-1", log.handler())
		r := start(t, n, db)
		broken := errors.New("broken")
		ctx := n.Context(t.Context())
		err := within(ctx, db, func(tx *sql.Tx) error { return errors.Join(give(ctx, tx, award{"otters", 1}), broken) })
		if !errors.Is(err, broken) {
			t.Fatal(err)
		}
		giveAll(t, n, db, award{"otters", 2})
		r.Wake()
		waitUntil(t, "relayed", func() bool { return statsOf(t, r).Relayed > 0 })
		closeNode(t, n)
		if got := log.all(); !slices.Equal(got, []award{{"otters", 2}}) {
			t.Errorf("%v took effect", got)
		}
	})
}

// A refused event leaves the transaction to its caller.
func TestARefusedEventIsNotWritten(t *testing.T) {
	n, err := mesh.Open(t.Context(), mesh.Config{Name: "score-1", Limits: []mesh.Rule{
		{Event: ">", Limit: mesh.Limit{Rate: mesh.Per(1, time.Hour), Burst: 1, Policy: mesh.Shed}}}})
	if err != nil {
		t.Fatal(err)
	}
	defer closeNode(t, n)
	db := newDatabase(t)
	ctx := n.Context(t.Context())
	giveAll(t, n, db, award{"otters", 1})
	err = within(ctx, db, func(tx *sql.Tx) error { return give(ctx, tx, award{"otters", 2}) })
	if !errors.Is(err, mesh.ErrRefused) {
		t.Errorf("%v, want a refusal", err)
	}
	if awards, events := number(t, db, "SELECT COUNT(*) FROM awards"), number(t, db, "SELECT COUNT(*) FROM mesh_outbox"); awards != 1 || events != 1 {
		t.Errorf("%d awards and %d events are written, want 1 and 1", awards, events)
	}
}

// What another process commits, or this one without a Wake, is found by looking.
func TestWithoutWakeTheRelayLooksByItself(t *testing.T) {
	log := &logbook{}
	n, db := openNode(t, "score-1", log.handler()), newDatabase(t)
	startAs(t, n, transact.Config{Database: db, Poll: time.Millisecond})
	for i, a := range some(3) {
		giveAll(t, n, db, a)
		waitUntil(t, "relayed", func() bool { return len(log.all()) == i+1 })
	}
}

// A queue that is full stops the Relay and nobody else: not the writer, also where
// there is one connection for all.
func TestAFullQueueHoldsNoConnection(t *testing.T) {
	onEach(t, func(t *testing.T, db *sql.DB) {
		gate, begun := make(chan struct{}), make(chan struct{}, 100)
		n := openNode(t, "score-1", awarded.Handle("slow", func(context.Context, award) error {
			begun <- struct{}{}
			<-gate
			return nil
		}, mesh.Queue(2)))
		db.SetMaxOpenConns(1)
		giveAll(t, n, db, some(5)...)
		r := start(t, n, db)
		receive(t, begun)
		waitUntil(t, "the queue is full", func() bool { return n.Stats().Waiting == 2 })
		giveAll(t, n, db, award{"otters", 6})
		if s := statsOf(t, r); s.Waiting != 6 || time.Since(s.Oldest) > waitLimit || s.Oldest.After(time.Now()) {
			t.Errorf("waiting %d, the oldest since %v; want 6", s.Waiting, s.Oldest)
		}
		// Stop ends the wait, and what was taken is not relayed again.
		r.Stop()
		if left := number(t, db, "SELECT MIN(seq) FROM mesh_outbox"); left != 3 {
			t.Errorf("the first row that is left is %d, want 3: two fit into the queue", left)
		}
		close(gate)
		r = start(t, n, db)
		waitUntil(t, "relayed", func() bool { return statsOf(t, r).Relayed == 4 })
	})
}

// While another connection holds the file, nothing can be deleted. What was
// relayed is not relayed again.
func TestWhatCanNotBeDeletedIsNotRelayedAgain(t *testing.T) {
	log := &logbook{}
	n, path := openNode(t, "score-1", log.handler()), filepath.Join(t.TempDir(), "state.db")
	db := openDatabase(t, path)
	if _, err := db.Exec(stateSchema + transact.OutboxSchema); err != nil {
		t.Fatal(err)
	}
	giveAll(t, n, db, some(3)...)
	impatient, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(1)")
	if err != nil {
		t.Fatal(err)
	}
	defer impatient.Close()
	lock, err := db.BeginTx(t.Context(), nil) // it may write: nobody else may
	if err != nil {
		t.Fatal(err)
	}
	tries := &watched{DB: impatient}
	r := start(t, n, tries)
	waitUntil(t, "it has failed several times", func() bool { return tries.writes.Load() > 2 })
	if s := statsOf(t, r); s.Failure == nil || s.Waiting != 3 {
		t.Errorf("stats are %+v", s)
	}
	if err := lock.Rollback(); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, "deleted", func() bool { return statsOf(t, r).Waiting == 0 })
	r.Stop()
	closeNode(t, n)
	if got := log.all(); !slices.Equal(got, some(3)) {
		t.Errorf("relayed %v, want each once", got)
	}
}

func TestStartSaysWhatIsMissing(t *testing.T) {
	n, db := openNode(t, "score-1"), openDatabase(t, filepath.Join(t.TempDir(), "empty.db"))
	for name, test := range map[string]struct {
		node   *mesh.Node
		config transact.Config
		want   string
	}{
		"the node":     {nil, transact.Config{Database: db}, "needs a node"},
		"the database": {n, transact.Config{}, "needs a node and a Database"},
		"the table":    {n, transact.Config{Database: db}, "is transact.OutboxSchema among the migrations?"},
		"the time":     {n, transact.Config{Database: db, Poll: -1}, "must be positive"},
	} {
		r := transact.NewRelay(test.config)
		if err := r.Start(t.Context(), test.node); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("without %s: %v; want %q", name, err, test.want)
		}
		r.Stop()
	}
}

// A Relay is there before its node: whoever commits may wake it, and what was
// committed by then is relayed from the start on. It is started once.
func TestARelayIsWokenBeforeItStarts(t *testing.T) {
	log := &logbook{}
	db := newDatabase(t)
	r := transact.NewRelay(transact.Config{Database: db, Poll: time.Hour})
	n := openNode(t, "score-1", log.handler())
	giveAll(t, n, db, some(2)...)
	r.Wake()
	if s := statsOf(t, r); s.Waiting != 2 || s.Relayed != 0 {
		t.Errorf("before the start %+v", s)
	}
	if err := r.Start(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	defer r.Stop()
	waitUntil(t, "relayed", func() bool { return statsOf(t, r).Waiting == 0 })
	if err := r.Start(t.Context(), n); err == nil {
		t.Error("it was started twice")
	}
}

// Events that were staged before their transaction keep their order in it.
func TestPutKeepsTheOrder(t *testing.T) {
	onEach(t, func(t *testing.T, db *sql.DB) {
		log := &logbook{}
		n := openNode(t, "score-1", log.handler())
		ctx := n.Context(t.Context())
		var staged []mesh.Staged
		for _, a := range some(3) {
			s, err := awarded.Stage(ctx, a)
			if err != nil {
				t.Fatal(err)
			}
			staged = append(staged, s)
		}
		err := within(ctx, db, func(tx *sql.Tx) error {
			return errors.Join(transact.Put(ctx, tx), transact.Put(ctx, tx, staged[2]), transact.Put(ctx, tx, staged[:2]...))
		})
		if err != nil {
			t.Fatal(err)
		}
		r := start(t, n, db)
		waitUntil(t, "relayed", func() bool { return statsOf(t, r).Waiting == 0 })
		closeNode(t, n)
		if got := log.all(); !slices.Equal(got, []award{{"otters", 3}, {"otters", 1}, {"otters", 2}}) {
			t.Errorf("relayed %v", got)
		}
		if err := within(ctx, db, func(tx *sql.Tx) error {
			if _, err := tx.Exec("DROP TABLE mesh_outbox"); err != nil {
				return err
			}
			return transact.Put(ctx, tx, staged...)
		}); err == nil || !strings.Contains(err.Error(), staged[0].ID.String()) {
			t.Errorf("without the table: %v, want an error that names the event", err)
		}
	})
}

// What a closed node does not take waits for the next one.
func TestTheOutboxOfAClosedNodeWaits(t *testing.T) {
	n, db := openNode(t, "score-1"), newDatabase(t)
	giveAll(t, n, db, some(2)...)
	closeNode(t, n)
	r := start(t, n, db)
	waitUntil(t, "it has failed", func() bool { return errors.Is(statsOf(t, r).Failure, mesh.ErrClosed) })
	r.Stop()
	r.Stop()
	again := start(t, openNode(t, "score-1"), db)
	waitUntil(t, "relayed", func() bool { return statsOf(t, again).Relayed == 2 })
}

// What was committed has happened when the mesh is at rest, although nobody but the Relay
// knows of it at first.
func TestSettleWaitsForTheRelay(t *testing.T) {
	log := &logbook{}
	n, db := openNode(t, "score-1", log.handler()), newDatabase(t)
	r := transact.NewRelay(transact.Config{Database: db, Poll: time.Hour})
	if err := r.Start(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	defer r.Stop()
	for round := 1; round <= 10; round++ {
		giveAll(t, n, db, some(20)...)
		r.Wake()
		if err := (inproc.Nodes{n}).Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := len(log.all()); got != 20*round {
			t.Fatalf("round %d: %d handled at rest, want %d", round, got, 20*round)
		}
	}
}

// An event that comes when the one before was relayed hardly waits: the Relay rests by how many
// events its last look found.
func TestALoneEventDoesNotWaitForOthers(t *testing.T) {
	handled := make(chan struct{}, 1)
	n, db := openNode(t, "score-1", awarded.Handle("tell", func(context.Context, award) error {
		handled <- struct{}{}
		return nil
	})), newDatabase(t)
	r := start(t, n, db)
	ctx := n.Context(t.Context())
	const fixedRest = 5 * time.Millisecond
	quickest := time.Hour
	for i := range 100 { // the quickest of many, for the machine may be busy
		begun := time.Now()
		if err := within(ctx, db, func(tx *sql.Tx) error { return give(ctx, tx, award{"otters", i}) }); err != nil {
			t.Fatal(err)
		}
		r.Wake()
		<-handled
		if i > 0 {
			quickest = min(quickest, time.Since(begun))
		}
	}
	if quickest > fixedRest/2 {
		t.Errorf("the quickest of 100 events took %v", quickest)
	}
}
