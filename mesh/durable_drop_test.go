package mesh_test

import (
	"strings"
	"testing"

	"leafmesh/mesh/inproc"
)

// A service that events wait for is taken out of an export only by a word that says so; then what
// waits is lost, and the others are kept.
func TestAServiceIsTakenOutOfAnExport(t *testing.T) {
	clue := durableClue(t)
	clue.Exports[0].KeptFor = []string{"score", "board"}
	nodes := openAll(t, clue)
	emit(t, nodes[0], clueSolved, solved{Team: "owls", At: 1})
	finish(t, nodes[0])

	clue.Exports[0].KeptFor = []string{"score"}
	_, err := inproc.Open(t.Context(), clue)
	if err == nil || !strings.Contains(err.Error(), "1 events of clue.clue.solved wait for service board") || !strings.Contains(err.Error(), "drop") {
		t.Fatalf("error %v", err)
	}
	var got seen
	clue.Exports[0].Drop = []string{"board"}
	nodes = openAll(t, clue, durableScore(t, got.add))
	await(t, "the event", func() bool { return got.count() == 1 })
	for _, r := range nodes[0].Stats().Outbox.Readers {
		if r.Service != "score" {
			t.Errorf("something is kept for %+v", r)
		}
	}
	finish(t, nodes[0])
	clue.Exports[0].Drop = []string{"score"}
	if _, err := inproc.Open(t.Context(), clue); err == nil || !strings.Contains(err.Error(), "already stands in exports[0].kept_for[0]") {
		t.Errorf("a service that is kept for and dropped: %v", err)
	}
}
