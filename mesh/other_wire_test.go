package mesh_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"leafmesh/mesh"
	"leafmesh/mesh/internal/leaf"
	"leafmesh/mesh/internal/wire"
)

// A node whose exporter speaks another version of the wire is not ready, and says in which order
// the two are to be upgraded. Nothing becomes a dead letter: no event crosses.
func TestReadyRefusesAnotherWireVersion(t *testing.T) {
	for spoken, remedy := range map[byte]string{
		mesh.WireVersion - 1: "upgrade clue-1: exporters come before their readers",
		mesh.WireVersion + 1: "clue-1 is upgraded already, upgrade this node now",
	} {
		exporter := startRogueExporter(t, "clue-1")
		var got calls
		seed, _ := keyPair(t)
		c := durableScore(t, got.add)
		c.Links, c.Peers = mesh.Links{Plain: true, PlainSeed: mesh.NewSecret(seed)}, []mesh.Peer{exporter.peer()}
		score := openNode(t, c)
		own := leaf.FromReader("score-1", "clue-1")
		await(t, "score to greet the exporter", func() bool { return slices.Contains(exporter.heard(), own) })
		welcome, err := wire.EncodeTalk(&wire.Welcome{Exporter: "clue-1", MaxPayload: 65536})
		if err != nil {
			t.Fatal(err)
		}
		welcome[1] = spoken // the array's head is one byte
		exporter.say(leaf.ToReader("score-1", "clue-1"), "", welcome)
		if err := score.Ready(within(t)); !errors.Is(err, mesh.ErrOtherWire) || !strings.Contains(err.Error(), remedy) {
			t.Errorf("version %d: %v, want ErrOtherWire with %q", spoken, err, remedy)
		}
		if h := score.Health(); h.Ready {
			t.Errorf("version %d: it is ready", spoken)
		}
	}
}
