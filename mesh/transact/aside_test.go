package transact_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/inproc"
	"leafmesh/mesh/transact"
)

// lines is a log that may be read while it is written.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Split(strings.TrimSuffix(l.text.String(), "\n"), "\n")
}

// startRetrying starts a Relay that tries what it sets aside again all the time.
func startRetrying(t testing.TB, n *mesh.Node, c transact.Config) *transact.Relay {
	t.Helper()
	r := transact.NewRelay(c)
	transact.RetryAside(r, time.Millisecond)
	if err := r.Start(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Stop)
	return r
}

// A row that cannot be relayed is told of once, and the others pass.
func TestARowThatCanNotBeRelayedLetsTheOthersPass(t *testing.T) {
	for name, test := range map[string]struct{ damage, why string }{
		"its message": {"UPDATE mesh_outbox SET message = substr(message, 1, 40) WHERE seq = 3", "promised"},
		"its id":      {"UPDATE mesh_outbox SET id = (SELECT id FROM mesh_outbox WHERE seq = 1) WHERE seq = 3", "its message is that of event"},
	} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, db *sql.DB) {
				book, written := &logbook{}, &lines{}
				n := openNode(t, "score-1", book.handler())
				giveAll(t, n, db, some(5)...)
				if _, err := db.Exec(test.damage); err != nil {
					t.Fatal(err)
				}
				tries := &watched{DB: db}
				r := startRetrying(t, n, transact.Config{Database: tries, Logger: slog.New(slog.NewTextHandler(written, nil))})
				waitUntil(t, "the others have passed", func() bool { return len(book.all()) == 4 })
				seen := tries.reads.Load()
				waitUntil(t, "it was tried several times", func() bool { return tries.reads.Load() > seen+10 })
				s := statsOf(t, r)
				if s.SetAside != 1 || s.Waiting != 1 || s.Relayed != 4 || !errors.Is(s.Failure, mesh.ErrUnrelayable) ||
					!strings.Contains(s.Failure.Error(), "DELETE FROM mesh_outbox WHERE seq = 3") {
					t.Errorf("%+v", s)
				}
				if _, err := db.Exec("DELETE FROM mesh_outbox WHERE seq = 3"); err != nil {
					t.Fatal(err)
				}
				if s := statsOf(t, r); s.SetAside != 0 || s.Waiting != 0 || s.Failure != nil {
					t.Errorf("once it is deleted: %+v", s)
				}
				giveAll(t, n, db, award{"otters", 6})
				r.Wake()
				waitUntil(t, "relayed", func() bool { return len(book.all()) == 5 })
				r.Stop()
				if log := written.all(); len(log) != 1 || !strings.Contains(log[0], "sequence=3 ") || !strings.Contains(log[0], test.why) ||
					!strings.Contains(log[0], "DELETE FROM mesh_outbox WHERE seq = 3") {
					t.Errorf("the log is %q, want one line that names row 3 and %q", log, test.why)
				}
				if got := book.all(); !slices.Equal(got, []award{{"otters", 1}, {"otters", 2}, {"otters", 4}, {"otters", 5}, {"otters", 6}}) {
					t.Errorf("relayed %v", got)
				}
			})
		})
	}
}

// The rows of another node, and of a type that is not the node's, are set aside.
func TestTheRowsOfAnotherNodeAreSetAside(t *testing.T) {
	for _, test := range []struct{ node, why string }{
		{"score-2", "node score-2 has staged it and this is node score-1"},
		{"clue-1", "node clue-1 has staged it"},
	} {
		t.Run(test.node, func(t *testing.T) {
			solved := mesh.NewEvent[award]("clue.clue.relayed")
			book, written, db := &logbook{}, &lines{}, newDatabase(t)
			n, other := openNode(t, "score-1", book.handler()), openNode(t, test.node)
			err := within(t.Context(), db, func(tx *sql.Tx) error {
				if test.node == "clue-1" {
					return transact.Emit(other.Context(t.Context()), tx, solved, award{"otters", 1})
				}
				return give(other.Context(t.Context()), tx, award{"otters", 1})
			})
			if err != nil {
				t.Fatal(err)
			}
			giveAll(t, n, db, award{"otters", 2})
			r := startAs(t, n, transact.Config{Database: db, Logger: slog.New(slog.NewTextHandler(written, nil))})
			waitUntil(t, "the other has passed", func() bool { return len(book.all()) == 1 && statsOf(t, r).Waiting == 1 })
			if s := statsOf(t, r); s.Waiting != 1 || s.SetAside != 1 || !strings.Contains(s.Failure.Error(), test.why) {
				t.Errorf("%+v", s)
			}
			if log := written.all(); len(log) != 1 || !strings.Contains(log[0], "sequence=1 ") || !strings.Contains(log[0], "type=") {
				t.Errorf("the log is %q", log)
			}
		})
	}
}

// What max_payload does not let through any more waits until it does, be the export
// durable or not; all else passes.
func TestAnEventThatIsTooLargeIsSetAside(t *testing.T) {
	type text struct {
		Text string `cbor:"1,keyasint"`
	}
	for _, kept := range [][]string{nil, {"clue"}} {
		t.Run(fmt.Sprint("kept for ", kept), func(t *testing.T) {
			written := mesh.NewEvent[text]("score.text.written")
			db, dir, got := newDatabase(t), t.TempDir(), make(chan int, 10)
			open := func(most mesh.Size) inproc.Nodes {
				export := written.Export(mesh.Limit{})
				export.KeptFor = kept
				c := mesh.Config{Name: "score-1", MaxPayload: most, Exports: []mesh.Export{export},
					Handlers: []mesh.Handler{written.Handle("log", func(_ context.Context, v text) error { got <- len(v.Text); return nil })}}
				if kept != nil {
					c.Data = mesh.Path(dir)
				}
				nodes, err := inproc.Open(t.Context(), c)
				if err != nil {
					t.Fatal(err)
				}
				return nodes
			}
			nodes := open(64 << 10)
			err := within(t.Context(), db, func(tx *sql.Tx) error {
				ctx := nodes[0].Context(t.Context())
				return errors.Join(transact.Emit(ctx, tx, written, text{strings.Repeat("a", 5000)}), transact.Emit(ctx, tx, written, text{"b"}))
			})
			if err := errors.Join(err, nodes.Close(t.Context())); err != nil {
				t.Fatal(err)
			}

			nodes, log := open(4<<10), &lines{}
			r := startAs(t, nodes[0], transact.Config{Database: db, Logger: slog.New(slog.NewTextHandler(log, nil))})
			if size := receive(t, got); size != 1 {
				t.Errorf("the event of %d bytes passed, want the one of 1", size)
			}
			waitUntil(t, "deleted", func() bool { return statsOf(t, r).Waiting == 1 })
			if s := statsOf(t, r); s.SetAside != 1 || !errors.Is(s.Failure, mesh.ErrTooLarge) {
				t.Errorf("%+v", s)
			}
			if all := log.all(); len(all) != 1 || !strings.Contains(all[0], "type=score.text.written") || !strings.Contains(all[0], "max_payload is 4096; raise it") {
				t.Errorf("the log is %q", all)
			}
			r.Stop()
			if err := nodes.Close(t.Context()); err != nil {
				t.Fatal(err)
			}

			nodes = open(64 << 10)
			r = startAs(t, nodes[0], transact.Config{Database: db})
			if size := receive(t, got); size != 5000 {
				t.Errorf("the event of %d bytes passed, want the one of 5000", size)
			}
			r.Stop()
			if err := nodes.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// What was set aside is relayed when its fault is mended, without a start.
func TestWhatWasSetAsideIsTriedAgain(t *testing.T) {
	onEach(t, func(t *testing.T, db *sql.DB) {
		book := &logbook{}
		n := openNode(t, "score-1", book.handler())
		giveAll(t, n, db, some(3)...)
		if _, err := db.Exec("CREATE TABLE sound AS SELECT seq, message FROM mesh_outbox"); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec("UPDATE mesh_outbox SET message = substr(message, 1, 40) WHERE seq < 3"); err != nil {
			t.Fatal(err)
		}
		r := startRetrying(t, n, transact.Config{Database: db, Poll: time.Hour})
		waitUntil(t, "two are set aside", func() bool { s := statsOf(t, r); return s.SetAside == 2 && s.Waiting == 2 })
		if _, err := db.Exec("UPDATE mesh_outbox SET message = (SELECT message FROM sound WHERE sound.seq = 1) WHERE seq = 1"); err != nil {
			t.Fatal(err)
		}
		waitUntil(t, "one is relayed", func() bool { s := statsOf(t, r); return s.SetAside == 1 && s.Waiting == 1 && s.Relayed == 2 })
		r.Stop()
		closeNode(t, n)
		if got := book.all(); !slices.Equal(got, []award{{"otters", 3}, {"otters", 1}}) {
			t.Errorf("relayed %v, each once, what was set aside behind the others", got)
		}
	})
}

// Where too many rows are damaged the Relay stops, and goes on when there is room.
func TestTooManyRowsSetAsideStopTheRelay(t *testing.T) {
	book, db := &logbook{}, newDatabase(t)
	n := openNode(t, "score-1", book.handler())
	_, err := db.Exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i <= $1)
		INSERT INTO mesh_outbox (id, at, message) SELECT randomblob(16), i, randomblob(20) FROM n`, transact.MaxAside)
	if err != nil {
		t.Fatal(err)
	}
	giveAll(t, n, db, award{"otters", 1})
	r := startRetrying(t, n, transact.Config{Database: db})
	waitUntil(t, "it has stopped", func() bool {
		s := statsOf(t, r)
		return s.SetAside == transact.MaxAside && s.Failure != nil && strings.Contains(s.Failure.Error(), "row 1001 of mesh_outbox and all behind it wait")
	})
	if _, err := db.Exec("DELETE FROM mesh_outbox WHERE seq = 500"); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, "the sound one is relayed", func() bool { return len(book.all()) == 1 && statsOf(t, r).Waiting == transact.MaxAside })
}
