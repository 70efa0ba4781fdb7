package mesh_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"leafmesh/mesh"
	"leafmesh/mesh/inproc"
	"leafmesh/mesh/stats"
)

var scoreCounted = mesh.NewEvent[solved]("score.solve.counted", mesh.Key(teamOf))

// What a handler is not to blame for uses up no delivery, however often it comes.
func TestDurableDeliveriesThatDoNotCount(t *testing.T) {
	const more = 5 // than the three that the import has
	tests := map[string]struct {
		begin, end func(t *testing.T, score *mesh.Node)
	}{
		"the handler is cut": {
			func(t *testing.T, n *mesh.Node) { cut(t, n.Cut) },
			func(t *testing.T, n *mesh.Node) { cut(t, n.Restore) },
		},
		"a rule of the import refuses": {
			func(t *testing.T, n *mesh.Node) {
				setRules(t, n, mesh.Rule{Place: mesh.AtImport, Event: "clue.clue.solved", Limit: slowly(1)})
			},
			func(t *testing.T, n *mesh.Node) { setRules(t, n) },
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int64
			score := durableScore(t, func(_ context.Context, e solved) error {
				if e.At == 1 && calls.Add(1) < 3 {
					return errors.New("once more")
				}
				return nil
			})
			nodes := openAll(t, durableClue(t), score)
			clue, n := nodes.Node("clue-1"), nodes.Node("score-1")
			test.begin(t, n)
			for i := range 2 { // the first one may pass a rule
				emit(t, clue, clueSolved, solved{"owls", "a", int64(i)})
			}
			await(t, "more deliveries than count", func() bool { return n.Stats().Of("clue.clue.solved", stats.Redelivered) > 2*more })
			test.end(t, n)
			await(t, "the third call", func() bool { return calls.Load() == 3 })
			await(t, "an empty backlog", func() bool { return clue.Stats().Outbox.Readers[0].Backlog == 0 })
			if letters := n.Stats().Letters.Count; letters != 0 {
				t.Errorf("%d letters", letters)
			}
		})
	}
}

func cut(t *testing.T, how func(subject, place string) error) {
	t.Helper()
	if err := how("clue.clue.solved", "handler count"); err != nil {
		t.Fatal(err)
	}
}

func setRules(t *testing.T, n *mesh.Node, rules ...mesh.Rule) {
	t.Helper()
	if err := n.SetRules(rules); err != nil {
		t.Fatal(err)
	}
}

// While the outbox of a handler's own node is full, what it handles comes again.
func TestDurableHandlerThatCanNotStore(t *testing.T) {
	score := durableScore(t, func(ctx context.Context, e solved) error { return scoreCounted.Emit(ctx, e) })
	score.Exports = []mesh.Export{{Event: scoreCounted.Subject(), KeptFor: []string{"hunt"}}}
	score.Outbox.MaxEvents = 1
	nodes := openAll(t, durableClue(t), score)
	n := nodes.Node("score-1")
	for i := range 2 {
		emit(t, nodes.Node("clue-1"), clueSolved, solved{"owls", "a", int64(i)})
	}
	await(t, "more deliveries than count", func() bool { return n.Stats().Of("clue.clue.solved", stats.Redelivered) > 5 })
	if letters := n.Stats().Letters.Count; letters != 0 {
		t.Errorf("%d letters", letters)
	}
}

// A handler whose failure is final does not take the other's deliveries.
func TestDurableFinalForOneHandler(t *testing.T) {
	var calls atomic.Int64
	score := durableScore(t, func(context.Context, solved) error {
		if calls.Add(1) < 3 {
			return errors.New("once more")
		}
		return nil
	})
	score.Handlers = append(score.Handlers, clueSolved.Handle("never", func(context.Context, solved) error {
		return fmt.Errorf("no more: %w", mesh.ErrCascade)
	}))
	nodes := openAll(t, durableClue(t), score)
	n := nodes.Node("score-1")
	emit(t, nodes.Node("clue-1"), clueSolved, solved{"owls", "a", 1})
	await(t, "the letter, and all tries of the other handler", func() bool { return n.Stats().Letters.Count > 0 && calls.Load() == 3 })
	list, err := n.Letters()
	if err != nil || len(list) != 1 || list[0].Handler != "never" {
		t.Errorf("letters %+v, %v, after %d calls", list, err, calls.Load())
	}
}

// What cannot be decoded by a handler, or says that it is from a node which is no peer, is a
// dead letter and not lost.
func TestDurableMalformedIsALetter(t *testing.T) {
	var got seen
	clue, score := durableClue(t), durableScore(t, got.add)
	other := mesh.NewEvent[struct {
		Team []int `cbor:"1,keyasint"`
	}]("clue.clue.solved")
	nodes := openAll(t, clue)
	emit(t, nodes[0], clueSolved, solved{"owls", "of a node that was renamed", 1})
	finish(t, nodes[0])
	clue.Name = "clue-2"
	nodes = openAll(t, clue, score)
	if err := other.Emit(nodes.Node("clue-2").Context(t.Context()), struct {
		Team []int `cbor:"1,keyasint"`
	}{[]int{1}}); err != nil {
		t.Fatal(err)
	}
	n := nodes.Node("score-1")
	await(t, "the letters", func() bool { return n.Stats().Letters.Count == 2 })
	await(t, "the counts", func() bool { return n.Stats().Of("clue.clue.solved", stats.DeadLettered) == 2 })
	if lost := n.Stats().Of("clue.clue.solved", stats.Lost); lost != 0 {
		t.Errorf("%d lost", lost)
	}
	list, err := n.Letters()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range list {
		if err := n.ReplayLetter(within(t), l.Key); (err == nil) != (l.Handler == "import") {
			t.Errorf("replay of the letter of %s: %v", l.Handler, err)
		}
	}
	if got.count() != 1 {
		t.Errorf("handled %v", got.all())
	}
}

// A handler that is stuck while its node closes leaves no letter behind in a directory
// that may be another's by then.
func TestDurableStuckHandlerWritesNoLetterAfterClose(t *testing.T) {
	before := goleak.IgnoreCurrent()
	begun, release := make(chan struct{}), make(chan struct{})
	score := durableScore(t, func(context.Context, solved) error {
		close(begun)
		<-release
		return errors.New("too late")
	})
	score.Imports[0].Redelivery.Tries = 1
	nodes, err := inproc.Open(within(t), durableClue(t), score)
	if err != nil {
		t.Fatal(err)
	}
	emit(t, nodes.Node("clue-1"), clueSolved, solved{"owls", "a", 1})
	receive(t, begun)
	if err := closeWithin(nodes.Node("score-1"), time.Millisecond); err == nil {
		t.Error("it was closed while a handler ran")
	}
	close(release)
	finish(t, nodes.Node("clue-1"))
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
	letters, err := os.ReadDir(filepath.Join(string(score.Data), "letters"))
	if err != nil || len(letters) != 0 {
		t.Errorf("letters %v, %v", letters, err)
	}
}
