package topology

import (
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
			{Name: "clue-1", URL: "nats-leaf://127.0.0.1:1", Key: configtest.KeyB},
			{Name: "clue-2", URL: "nats-leaf://127.0.0.1:2", Key: configtest.KeyA, NextKey: configtest.KeyB},
			{Name: "hunt-1", URL: "nats-leaf://127.0.0.1:3", Key: configtest.KeyB},
			{Name: "audit-1", URL: "nats-leaf://127.0.0.1:4"}, // nothing is imported from it
			{Name: "board-1", Key: configtest.KeyA, MayImport: config.AllExports()},
		},
		Exports: []config.Export{{Event: "score.leaderboard.changed"}, {Event: "score.points.awarded", KeptFor: []string{"board"}}},
		Imports: []config.Import{{Event: "clue.clue.solved"}, {Event: "hunt.team.finished", Durable: true}},
	}.WithDefaults()
}

func TestWhoDialsWhom(t *testing.T) {
	want := []leaf.Remote{
		{Name: "clue-1", URL: "nats-leaf://127.0.0.1:1", Keys: []string{configtest.KeyB}},
		{Name: "clue-2", URL: "nats-leaf://127.0.0.1:2", Keys: []string{configtest.KeyA, configtest.KeyB}},
		{Name: "hunt-1", URL: "nats-leaf://127.0.0.1:3", Keys: []string{configtest.KeyB}},
	}
	if got, err := Remotes(score(t)); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
	}
	for _, link := range []bool{true, false} {
		spec, err := Spec(score(t), nil, link)
		if err != nil || len(spec.Remotes) != len(want) || (spec.Remotes[0].URL != "") != link {
			t.Errorf("link %v: %+v, %v", link, spec.Remotes, err)
		}
	}
}

func TestWhoMayReadWhat(t *testing.T) {
	readers, err := Readers(score(t))
	if err != nil || len(readers) != 1 || readers[0].Name != "board-1" || !slices.Equal(readers[0].Keys, []string{configtest.KeyA}) {
		t.Errorf("got %+v, %v; want board-1 with its key", readers, err)
	}
	spec, err := Spec(score(t), nil, true)
	if err != nil || len(spec.Importers) != 1 || !reflect.DeepEqual(spec.Importers[0], readers[0]) {
		t.Errorf("importers %+v, %v; want %+v", spec.Importers, err, readers)
	}
	if spec.Outbox == nil || spec.Tap != nil {
		t.Errorf("outbox %+v and tap %+v, want an outbox and no tap", spec.Outbox, spec.Tap)
	}
}

// The seed that proves a node by TLS is not the one that signs on plain links.
func TestWhatProvesTheNode(t *testing.T) {
	c := score(t)
	_, plain := configtest.NewFolder(t)
	c.Links = config.Links{Plain: true, PlainSeed: config.NewSecret(plain)}
	spec, err := Spec(c, nil, true)
	if err != nil || spec.Seed != plain || !spec.Plain {
		t.Errorf("plain: %v, the seed for it %v, %v", spec.Plain, spec.Seed == plain, err)
	}
	c.Links = config.Links{CA: "ca", Certificate: "own", Key: "key"}
	if spec, err = Spec(c, nil, true); err != nil || *spec.Certificates != (leaf.Certificates{CA: "ca", Certificate: "own", Key: "key"}) || spec.Plain {
		t.Errorf("%+v, %v", spec.Certificates, err)
	}
}
