package main

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"leafmesh/mesh/stats"
)

// wardTroubles are what happens in the ward. Each waits until it is over.
var wardTroubles = []struct {
	kind string
	do   func(*ward, *testing.T, time.Duration) error
}{
	{"kill", (*ward).kill},
	{"hang", func(w *ward, t *testing.T, lasts time.Duration) error {
		return w.hang(w.pick(w.ledgers), func() { pause(t.Context(), lasts) })
	}},
	{"cut handler", (*ward).cutHandler},
	{"link", (*ward).breakLink},
}

// trouble makes the next one: each kind once in a random order, then each once again.
func (w *ward) trouble(t *testing.T) {
	t.Helper()
	if len(w.kinds) == 0 {
		w.kinds = w.random.Perm(len(wardTroubles))
	}
	next := wardTroubles[w.kinds[0]]
	w.kinds = w.kinds[1:]
	lasts := between(w.random, 200*time.Millisecond, 2*time.Second)
	if extended() && w.random.IntN(16) == 0 {
		lasts = between(w.random, 12*time.Second, 18*time.Second) // a dead peer is noticed after 14 s at most
	}
	w.done[next.kind]++
	if err := next.do(w, t, lasts); err != nil {
		t.Fatalf("%s: %v\n%s", next.kind, err, w.trial.report())
	}
}

func (w *ward) pick(daemons []*daemon) *daemon { return daemons[w.random.IntN(len(daemons))] }

// kill kills a daemon and starts it again.
func (w *ward) kill(t *testing.T, _ time.Duration) error {
	victim := w.pick(append([]*daemon{w.till}, w.ledgers...))
	w.trial.note("%s killed", victim.name)
	if err := victim.kill(); err != nil {
		return err
	}
	pause(t.Context(), between(w.random, 0, 400*time.Millisecond))
	return victim.start()
}

// hang lets a ledger hang. It does not within a transaction: then SQLite would keep the other one
// from working, and not the mesh.
func (w *ward) hang(victim *daemon, during func()) error {
	lock, err := w.books.Begin()
	if err != nil {
		return fmt.Errorf("lock the books: %w", err)
	}
	w.trial.note("%s hangs", victim.name)
	err = victim.hang(func() {
		err := lock.Rollback()
		if err != nil {
			w.trial.note("unlock the books: %v", err)
		}
		during()
	})
	w.trial.note("%s goes on", victim.name)
	return err
}

// cutHandler keeps sales from a handler of one ledger.
func (w *ward) cutHandler(t *testing.T, lasts time.Duration) error {
	victim, path := w.pick(w.ledgers), "cuts/"+bookers[w.random.IntN(len(bookers))]
	w.trial.note("%s %s for %.3f s", victim.name, path, lasts.Seconds())
	if err := w.call(victim, http.MethodPost, path, nil, nil); err != nil {
		return err
	}
	pause(t.Context(), lasts)
	return w.call(victim, http.MethodDelete, path, nil, nil)
}

// breakLink makes one of the troubles that links have.
func (w *ward) breakLink(t *testing.T, lasts time.Duration) error {
	if len(w.faults) == 0 {
		w.faults = w.random.Perm(len(linkTroubles))
	}
	fault := linkTroubles[w.faults[0]]
	w.faults = w.faults[1:]
	n := w.random.IntN(len(w.links))
	fault.begin(w.links[n], w.random.IntN(300))
	w.trial.note("link of %s: %s, for %.3f s", w.ledgers[n].name, fault.what, lasts.Seconds())
	pause(t.Context(), lasts)
	w.links[n].Restore()
	return nil
}

// await waits until a number in the books is what it should be. At once if all is well; what a
// hanging ledger has goes to the other one after 30 s.
func (w *ward) await(t *testing.T, what string, want int, query string, args ...any) {
	t.Helper()
	for start := time.Now(); ; pause(t.Context(), 50*time.Millisecond) {
		got := w.count(t, query, args...)
		if got == want {
			return
		}
		if time.Since(start) > 2*quiet {
			t.Fatalf("%s: %d bookings, want %d\n%s", what, got, want, w.trial.report())
		}
	}
}

func (w *ward) count(t *testing.T, query string, args ...any) (n int) {
	t.Helper()
	if err := w.books.QueryRow(query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func (w *ward) salesOf(customer string) (n int) {
	for _, c := range w.sales {
		if c == customer {
			n++
		}
	}
	return n
}

// booking is what one handler did with one sale.
type booking struct{ handler, sale string }

// booked is how often each handler booked each sale.
func (w *ward) booked(t *testing.T) map[booking]int {
	t.Helper()
	rows, err := w.books.Query("SELECT handler, sale, COUNT(*) FROM bookings GROUP BY handler, sale")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	all := make(map[booking]int)
	for rows.Next() {
		var one booking
		var n int
		if err := rows.Scan(&one.handler, &one.sale, &n); err != nil {
			t.Fatal(err)
		}
		all[one] = n
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// keptLetter is a dead letter of a ledger.
type keptLetter struct {
	stats.Letter
	at *daemon
}

// bookedOrLetters waits until each sale of the sick customer is booked by each handler, or is its
// dead letter, and returns the letters.
func (w *ward) bookedOrLetters(t *testing.T) (letters []keptLetter) {
	t.Helper()
	for start := time.Now(); ; pause(t.Context(), 100*time.Millisecond) {
		letters = letters[:0]
		known := w.booked(t)
		for _, d := range w.ledgers {
			var list []stats.Letter
			if err := w.call(d, http.MethodGet, "letters", nil, &list); err != nil {
				t.Fatal(err)
			}
			for _, l := range list {
				letters = append(letters, keptLetter{l, d})
				known[booking{l.Handler, l.Event.String()}]++
			}
		}
		missing := 0
		for id, customer := range w.sales {
			for _, handler := range bookers {
				if customer == poisoned && known[booking{handler, id.String()}] == 0 {
					missing++
				}
			}
		}
		if missing == 0 {
			return letters
		}
		if time.Since(start) > 2*quiet {
			t.Fatalf("%d bookings of the customer who was sick are neither made nor dead letters\n%s", missing, w.trial.report())
		}
	}
}

// replay replays all letters. Those of other customers' sales are an error: nothing was wrong with
// them.
func (w *ward) replay(t *testing.T, letters []keptLetter) {
	t.Helper()
	for _, l := range letters {
		if w.sales[l.Event] != poisoned || !slices.Contains(bookers, l.Handler) || l.Error != errPoison.Error() {
			t.Errorf("a letter of %s for %s, customer %q: %s", l.at.name, l.Handler, w.sales[l.Event], l.Error)
		}
		if err := w.call(l.at, http.MethodPost, "letters/"+l.Key, nil, nil); err != nil {
			t.Errorf("replay letter %s of %s: %v", l.Key, l.at.name, err)
		}
	}
}

// bookedOnce holds the books against the sales, when nothing more comes.
func (w *ward) bookedOnce(t *testing.T) {
	t.Helper()
	pause(t.Context(), settled)
	booked := w.booked(t)
	for id, customer := range w.sales {
		for _, handler := range bookers {
			one := booking{handler, id.String()}
			if n := booked[one]; n != 1 {
				t.Errorf("%s booked sale %s of %s %d times", handler, id, customer, n)
			}
			delete(booked, one)
		}
	}
	if len(booked) > 0 {
		t.Errorf("%d bookings of sales that nobody made: %v", len(booked), booked)
	}
	if t.Failed() {
		t.Log(w.trial.report())
	}
}
