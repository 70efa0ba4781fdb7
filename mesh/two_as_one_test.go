package mesh_test

import (
	"testing"

	"leafmesh/mesh"
	"leafmesh/mesh/meshtest"
)

// Two processes with one name and key take each other's links, and both say so of a link that is up
// again.
func TestTwoProcessesWithOneName(t *testing.T) {
	clueSeed, clueKey := keyPair(t)
	scoreSeed, scoreKey := keyPair(t)
	clue := mesh.Config{Name: "clue-1", Listen: meshtest.FreeAddress(t), Seed: mesh.NewSecret(clueSeed), Exports: []mesh.Export{clueSolved.Export(mesh.Limit{})},
		Peers: []mesh.Peer{{Name: "score-1", Key: scoreKey, MayImport: mesh.AllExports()}}}
	score := mesh.Config{Name: "score-1", Seed: mesh.NewSecret(scoreSeed), Imports: []mesh.Import{clueSolved.Import(mesh.Limit{}, mesh.Shared)},
		Peers: []mesh.Peer{{Name: "clue-1", URL: "nats-leaf://" + clue.Listen, Key: clueKey}}}
	var both []*mesh.Node
	for _, c := range []mesh.Config{clue, score, score} {
		n, err := mesh.Open(within(t), c)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := n.Close(within(t)); err != nil {
				t.Error(err)
			}
		})
		if err := n.Ready(within(t)); err != nil {
			t.Fatal(err)
		}
		if c.Name == "score-1" {
			both = append(both, n)
		}
	}
	for _, n := range both {
		await(t, "it was replaced, and is linked again", func() bool {
			l := n.Stats().Links[0]
			return l.Connected && !l.TwoAsOne.IsZero()
		})
	}
}
