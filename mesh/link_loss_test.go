package mesh_test

import (
	"context"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/meshtest"
	"leafmesh/mesh/stats"
)

// Events that are sent into a link which is dead, and not known to be, are lost; afterwards each of
// them stands in a counter.
func TestWhatALinkLosesIsCounted(t *testing.T) {
	for name, trouble := range map[string]func(p *meshtest.Proxy, pour func(events int)){
		"reset":      func(p *meshtest.Proxy, pour func(int)) { p.Reset(meshtest.FromTarget, 2000); pour(500) },
		"dead first": func(p *meshtest.Proxy, pour func(int)) { p.Stall(meshtest.FromTarget); pour(250); p.Cut(); pour(250) },
	} {
		t.Run(name, func(t *testing.T) {
			var got seen
			p := newProcesses(t, clueNode("clue-1"), scoreNode("score-1", mesh.Shared, got.add))
			clue := p.openClue()
			proxy := meshtest.OpenProxy(t, clue.ListenAddr())
			p.score.Peers[0].URL = "nats-leaf://" + proxy.Addr()
			score := p.openScore()
			t.Cleanup(func() {
				for _, n := range []*mesh.Node{clue, score} {
					if err := n.Close(within(t)); err != nil {
						t.Error(err)
					}
				}
			})
			if err := score.Ready(within(t)); err != nil {
				t.Fatal(err)
			}
			pour(t, clue, 50)
			trouble(proxy, func(events int) { pour(t, clue, events) })
			proxy.Restore()
			if err := score.Ready(within(t)); err != nil {
				t.Fatal(err)
			}
			pour(t, clue, 20)
			kind := clueSolved.Subject()
			await(t, "all is accounted for", func() bool {
				sent := clue.Stats()
				lost := sent.Of(kind, stats.Lost) + score.Stats().Of(kind, stats.Lost)
				return sent.Of(kind, stats.Exported) == uint64(got.count())+lost
			})
			if lost := score.Stats().Of(kind, stats.Lost); lost == 0 {
				t.Error("nothing was lost")
			}
		})
	}
}

// pour emits events one by one, a millisecond apart.
func pour(t *testing.T, n *mesh.Node, events int) {
	t.Helper()
	for i := range events {
		if err := clueSolved.Emit(n.Context(context.Background()), solved{Team: "owls", At: int64(i)}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
}
