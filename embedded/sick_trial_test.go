package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"leafmesh/mesh"
	"leafmesh/mesh/cause"
	"leafmesh/mesh/meshtest"
)

// TestNothingIsLostBesideTheSick has one till and two ledgers, which share an import and a
// database, each a process of its own. While one customer's sales cannot be booked, it kills
// daemons, lets ledgers hang, cuts handlers and breaks links. All other sales are booked meanwhile.
// In the end those of this customer are too, or are dead letters, which can be replayed; and
// nothing is booked twice.
func TestNothingIsLostBesideTheSick(t *testing.T) {
	t.Parallel()
	w := newWard(t, random(t))
	w.poison(t)
	var selling sync.WaitGroup
	ctx, closed := context.WithCancel(t.Context())
	defer closed()
	for range sellers {
		selling.Go(func() {
			for ctx.Err() == nil {
				w.sell(t, w.customer())
				pause(ctx, 20*time.Millisecond)
			}
		})
	}
	for range (form{6, 36, 200}).troubles() {
		pause(t.Context(), between(w.random, 0, time.Second))
		w.trouble(t)
	}
	closed()
	selling.Wait()
	w.healthyAreBooked(t)
	for range 20 {
		w.sell(t, poisoned) // there is no time for these to become letters
	}
	w.cure(t)
	letters := w.bookedOrLetters(t)
	w.replay(t, letters)
	w.bookedOnce(t)
	t.Logf("%d sales, %d of them of the sick customer, whose letters were %d; troubles %v", len(w.sales), w.salesOf(poisoned), len(letters), w.done)
}

// poisoned is the customer whose sales cannot be booked. One in 50 sales is hers.
const poisoned = "poisoned"

// sellers is how many sell at a time.
const sellers = 4

// ward is the daemons of the trial.
type ward struct {
	trial   trial // for its notes of troubles
	random  *rand.Rand
	till    *daemon
	ledgers []*daemon
	links   []*meshtest.Proxy // of the ledgers to the till
	urls    map[*daemon]string
	books   *sql.DB
	kinds   []int          // of the troubles to come
	faults  []int          // of links, to come
	done    map[string]int // troubles, by kind

	mu    sync.Mutex
	sales map[cause.ID]string // guarded by mu: that the till took → the customer
	made  int                 // guarded by mu
}

func newWard(t *testing.T, random *rand.Rand) *ward {
	t.Helper()
	dir := t.TempDir()
	w := &ward{trial: trial{start: time.Now()}, random: random, urls: make(map[*daemon]string),
		done: make(map[string]int), sales: make(map[cause.ID]string)}
	var err error
	if w.books, err = openBooks(filepath.Join(dir, "books.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.books.Close() })
	if _, err := w.books.Exec(booksSchema); err != nil {
		t.Fatal(err)
	}
	nodes := []string{"till-1", "ledger-1", "ledger-2"}
	for _, node := range nodes {
		writeKeys(t, dir, node)
	}
	address := meshtest.FreeAddress(t)
	w.till = w.start(t, dir, nodes[0], map[string]any{
		"listen":  address,
		"peers":   []any{reader(nodes[1]), reader(nodes[2])},
		"exports": []any{map[string]any{"event": saleMade.Subject(), "kept_for": []string{"ledger"}}},
	}, nil)
	for _, node := range nodes[1:] {
		link := meshtest.OpenProxy(t, address)
		w.links = append(w.links, link)
		w.ledgers = append(w.ledgers, w.start(t, dir, node, map[string]any{
			"peers": []any{map[string]string{"name": nodes[0], "url": "nats-leaf://" + link.Addr(), "key_file": nodes[0] + ".pub"}},
			"imports": []any{map[string]any{"event": saleMade.Subject(), "durable": true,
				"redelivery": map[string]any{"tries": 5, "after": "50ms", "max": "500ms"}}},
		}, map[string]any{"books": "books.db"}))
	}
	for _, d := range w.ledgers {
		d.await(t, `msg="(linked)`)
	}
	return w
}

// start writes the file of a node and starts its daemon.
func (w *ward) start(t *testing.T, dir, node string, inMesh, more map[string]any) *daemon {
	t.Helper()
	inMesh["name"], inMesh["seed"] = node, map[string]string{"file": node + ".seed"}
	return w.prepare(t, dir, node, inMesh, more)()
}

// prepare writes the file of a node, and gives what starts its daemon.
func (w *ward) prepare(t *testing.T, dir, node string, inMesh, more map[string]any) func() *daemon {
	t.Helper()
	inMesh["data"] = "data-" + node
	file := map[string]any{"mesh": inMesh, "http": meshtest.FreeAddress(t)}
	for key, value := range more {
		file[key] = value
	}
	text, err := yaml.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, node+".yaml")
	write(t, path, text)
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return func() *daemon {
		d := startDaemon(t, program, path)
		d.name = node
		w.urls[d] = d.await(t, `msg=serving .*url=(\S+)`)
		return d
	}
}

// customer is whose turn it is to buy.
func (w *ward) customer() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.made++; w.made%50 == 0 {
		return poisoned
	}
	return fmt.Sprint("customer ", w.made%40)
}

// sell makes a sale at the till, until it has taken it. All tries are of one id.
func (w *ward) sell(t *testing.T, customer string) {
	made := madeSale{ID: mesh.NewID(), Customer: customer}
	if err := w.call(w.till, http.MethodPost, "sales", made, nil); err != nil {
		t.Errorf("sell: %v", err)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sales[made.ID] = customer
}

// call makes a request, again and again while the daemon is away or cannot do it.
func (w *ward) call(d *daemon, method, path string, in, out any) error {
	for start := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		err := w.callOnce(d, method, path, in, out)
		if err == nil || time.Since(start) > patience {
			return err
		}
	}
}

func (w *ward) callOnce(d *daemon, method, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, w.urls[d]+"/v1/"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	switch {
	case err != nil:
		return err
	case answer.StatusCode >= 300:
		return fmt.Errorf("%s %s: %s: %s", method, path, answer.Status, text)
	case out != nil:
		return json.Unmarshal(text, out)
	}
	return nil
}

// healthyAreBooked waits until each sale of all other customers is booked by each handler. Where
// there is time, one of the ledgers hangs until then, and the other one takes over all that it has.
// None of the sick customer's may be booked.
func (w *ward) healthyAreBooked(t *testing.T) {
	t.Helper()
	wait := func() {
		w.await(t, "the sales of the healthy", len(bookers)*(len(w.sales)-w.salesOf(poisoned)),
			"SELECT COUNT(*) FROM bookings WHERE customer <> ?", poisoned)
	}
	if extended() {
		for range 200 {
			w.sell(t, w.customer())
		}
		if err := w.hang(w.pick(w.ledgers), wait); err != nil {
			t.Fatal(err)
		}
	}
	wait()
	if n := w.count(t, "SELECT COUNT(*) FROM bookings WHERE customer = ?", poisoned); n != 0 {
		t.Errorf("%d bookings of the sick customer: the test shows nothing", n)
	}
}

func (w *ward) poison(t *testing.T) {
	t.Helper()
	w.write(t, "INSERT INTO poison VALUES (?)", poisoned)
}

func (w *ward) cure(t *testing.T) {
	t.Helper()
	w.write(t, "DELETE FROM poison WHERE customer = ?", poisoned)
}

func (w *ward) write(t *testing.T, query string, args ...any) {
	t.Helper()
	if _, err := w.books.Exec(query, args...); err != nil {
		t.Fatal(err)
	}
}

// reader is a peer of the till that may import its sales.
func reader(name string) map[string]string {
	return map[string]string{"name": name, "key_file": name + ".pub", "may_import": "all"}
}
