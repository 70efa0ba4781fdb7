package store

import (
	"context"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
)

// benchSchema is what services have: remembered event ids, rows with a composite key, and a total.
const benchSchema = `
CREATE TABLE seen (id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE solves (team TEXT, clue TEXT, at INTEGER, PRIMARY KEY (team, clue)) WITHOUT ROWID;
CREATE TABLE teams (team TEXT PRIMARY KEY, points INTEGER, solves INTEGER, last INTEGER) WITHOUT ROWID;`

// BenchmarkWrite is one Write of three statements, from that many goroutines at a time.
func BenchmarkWrite(b *testing.B) {
	for _, writers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			db, err := Open(filepath.Join(b.TempDir(), "bench.db"), []string{benchSchema})
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			var n atomic.Int64
			b.SetParallelism((writers + 1) / 2) // times GOMAXPROCS
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := benchWrite(db, n.Add(1)); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

func benchWrite(db *DB, i int64) error {
	id, team, clue := fmt.Sprintf("%026d", i), fmt.Sprintf("team %d", i%458), fmt.Sprintf("clue %d", i)
	return db.Write(context.Background(), func(tx *Tx) error {
		if _, err := tx.Exec("INSERT INTO seen VALUES (?)", id); err != nil {
			return err
		}
		if _, err := tx.Exec("INSERT INTO solves VALUES (?, ?, ?)", team, clue, i); err != nil {
			return err
		}
		_, err := tx.Exec(`INSERT INTO teams VALUES (?, 5, 1, ?) ON CONFLICT DO UPDATE
			SET points = points + excluded.points, solves = solves + 1, last = excluded.last`, team, i)
		return err
	})
}
