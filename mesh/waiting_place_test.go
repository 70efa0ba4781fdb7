package mesh_test

import (
	"fmt"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/stats"
)

// At each place that events reach over a link: a key over its limit waits alone. When the rule
// goes, all that waited goes on, in order, and nothing is lost.
func TestAHotKeyWaitsAloneBesideALink(t *testing.T) {
	for _, test := range []struct {
		place   mesh.Place
		durable bool
	}{{mesh.AtExport, false}, {mesh.AtImport, false}, {mesh.AtHandler, false}, {mesh.AtHandler, true}} {
		t.Run(fmt.Sprintf("%s durable %v", test.place, test.durable), func(t *testing.T) {
			follow := &followed{}
			clue, score := clueNode("clue-1"), scoreNode("score-1", mesh.Shared, follow.handle)
			if test.durable {
				clue, score = durableClue(t), durableScore(t, follow.handle)
			}
			nodes := openAll(t, clue, score)
			limited := nodeOf(test.place, nodes)
			if err := limited.SetRules([]mesh.Rule{{Place: test.place, Event: clueSolved.Subject(), By: mesh.ByKey,
				Limit: mesh.Limit{Rate: mesh.Per(1, time.Hour), Burst: 1, Policy: mesh.Wait}}}); err != nil {
				t.Fatal(err)
			}
			const hot = 20
			for i := range hot {
				emit(t, nodes[0], clueSolved, solved{Team: "hot", At: int64(i)})
			}
			for i := range 5 {
				emit(t, nodes[0], clueSolved, solved{Team: fmt.Sprint("cold ", i)})
			}
			await(t, "all of the cold keys, and one of the hot key", func() bool { return nodes[1].Stats().Total(stats.Handled) == 6 })
			await(t, "the others wait", func() bool {
				lines := limited.Stats().Lines
				return len(lines) == 1 && lines[0].Waiting == hot-1 && lines[0].Longest == "hot" && lines[0].Place == nodePlace(test.place)
			})
			if bytes := limited.Stats().Lines[0].Bytes; (bytes > 0) != (test.place == mesh.AtImport) {
				t.Errorf("%d bytes wait", bytes)
			}
			if err := limited.SetRules(nil); err != nil {
				t.Fatal(err)
			}
			await(t, "all", func() bool { return nodes[1].Stats().Total(stats.Handled) == hot+5 })
			follow.check(t, map[string]int{"hot": hot - 1, "cold 0": 0})
			if losses := nodes.Losses(); len(losses) != 0 {
				t.Error(losses)
			}
		})
	}
}

// nodePlace is a rule's place as counters have it.
func nodePlace(p mesh.Place) string {
	if p == mesh.AtHandler {
		return "handler count"
	}
	return string(p)
}
