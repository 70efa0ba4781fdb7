//go:build !race

// See keys_load_test.go for what the race detector finds in nats-server.

package mesh_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/stats"
)

// exchanging are an exporter and an importer with files, under the load of two types: clueSolved,
// which passes all the time, and clueShown, which is exported and imported or not.
type exchanging struct {
	t                  *testing.T
	clue, score        mesh.Config
	exporter, importer *mesh.Node
	solved, shown      tally        // what was handled
	emitted            atomic.Int64 // of each type
	stop               func()
}

func newExchanging(t *testing.T) *exchanging {
	t.Helper()
	e := &exchanging{t: t}
	clueSeed, clueKey := keyPair(t)
	scoreSeed, scoreKey := keyPair(t)
	e.clue = clueNode("clue-1")
	e.clue.Listen, e.clue.Seed, e.clue.Peers = "127.0.0.1:0", mesh.NewSecret(clueSeed), []mesh.Peer{{Name: "score-1", Key: scoreKey, MayImport: mesh.AllExports()}}
	e.exporter = opened(t, e.clue)
	e.score = scoreNode("score-1", mesh.Shared, e.solved.add)
	e.score.Handlers = append(e.score.Handlers, clueShown.Handle("count shown", e.shown.add))
	e.score.Seed, e.score.Peers = mesh.NewSecret(scoreSeed), []mesh.Peer{{Name: "clue-1", URL: "nats-leaf://" + e.exporter.ListenAddr(), Key: clueKey}}
	e.importer = opened(t, e.score)
	e.ready()
	load, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() {
		root := e.exporter.Context(context.Background())
		for load.Err() == nil {
			value := solved{Team: "owls", At: e.emitted.Load()}
			if err := errors.Join(clueSolved.Emit(root, value), clueShown.Emit(root, value)); err != nil {
				t.Error(err)
				return
			}
			e.emitted.Add(1)
			time.Sleep(100 * time.Microsecond) // a load, and not as much as goes
		}
	})
	e.stop = func() { cancel(); done.Wait() }
	t.Cleanup(e.stop)
	return e
}

func (e *exchanging) ready() {
	e.t.Helper()
	if err := e.importer.Ready(within(e.t)); err != nil {
		e.t.Fatal(err)
	}
}

// reload gives a node a file that exports or imports something else.
func (e *exchanging) reload(n *mesh.Node, file mesh.Config, want string) {
	e.t.Helper()
	changes, err := n.Reload(within(e.t), file)
	if err != nil || changes.String() != want {
		e.t.Fatalf("reload %s: %v\n%v", n.Name(), err, changes)
	}
}

// export adds clueShown to what is exported, or takes it away.
func (e *exchanging) export(shown bool) {
	e.t.Helper()
	file, want := e.clue, "exports[clue.hint.shown]: {event: clue.hint.shown} → nothing"
	if shown {
		file.Exports = append(slices.Clone(file.Exports), clueShown.Export(mesh.Limit{}))
		want = "exports[clue.hint.shown]: nothing → {event: clue.hint.shown}"
	}
	e.reload(e.exporter, file, want)
}

// imports gives the importer other imports.
func (e *exchanging) imports(want string, imports ...mesh.Import) {
	e.t.Helper()
	file := e.score
	file.Imports = imports
	e.reload(e.importer, file, want)
}

// some waits until some more events were handled.
func (e *exchanging) some(c *tally) {
	e.t.Helper()
	before := c.distinct()
	await(e.t, "some more events", func() bool { return c.distinct() > before+50 })
}

const burst, many = int64(1 << 40), 2000

// burst emits many events at once, with numbers from burst on, which the load does not have.
func (e *exchanging) burst(event *mesh.Event[solved]) {
	e.t.Helper()
	for i := range int64(many) {
		emit(e.t, e.exporter, event, solved{Team: "owls", At: burst + i})
	}
}

// exact ends the load, and checks that each event which left was handled once, and none was lost.
func (e *exchanging) exact() {
	e.t.Helper()
	e.stop()
	for c, event := range map[*tally]*mesh.Event[solved]{&e.solved: clueSolved, &e.shown: clueShown} {
		want := func() int { return int(e.exporter.Stats().Of(event.Subject(), stats.Exported)) }
		await(e.t, "the outlets to be empty", func() bool { return e.exporter.Stats().Waiting == 0 })
		await(e.t, "all to be handled", func() bool { return c.distinct() >= want() })
		c.mu.Lock()
		for at, times := range c.times {
			if times != 1 {
				e.t.Errorf("%s %d was handled %d times", event.Subject(), at, times)
			}
		}
		if len(c.times) != want() {
			e.t.Errorf("%s: %d left, and %d were handled", event.Subject(), want(), len(c.times))
		}
		c.mu.Unlock()
	}
	for _, n := range []*mesh.Node{e.exporter, e.importer} {
		for _, c := range n.Stats().Counts {
			if c.Outcome.IsLoss() && c.Outcome != stats.Unheard {
				e.t.Errorf("%s: %+v", n.Name(), c)
			}
		}
	}
}

// An export and its import come and go under load. While both are there each event is handled, and
// the other type passes all the time over the same link.
func TestReloadAddsAndRemovesAnExportAndItsImport(t *testing.T) {
	e := newExchanging(t)
	await(t, "the link is looked at", func() bool { return !linkSince(e.importer, "clue-1").IsZero() })
	since := linkSince(e.importer, "clue-1")
	for range 3 {
		e.export(true)
		e.imports("imports[clue.hint.shown]: nothing → {event: clue.hint.shown, delivery: shared}", e.score.Imports[0], clueShown.Import(mesh.Limit{}, mesh.Shared))
		e.ready()
		from := e.emitted.Load() + 1 // the one under way may have found no reader yet
		e.some(&e.shown)
		to := e.emitted.Load()
		await(t, "all of the time", func() bool { return e.shown.between(from, to) == int(to-from) })
		e.imports("imports[clue.hint.shown]: {event: clue.hint.shown, delivery: shared} → nothing", e.score.Imports...)
		e.export(false)
		e.ready()
		e.some(&e.solved)
	}
	unheard := e.exporter.Stats().Of(clueShown.Subject(), stats.Unheard)
	e.some(&e.solved)
	if now := e.exporter.Stats().Of(clueShown.Subject(), stats.Unheard); now != unheard {
		t.Errorf("%d events of a type that is not exported are unheard", now-unheard)
	}
	if linkSince(e.importer, "clue-1") != since {
		t.Error("the link was made anew")
	}
	e.exact()
	if got := e.solved.distinct(); got != int(e.emitted.Load()) {
		t.Errorf("%d of %d were handled of the type that stayed", got, e.emitted.Load())
	}
}

// An exporter that takes an export back while it is imported sends what it had admitted, says so to
// the importer, and serves it again when the export comes back.
func TestReloadTakesAnExportBack(t *testing.T) {
	e := newExchanging(t)
	e.export(true)
	e.imports("imports[clue.hint.shown]: nothing → {event: clue.hint.shown, delivery: shared}", e.score.Imports[0], clueShown.Import(mesh.Limit{}, mesh.Shared))
	e.ready()
	e.some(&e.shown)
	e.burst(clueShown)
	e.export(false)
	await(t, "what was emitted before", func() bool { return e.shown.over(burst) == many })
	await(t, "the importer to hear of it", func() bool {
		problems := e.importer.Health().Problems
		return len(problems) == 1 && problems[0].About == stats.AboutImport && problems[0].Type == clueShown.Subject()
	})
	e.some(&e.solved)
	e.export(true)
	await(t, "the importer to be ready", func() bool { return len(e.importer.Health().Problems) == 0 })
	e.some(&e.shown)
	e.exact()
}

// With its last import from an exporter a node ends the link, and dials again when another one
// comes. What had left the exporter by then is handled.
func TestReloadEndsAndBeginsALinkByItsImports(t *testing.T) {
	e := newExchanging(t)
	e.export(true)
	e.some(&e.solved)
	e.burst(clueSolved)
	e.imports("imports[clue.clue.solved]: {event: clue.clue.solved, delivery: shared} → nothing")
	await(t, "the link to be gone", func() bool { return !e.exporter.Stats().Links[0].Connected })
	e.imports("imports[clue.hint.shown]: nothing → {event: clue.hint.shown, delivery: shared}", clueShown.Import(mesh.Limit{}, mesh.Shared))
	e.ready()
	e.some(&e.shown)
	e.imports("imports[clue.clue.solved]: nothing → {event: clue.clue.solved, delivery: shared}", e.score.Imports[0], clueShown.Import(mesh.Limit{}, mesh.Shared))
	e.ready()
	e.some(&e.solved)
	e.exact()
}
