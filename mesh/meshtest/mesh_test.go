package meshtest_test

import (
	"context"
	"testing"

	"leafmesh/mesh"
	"leafmesh/mesh/meshtest"
)

func TestOpenLinksTheNodes(t *testing.T) {
	m := openHunt(t)
	if m.Node("clue-1") != m.Nodes[0] || m.Node("score-1").Name() != "score-1" {
		t.Errorf("Node gives other nodes than %v", m.Nodes)
	}
	for _, n := range m.Nodes {
		for _, link := range n.Stats().Links {
			if !link.Connected {
				t.Errorf("%s: the link to %s is not connected", n.Name(), link.Peer)
			}
		}
	}
}

func TestOpenLeavesTheConfigsAsTheyAre(t *testing.T) {
	handlers := make([]mesh.Handler, 1, 8)
	handlers[0] = guessed.Handle("count", func(context.Context, guess) error { return nil })
	config := mesh.Config{Name: "clue-1", Handlers: handlers}
	for range 2 { // the second recorder must not meet the first
		meshtest.Open(t, config)
	}
	if len(config.Handlers) != 1 || config.CodecCheck {
		t.Errorf("changed to %+v", config)
	}
}

func TestOpenFailsTheTest(t *testing.T) {
	wantFailure(t, func(t testing.TB) { meshtest.Open(t, mesh.Config{Name: "No Name"}) }, "meshtest: open", "No Name")
	wantFailure(t, func(t testing.TB) {
		// It imports what the peer does not export: never ready.
		meshtest.Open(t, mesh.Config{Name: "clue-1"}, scoreNode("score-1", mesh.Shared))
	}, "meshtest: open", "clue.clue.solved")
}

func TestAnErrorOfCloseFailsTheTest(t *testing.T) {
	wantFailure(t, func(t testing.TB) {
		started := make(chan struct{})
		m := brief.Open(t, mesh.Config{Name: "clue-1", Handlers: []mesh.Handler{
			guessed.Handle("slow", func(ctx context.Context, _ guess) error {
				close(started)
				<-ctx.Done()
				return nil
			}),
		}})
		emit(t, m, "clue-1", guessed, guess{"otters", "stork"})
		<-started
	}, "meshtest: close", "clue-1", "1 events were still queued or being handled")
}

func TestUnknownNodesFailTheTest(t *testing.T) {
	m := meshtest.Open(t, mesh.Config{Name: "clue-1"})
	for name, use := range map[string]func(testing.TB){
		"events":  func(t testing.TB) { meshtest.Events(t, m, "clue-2", solved) },
		"await":   func(t testing.TB) { meshtest.AwaitCount(t, m, "clue-2", solved, 0) },
		"nothing": func(t testing.TB) { meshtest.AssertNothingLeft(t, m, "clue-2") },
	} {
		t.Run(name, func(t *testing.T) { wantFailure(t, use, `no node is named "clue-2"`) })
	}
	// These fail the test that opened the mesh.
	for name, use := range map[string]func(*meshtest.Mesh){
		"node":     func(m *meshtest.Mesh) { m.Node("clue-2") },
		"context":  func(m *meshtest.Mesh) { m.Context("clue-2") },
		"recorded": func(m *meshtest.Mesh) { m.Recorded("clue-2") },
	} {
		t.Run(name, func(t *testing.T) {
			wantFailure(t, func(t testing.TB) { use(meshtest.Open(t, mesh.Config{Name: "clue-1"})) }, `no node is named "clue-2"`)
		})
	}
}

// careless has a field that stays at home.
type careless struct {
	Team   string `cbor:"1,keyasint"`
	Secret string `cbor:"-"`
}

var carelessly = mesh.NewEvent[careless]("clue.team.forgotten")

func TestTheCodecCheckIsTheDefault(t *testing.T) {
	value := careless{Team: "otters", Secret: "lost on the way"}
	for name, c := range map[string]struct {
		settings meshtest.Settings
		config   bool
		checked  bool
	}{
		"default":            {checked: true},
		"without":            {settings: meshtest.Settings{WithoutCodecCheck: true}},
		"as the config says": {settings: meshtest.Settings{WithoutCodecCheck: true}, config: true, checked: true},
	} {
		t.Run(name, func(t *testing.T) {
			m := c.settings.Open(t, mesh.Config{Name: "clue-1", CodecCheck: c.config})
			err := carelessly.Emit(m.Context("clue-1"), value)
			if (err != nil) != c.checked {
				t.Errorf("Emit: %v", err)
			}
		})
	}
}
