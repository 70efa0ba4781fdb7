package mesh_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"leafmesh/mesh"
)

var clueShown = mesh.NewEvent[solved]("clue.hint.shown", mesh.Key(teamOf))

// keyed opens clue-1 and score-1 as two processes would be, each with the other's key. It does not
// wait for the link.
func keyed(t *testing.T, clue, score mesh.Config, may mesh.MayImport) (exporter, importer *mesh.Node) {
	t.Helper()
	clueSeed, clueKey := keyPair(t)
	scoreSeed, scoreKey := keyPair(t)
	open := func(c mesh.Config) *mesh.Node {
		t.Helper()
		n, err := mesh.Open(within(t), c)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := n.Close(within(t)); err != nil {
				t.Error(err)
			}
		})
		return n
	}
	clue.Listen, clue.Seed, clue.Peers = "127.0.0.1:0", mesh.NewSecret(clueSeed), []mesh.Peer{{Name: "score-1", Key: scoreKey, MayImport: may}}
	exporter = open(clue)
	score.Seed, score.Peers = mesh.NewSecret(scoreSeed), []mesh.Peer{{Name: "clue-1", URL: "nats-leaf://" + exporter.ListenAddr(), Key: clueKey}}
	return exporter, open(score)
}

// A peer imports what it may, and is told by name of what it may not. To know a key is no right.
func TestAPeerImportsWhatItMay(t *testing.T) {
	var handled atomic.Int64
	ignore := func(context.Context, solved) error { handled.Add(1); return nil }
	for name, test := range map[string]struct {
		durable bool
		may     mesh.MayImport
		want    string // what Ready of the peer says; "": nothing
	}{
		"all":                      {false, mesh.AllExports(), ""},
		"the type":                 {false, mesh.MayImport{"clue.clue.solved"}, ""},
		"another one":              {false, mesh.MayImport{"clue.hint.shown"}, "clue-1 does not let score-1 import clue.clue.solved (it may import clue.hint.shown): name it in may_import"},
		"durable, all":             {true, mesh.AllExports(), ""},
		"durable, another one":     {true, mesh.MayImport{"clue.hint.shown"}, "clue-1 does not let score-1 import clue.clue.solved (it may import clue.hint.shown): name it in may_import"},
		"durable, and its own one": {true, mesh.MayImport{"clue.clue.solved"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			clue, score := clueNode("clue-1"), scoreNode("score-1", mesh.Shared, ignore)
			if test.durable {
				clue, score = durableClue(t), durableScore(t, ignore)
			}
			clue.Exports = append(clue.Exports, clueShown.Export(mesh.Limit{}))
			if test.durable && test.want != "" { // else the node would not open: nobody could read what is kept
				clue.OneProcess = true
			}
			exporter, importer := keyed(t, clue, score, test.may)
			err := importer.Ready(within(t))
			if test.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if !errors.Is(err, mesh.ErrNotExported) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("ready: %v, want %q", err, test.want)
			}
			emit(t, exporter, clueSolved, solved{Team: "owls"})
			for _, n := range []*mesh.Node{exporter, importer} { // what was sent arrives, and is handled
				if err := n.Close(within(t)); err != nil {
					t.Error(err)
				}
			}
			if n := handled.Load(); n > 0 {
				t.Errorf("%d events arrived", n)
			}
		})
	}
}
