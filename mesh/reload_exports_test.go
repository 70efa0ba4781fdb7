package mesh

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/leaf"
	"leafmesh/mesh/internal/steps"
	"leafmesh/mesh/internal/undo"
	"leafmesh/mesh/stats"
)

type turned struct {
	N int `cbor:"1,keyasint"`
	// Tags keep Emit from telling at a look that a value can travel: it goes to the export also if
	// nobody reads it.
	Tags []string `cbor:"2,keyasint"`
}

var (
	turnedOut = NewEvent[turned]("clue.export.turned")
	turnedIn  = NewEvent[turned]("hunt.import.turned")
)

// An export comes and goes while handlers and others emit. Each event is handled, and each that was
// admitted to the export has left it or is counted; all by one outlet.
func TestExportsChangeWhileEventsAreEmitted(t *testing.T) {
	seed, _ := freshKeys(t)
	_, scoreKey := freshKeys(t)
	var handled sync.Map
	file := Config{Name: "clue-1", Listen: "127.0.0.1:0", Seed: NewSecret(seed), Peers: []Peer{{Name: "score-1", Key: scoreKey, MayImport: AllExports()}},
		Handlers: []Handler{turnedOut.Handle("count", func(_ context.Context, v turned) error { handled.Store(v.N, true); return nil })}}
	n := openFor(t, file)
	const emitters, each, turns = 4, 500, 20
	var all sync.WaitGroup
	for by := range emitters {
		all.Go(func() {
			for i := range each {
				if err := turnedOut.Emit(n.Context(t.Context()), turned{N: by*each + i}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	exporting := file
	exporting.Exports = []Export{turnedOut.Export(Limit{})}
	for range turns {
		for _, c := range []Config{exporting, file} {
			if _, err := n.Reload(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
	}
	all.Wait()
	if err := n.workers.AwaitIdle(t.Context()); err != nil {
		t.Fatal(err)
	}
	count := 0
	handled.Range(func(any, any) bool { count++; return true })
	s := n.Stats()
	if count != emitters*each {
		t.Errorf("%d of %d were handled", count, emitters*each)
	}
	unheard := s.Of(turnedOut.Subject(), stats.Unheard)
	var delivered uint64
	for _, c := range s.Counts {
		if c.Place == steps.At(steps.Export).String() && c.Outcome == stats.Delivered {
			delivered = c.Count
		}
	}
	if unheard != delivered {
		t.Errorf("%d came to the export, and %d are counted as unheard", delivered, unheard)
	}
	if err := turnedOut.Emit(n.Context(t.Context()), turned{N: -1}); err != nil {
		t.Error(err)
	}
	if now := n.Stats().Of(turnedOut.Subject(), stats.Unheard); now != unheard {
		t.Error("an event came to an export that has ended")
	}
	if places := n.Places(); slices.ContainsFunc(places, func(p stats.Place) bool { return p.Place == "export" }) {
		t.Errorf("an export that has ended is listed: %+v", places)
	}
	if err := n.Cut(turnedOut.Subject(), "export"); !errors.Is(err, ErrNotHere) {
		t.Errorf("an export that has ended is cut: %v", err)
	}
	if got := len(n.table.Load().routes[turnedOut.index].(*typedRoute[turned]).outlets); got > 1 {
		t.Errorf("%d outlets", got)
	}
}

// Exports and imports that a reload brings or takes are as before if a later part fails.
func TestExportsAndImportsAreUndone(t *testing.T) {
	seed, _ := freshKeys(t)
	_, scoreKey := freshKeys(t)
	_, huntKey := freshKeys(t)
	bare := Config{Name: "clue-1", Listen: "127.0.0.1:0", Seed: NewSecret(seed),
		Handlers: []Handler{turnedIn.Handle("count", func(context.Context, turned) error { return nil })},
		Peers:    []Peer{{Name: "score-1", Key: scoreKey, MayImport: AllExports()}, {Name: "hunt-1", URL: "nats-leaf://127.0.0.1:1", Key: huntKey}}}
	full := bare
	full.Exports, full.Imports = []Export{turnedOut.Export(Limit{Rate: 5})}, []Import{turnedIn.Import(Limit{Rate: 5}, Shared)}
	for name, test := range map[string]struct{ from, to Config }{"brought": {bare, full}, "taken": {full, bare}} {
		t.Run(name, func(t *testing.T) {
			n := openFor(t, test.from)
			same := func(want Config) { t.Helper(); n.wantExchange(t, want) }
			same(test.from)
			n.configuring.Lock()
			plan, err := n.planLocked(test.to)
			if err != nil {
				t.Fatal(err)
			}
			broken := errors.New("broken")
			parts := n.partsLocked(plan)
			err = undo.All(append(parts, undo.Part{What: "what fails", Do: func() (func() error, error) {
				same(test.to)
				for len(test.to.Imports) == 0 && slices.ContainsFunc(n.peers.Lines(), func(l *leaf.Line) bool { return l.Peer() == "hunt-1" }) { // it is let go
					clock.Sleep(t.Context(), time.Millisecond)
				}
				return nil, broken
			}}))
			n.configuring.Unlock()
			if !errors.Is(err, broken) || errors.Is(err, config.ErrNotUndone) {
				t.Errorf("error: %v", err)
			}
			same(test.from)
			if _, err := n.Reload(t.Context(), test.to); err != nil {
				t.Error(err)
			}
			same(test.to)
		})
	}
}

// wantExchange fails unless the node exports and imports what a configuration says, of turnedOut
// and turnedIn.
func (n *Node) wantExchange(t *testing.T, want Config) {
	t.Helper()
	_, remotes := linkedTo(n)
	plain, _ := n.peers.Inlets.Stats()
	known := n.table.Load().types[turnedOut.Subject()]
	got := []bool{known != nil && known.export != nil, n.peers.Inlets.Expects("hunt-1"), slices.Contains(remotes, "hunt-1"), len(plain) > 0, len(n.Rules()) == 2}
	if has := len(want.Exports) > 0; slices.Contains(got, !has) {
		t.Errorf("exported, expected, dialed, imported, limited: %v, want all %v", got, has)
	}
}
