package transact_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/transact"
)

// BenchmarkOutbox is an event from Emit by way of COMMIT and Relay to a handler of
// the node, with so many events a transaction.
func BenchmarkOutbox(b *testing.B) {
	for _, size := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("transaction=%d", size), func(b *testing.B) {
			n, db := openNode(b, "score-1", awarded.Handle("count", func(context.Context, award) error { return nil })), newDatabase(b)
			r := start(b, n, db)
			ctx := n.Context(context.Background())
			b.ReportAllocs()
			b.ResetTimer()
			for done := 0; done < b.N; done += size {
				err := within(ctx, db, func(tx *sql.Tx) error {
					for i := range min(size, b.N-done) {
						if err := transact.Emit(ctx, tx, awarded, award{"otters", i}); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					b.Fatal(err)
				}
				r.Wake()
			}
			waitUntil(b, "all are relayed", func() bool { return statsOf(b, r).Relayed >= uint64(b.N) })
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkRelay drains an outbox that has filled up.
func BenchmarkRelay(b *testing.B) {
	n, db := openNode(b, "score-1", awarded.Handle("count", func(context.Context, award) error { return nil })), newDatabase(b)
	ctx := n.Context(context.Background())
	err := within(ctx, db, func(tx *sql.Tx) error {
		for i := range b.N {
			if err := transact.Emit(ctx, tx, awarded, award{"otters", i}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	r := start(b, n, db)
	waitUntil(b, "all are relayed", func() bool { return statsOf(b, r).Relayed >= uint64(b.N) })
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkFirst handles events for the first time, 256 in a transaction, while
// as many that are too old are forgotten.
func BenchmarkFirst(b *testing.B) {
	db := newDatabase(b)
	inbox := transact.NewInbox(time.Hour, time.Now)
	_, err := db.Exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 100000)
		INSERT INTO mesh_inbox SELECT unhex(printf('%032x', i)), 'count', i FROM n`)
	if err != nil {
		b.Fatal(err)
	}
	var tx *sql.Tx
	inTx := 0
	done := make(chan struct{})
	handled := 0
	n := openNode(b, "score-1", awarded.Handle("count", func(ctx context.Context, _ award) (err error) {
		if inTx == 0 {
			if tx, err = db.BeginTx(context.Background(), nil); err != nil {
				return err
			}
		}
		first, err := inbox.First(ctx, tx)
		if err != nil || !first {
			return errors.Join(errors.New("not the first time"), err)
		}
		handled++
		if inTx = (inTx + 1) % 256; inTx == 0 || handled == b.N {
			err = tx.Commit()
		}
		if handled == b.N {
			close(done)
		}
		return err
	}, mesh.Retry{Tries: 1}))
	b.ResetTimer()
	for i := range b.N {
		if err := awarded.Emit(n.Context(context.Background()), award{"otters", i}); err != nil {
			b.Fatal(err)
		}
	}
	<-done
}

// BenchmarkStats counts an outbox in which 100,000 events wait.
func BenchmarkStats(b *testing.B) {
	n, db := openNode(b, "score-1"), openDatabase(b, filepath.Join(b.TempDir(), "state.db"))
	if _, err := db.Exec(transact.OutboxSchema); err != nil {
		b.Fatal(err)
	}
	r := start(b, n, db)
	r.Stop()
	_, err := db.Exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 100000)
		INSERT INTO mesh_outbox (id, at, message) SELECT randomblob(16), i, randomblob(200) FROM n`)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if s := statsOf(b, r); s.Waiting != 100000 {
			b.Fatal(s.Waiting)
		}
	}
}
