package topology

import (
	"maps"
	"reflect"
	"slices"
	"testing"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/configtest"
	"leafmesh/mesh/internal/leaf"
)

// score imports solves from two instances of clue, and finishes durably from hunt; it exports its
// leaderboard to a board that it does not dial.
func score(t *testing.T) config.Node {
	_, seed := configtest.NewFolder(t)
	return config.Node{
		Name: "score-1", Seed: config.NewSecret(seed), Data: config.Path(t.TempDir()), Listen: "127.0.0.1:0",
		Peers: []config.Peer{
			{Name: "clue-1", URL: "nats-leaf://127.0.0.1:1"},
			{Name: "clue-2", URL: "nats-leaf://127.0.0.1:2"},
			{Name: "hunt-1", URL: "nats-leaf://127.0.0.1:3"},
			{Name: "audit-1", URL: "nats-leaf://127.0.0.1:4"}, // nothing is imported from it
			{Name: "board-1", Key: configtest.KeyA},
		},
		Exports: []config.Export{{Event: "score.leaderboard.changed"}, {Event: "score.points.awarded", KeptFor: []string{"board"}}},
		Imports: []config.Import{{Event: "clue.clue.solved"}, {Event: "hunt.team.finished", Durable: true}},
	}.WithDefaults()
}

func TestWhoDialsWhom(t *testing.T) {
	want := []leaf.Remote{
		{Name: "clue-1", URL: "nats-leaf://127.0.0.1:1", Deny: []string{"hunt.team.finished.*"}},
		{Name: "clue-2", URL: "nats-leaf://127.0.0.1:2", Deny: []string{"hunt.team.finished.*"}},
		{Name: "hunt-1", URL: "nats-leaf://127.0.0.1:3", Deny: []string{"clue.clue.solved.*"}},
	}
	if got := Remotes(score(t)); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	for _, link := range []bool{true, false} {
		spec, err := Spec(score(t), nil, link)
		if err != nil || (len(spec.Remotes) > 0) != link {
			t.Errorf("link %v: %d remotes, %v", link, len(spec.Remotes), err)
		}
	}
}

func TestWhoMayReadWhat(t *testing.T) {
	readers, err := Readers(score(t))
	if err != nil || len(readers) != 1 || readers[0].Name != "board-1" || readers[0].PublicKey != configtest.KeyA {
		t.Errorf("got %+v, %v; want board-1 with its key", readers, err)
	}
	spec, err := Spec(score(t), nil, true)
	if want := []string{"score.leaderboard.changed.*", "score.points.awarded.*"}; err != nil || !slices.Equal(spec.Exports, want) {
		t.Errorf("exports %q, %v; want %q", spec.Exports, err, want)
	}
	if spec.Outbox == nil || spec.Tap != nil {
		t.Errorf("outbox %+v and tap %+v, want an outbox and no tap", spec.Outbox, spec.Tap)
	}
}

// A durable import is asked of the outbox, so nothing of it is heard over the link.
func TestWanted(t *testing.T) {
	got := Wanted(score(t))
	if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names, []string{"clue-1", "clue-2", "hunt-1"}) {
		t.Errorf("links to %q", names)
	}
	if want := []string{"clue.clue.solved.*"}; !slices.Equal(got["clue-2"], want) || len(got["hunt-1"]) != 0 {
		t.Errorf("wanted %q, want %q of clue-2 and nothing of hunt-1", got, want)
	}
}
