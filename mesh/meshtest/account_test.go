package meshtest

import (
	"slices"
	"testing"

	"leafmesh/mesh/stats"
)

func TestUnaccounted(t *testing.T) {
	good := []stats.Count{
		{Type: "a.b.c", Outcome: stats.Admitted, Count: 12},
		{Type: "a.b.c", Outcome: stats.Delivered, Place: "handler meshtest-recorder", Count: 12},
		{Type: "a.b.c", Outcome: stats.Handled, Place: "handler meshtest-recorder", Count: 12},
		{Type: "a.b.c", Outcome: stats.Delivered, Place: "handler h", Count: 9},
		{Type: "a.b.c", Outcome: stats.Shed, Place: "handler h", Rule: "queue-full", Count: 2},
		{Type: "a.b.c", Outcome: stats.Lost, Place: "handler h", Rule: "malformed", Count: 1},
		{Type: "a.b.c", Outcome: stats.Handled, Place: "handler h", Count: 4},
		{Type: "a.b.c", Outcome: stats.Failed, Place: "handler h", Count: 1},
		{Type: "a.b.c", Outcome: stats.Shed, Place: "handler h", Rule: "breaker", Count: 1},
		{Type: "a.b.c", Outcome: stats.Lost, Place: "handler h", Rule: "closed", Count: 1},
		{Type: "a.b.c", Outcome: stats.Coalesced, Place: "handler h", Rule: "newest", Count: 2},
	}
	if wrong := unaccounted("n-1", good); len(wrong) > 0 {
		t.Errorf("good counts: %q", wrong)
	}
	for i := range good {
		bad := slices.Clone(good)
		bad[i].Count++
		if len(unaccounted("n-1", bad)) == 0 {
			t.Errorf("one more of %+v was not noticed", good[i])
		}
	}
	if len(unaccounted("n-1", good[:1])) == 0 {
		t.Error("that nothing was delivered was not noticed")
	}
}
