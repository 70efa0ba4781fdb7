package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/stats"
	"leafmesh/mesh/transact"
)

// note is what the tests' events tell of.
type note struct {
	Name string `cbor:"1,keyasint"`
}

var (
	noteTaken   = mesh.NewEvent[note]("store.note.taken")
	noteWritten = mesh.NewEvent[note]("store.note.written")
)

// openNode opens a node that its test closes with closeNode.
func openNode(t testing.TB, handlers ...mesh.Handler) *mesh.Node {
	t.Helper()
	n, err := mesh.Open(t.Context(), mesh.Config{Name: "store-1", Handlers: handlers})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func closeNode(t testing.TB, n *mesh.Node) {
	t.Helper()
	if err := n.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

// A handler remembers its event, writes and emits in one Write. Its neighbours in
// the transaction fail or not by themselves.
func TestEventsInAWrite(t *testing.T) {
	db, _ := openTest(t, testSchema+";"+transact.OutboxSchema+transact.InboxSchema)
	broken := errors.New("broken")
	written := make(chan string, 100)
	n := openNode(t, noteTaken.Handle("write", func(ctx context.Context, e note) error {
		return db.Write(ctx, func(tx *Tx) error {
			first, err := new(transact.Inbox).First(ctx, tx)
			if err != nil || !first {
				return err
			}
			if _, err := tx.Exec("INSERT INTO notes VALUES (?, 1)", e.Name); err != nil {
				return err
			}
			if err := transact.Emit(ctx, tx, noteWritten, e); err != nil {
				return err
			}
			if strings.HasPrefix(e.Name, "bad") {
				return broken
			}
			return nil
		})
	}, mesh.Workers(4), mesh.Retry{Tries: 2, LongestPause: time.Microsecond}),
		noteWritten.Handle("log", func(_ context.Context, e note) error { written <- e.Name; return nil }))
	defer closeNode(t, n)
	var staged []mesh.Staged
	for i := range 20 {
		for _, kind := range []string{"good", "bad"} {
			s, err := noteTaken.Stage(n.Context(t.Context()), note{fmt.Sprint(kind, i)})
			if err != nil {
				t.Fatal(err)
			}
			staged = append(staged, s)
		}
	}
	for range 2 { // each event comes twice
		if _, err := n.Relay(t.Context(), staged...); err != nil {
			t.Fatal(err)
		}
	}
	r := transact.NewRelay(transact.Config{Database: db, Poll: time.Millisecond})
	if err := r.Start(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	defer r.Stop()
	got := map[string]int{}
	for range 20 {
		select {
		case name := <-written:
			got[name]++
		case <-time.After(20 * time.Second):
			t.Fatalf("only %d events came", len(got))
		}
	}
	r.Stop()
	closeNode(t, n)
	for i := range 20 {
		if got[fmt.Sprint("good", i)] != 1 {
			t.Errorf("good%d came %d times, want once", i, got[fmt.Sprint("good", i)])
		}
	}
	if left := strings.Fields(notes(t, db)); len(left) != 20 || len(written) != 0 {
		t.Errorf("notes are %v, and %d events came too much", left, len(written))
	}
}

func TestExecContextAfterTheEndOfItsContext(t *testing.T) {
	db, _ := openTest(t)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	err := db.Write(t.Context(), func(tx *Tx) error {
		if _, err := tx.ExecContext(ended, "INSERT INTO notes VALUES ('a', 1)"); !errors.Is(err, context.Canceled) {
			t.Errorf("%v, want the context's error", err)
		}
		_, err := tx.ExecContext(t.Context(), "INSERT INTO notes VALUES ('b', 1)")
		return err
	})
	if err != nil || notes(t, db) != "b" {
		t.Errorf("%v; notes are %q, want b", err, notes(t, db))
	}
	if _, err := db.ExecContext(ended, "INSERT INTO notes VALUES ('c', 1)"); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want the context's error", err)
	}
	if result, err := db.ExecContext(t.Context(), "DELETE FROM notes"); err != nil {
		t.Error(err)
	} else if gone, err := result.RowsAffected(); err != nil || gone != 1 {
		t.Errorf("%d rows deleted, %v; want 1", gone, err)
	}
}

// BenchmarkOutbox is an event from a Write by way of the Relay to a handler, from
// that many goroutines at a time.
func BenchmarkOutbox(b *testing.B) {
	for _, writers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			db, err := Open(filepath.Join(b.TempDir(), "bench.db"), []string{transact.OutboxSchema})
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			done, handled := make(chan struct{}), 0
			n := openNode(b, noteWritten.Handle("log", func(context.Context, note) error {
				if handled++; handled == b.N {
					close(done)
				}
				return nil
			}))
			defer closeNode(b, n)
			r := transact.NewRelay(transact.Config{Database: db})
			if err := r.Start(b.Context(), n); err != nil {
				b.Fatal(err)
			}
			defer r.Stop()
			ctx := n.Context(context.Background())
			b.SetParallelism((writers + 1) / 2) // times GOMAXPROCS
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := db.Write(ctx, func(tx *Tx) error { return transact.Emit(ctx, tx, noteWritten, note{"otters"}) }); err != nil {
						b.Error(err)
						return
					}
					r.Wake()
				}
			})
			<-done
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkFirst is a handler's Write that asks the inbox and writes a note, from
// one worker.
func BenchmarkFirst(b *testing.B) {
	db, err := Open(filepath.Join(b.TempDir(), "bench.db"), []string{testSchema + ";" + transact.InboxSchema})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	i := 0
	for _, asked := range []bool{false, true} {
		b.Run(fmt.Sprintf("asked=%v", asked), func(b *testing.B) {
			n := openNode(b, noteTaken.Handle("write", func(ctx context.Context, e note) error {
				return db.Write(ctx, func(tx *Tx) error {
					if asked {
						if first, err := new(transact.Inbox).First(ctx, tx); err != nil || !first {
							return errors.Join(errors.New("not the first time"), err)
						}
					}
					i++
					_, err := tx.Exec("INSERT INTO notes VALUES (?, 1)", fmt.Sprint(i))
					return err
				})
			}, mesh.Retry{Tries: 1}))
			b.ResetTimer()
			for range b.N {
				if err := noteTaken.Emit(n.Context(context.Background()), note{"otters"}); err != nil {
					b.Fatal(err)
				}
			}
			closeNode(b, n)
			if failed := n.Stats().Total(stats.Failed); failed > 0 {
				b.Errorf("%d events failed", failed)
			}
		})
	}
}

// The database is marked on the disk while its writer is busy elsewhere.
func TestADatabaseIsMarked(t *testing.T) {
	db, path := openTest(t, testSchema+";"+transact.MarkSchema)
	state := transact.NewState(db)
	if err := state.SetMark(t.Context(), "score-1", 7); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	release := hold(t, db, &group)
	if err := db.Sync(t.Context()); err != nil {
		t.Errorf("while the writer is busy: %v", err)
	}
	release()
	group.Wait()
	if mark, err := state.Mark(t.Context(), "score-1"); mark != 7 || err != nil {
		t.Errorf("mark %d, %v", mark, err)
	}
	if err := os.Remove(path + "-wal"); err != nil {
		t.Fatal(err)
	}
	if err := state.SetMark(t.Context(), "score-1", 8); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without its -wal file: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Log(err)
	}
	if err := db.Sync(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("once it is closed: %v", err)
	}
}
