package main

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"leafmesh/mesh/cause"
)

// TestANodeComesToAHubThatRuns adds a node to a hub of three stock nats-servers, and takes it away
// again: the configuration is written anew and the servers read it again. No other node is started
// again, no link to the hub ends, and no sale is lost.
func TestANodeComesToAHubThatRuns(t *testing.T) {
	t.Parallel()
	hub, dir := newHubSite(t, 3), t.TempDir()
	w := &ward{trial: trial{start: time.Now()}, urls: make(map[*daemon]string), sales: make(map[cause.ID]string)}
	join := hub.join(t)
	add := func(node string, inMesh, more map[string]any) func() *daemon {
		inMesh["name"] = node
		join("", inMesh)
		return w.prepare(t, dir, node, inMesh, more)
	}
	books := map[string]*sql.DB{}
	addLedger := func(node string) func() *daemon {
		db, err := openBooks(filepath.Join(dir, node+".db"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		if _, err := db.Exec(booksSchema); err != nil {
			t.Fatal(err)
		}
		books[node] = db
		return add(node, map[string]any{
			"peers":   []any{map[string]any{"name": "till-1"}},
			"imports": []any{map[string]any{"event": saleMade.Subject(), "durable": true}},
		}, map[string]any{"books": node + ".db"})
	}
	booked := func(node string) (n int) {
		if err := books[node].QueryRow("SELECT COUNT(*) FROM bookings").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	startTill := add("till-1", map[string]any{
		// The till names the second ledger before it comes: who may read from a node is for its own
		// file to say.
		"peers":   []any{map[string]any{"name": "ledger-1", "may_import": "all"}, map[string]any{"name": "ledger-2", "may_import": "all"}},
		"exports": []any{map[string]any{"event": saleMade.Subject(), "kept_for": []string{"ledger"}}},
	}, nil)
	startFirst := addLedger("ledger-1")
	file := func(node string) string { return filepath.Join(dir, node+".yaml") }
	hub.configure(t, file("till-1"), file("ledger-1"))
	hub.start(t)
	w.till = startTill()
	first := startFirst()
	first.await(t, `msg="(linked)`)

	sold := 0
	sell := func(enough func() bool) {
		t.Helper()
		for deadline := time.Now().Add(patience); !enough(); sold++ {
			if time.Now().After(deadline) {
				t.Fatal("waited in vain")
			}
			w.sell(t, w.customer())
		}
	}
	all := func() bool { return booked("ledger-1")+booked("ledger-2") == sold*len(bookers) }
	startSecond := addLedger("ledger-2")
	sell(func() bool { return sold == 50 })
	hub.configure(t, file("till-1"), file("ledger-1"), file("ledger-2"))
	hub.reload(t)
	second := startSecond()
	second.await(t, `msg="(linked)`)
	sell(func() bool { return booked("ledger-2") > 0 && booked("ledger-1") > 0 })
	if err := second.stop(); err != nil {
		t.Error(err)
	}
	hub.configure(t, file("till-1"), file("ledger-1"))
	hub.reload(t)
	before := sold
	sell(func() bool { return sold == before+50 })
	for deadline := time.Now().Add(patience); !all(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d and %d bookings of %d sales", booked("ledger-1"), booked("ledger-2"), sold)
		}
	}
	closed := 0
	for _, s := range hub.servers {
		lines, _ := s.log.since(s.begin)
		closed += strings.Count(strings.Join(lines, "\n"), "Leafnode connection closed")
	}
	if closed != 1 {
		t.Errorf("%d links to the hub ended, want that of the ledger that left", closed)
	}
}
