package mesh_test

import (
	"context"
	"strings"
	"testing"

	"leafmesh/mesh"
	"leafmesh/mesh/stats"
)

// An event of an exported type that nobody reads is handled on its own node and counted as unheard.
// It is not encoded, and waits in no queue of the export.
func TestAnEventThatNobodyReadsIsNotEncoded(t *testing.T) {
	clue := clueNode("clue-1")
	clue.Handlers = []mesh.Handler{
		clueSolved.Handle("keep", func(context.Context, solved) error { return nil }),
		clueOpened.Handle("solve", func(ctx context.Context, s solved) error { return clueSolved.Emit(ctx, s) })}
	n := openAll(t, clue)[0]
	emit(t, n, clueSolved, solved{Team: "a"})
	wantCount(t, n, clueSolved.Subject(), stats.Unheard, "export", "", 1) // at once: no queue is in between
	wantCount(t, n, clueSolved.Subject(), stats.Delivered, "export", "", 1)
	emit(t, n, clueOpened, solved{Team: "a"})
	if err := clueSolved.EmitAll(n.Context(t.Context()), []solved{{Team: "a"}, {Team: "b"}}); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, "all to be handled", func() bool { return n.Stats().Of(clueSolved.Subject(), stats.Handled) == 4 })
	wantCount(t, n, clueSolved.Subject(), stats.Unheard, "export", "", 4)
	ctx, value := n.Context(t.Context()), solved{Team: "a", Clue: "eat"}
	each := testing.AllocsPerRun(1000, func() {
		if err := clueSolved.Emit(ctx, value); err != nil {
			t.Fatal(err)
		}
	})
	if each >= 1 { // two, with encoding; a server in the process allocates at times
		t.Errorf("%v allocations an event", each)
	}
}

// What could not be read is refused also while nobody does, by whatever makes it so.
func TestAnEventThatNobodyCouldReadIsRefused(t *testing.T) {
	n := openAll(t, clueNode("clue-1"))[0]
	for name, test := range map[string]struct {
		value solved
		rule  string
	}{
		"a text not in UTF-8": {solved{Clue: "\xff"}, "not-wire-safe"},
		"over max_payload":    {solved{Clue: strings.Repeat("x", 70_000)}, "payload-size"},
		"a key not in UTF-8":  {solved{Team: "\xff"}, "key"},
	} {
		t.Run(name, func(t *testing.T) {
			wantRefusal(t, clueSolved.Emit(n.Context(t.Context()), test.value), "emit", test.rule)
		})
	}
	wantCount(t, n, clueSolved.Subject(), stats.Unheard, "export", "", 0)
}

// An export that is cut sheds what nobody would read: that it is cut is what somebody wants to see.
func TestACutExportThatNobodyReads(t *testing.T) {
	n := openAll(t, clueNode("clue-1"))[0]
	emit(t, n, clueSolved, solved{Team: "a"})
	if err := n.Cut(clueSolved.Subject(), "export"); err != nil {
		t.Fatal(err)
	}
	emit(t, n, clueSolved, solved{Team: "a"})
	waitUntil(t, "the event to be shed", func() bool { return counted(n, clueSolved.Subject(), stats.Shed, "export", "cut") == 1 })
	wantCount(t, n, clueSolved.Subject(), stats.Unheard, "export", "", 1)
}
