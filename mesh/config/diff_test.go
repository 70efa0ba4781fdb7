package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nkeys"
)

// Each field of a node's file says whether a running node takes a change of it.
func TestEachFieldChoosesWhetherItIsLive(t *testing.T) {
	seen := map[reflect.Type]bool{}
	var check func(t *testing.T, of reflect.Type)
	check = func(t *testing.T, of reflect.Type) {
		for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice {
			of = of.Elem()
		}
		if !isTable(of) || seen[of] {
			return
		}
		seen[of] = true
		for i := range of.NumField() {
			f := of.Field(i)
			name, _ := keyOf(f)
			if name == "-" || !f.IsExported() {
				continue
			}
			switch tag := f.Tag.Get("reload"); {
			case tag != "live" && tag != "restart" && tag != "parts":
				t.Errorf("%s.%s has the tag reload:%q; choose live, restart or parts", of, f.Name, tag)
			case tag == "parts" && !isTable(f.Type):
				t.Errorf("%s.%s has no fields that could say so themselves", of, f.Name)
			}
			if f.Type == reflect.TypeFor[Path]() || strings.HasSuffix(name, "_file") {
				if tag := f.Tag.Get("contents"); tag != "live" && tag != "restart" && tag != "none" {
					t.Errorf("%s.%s has the tag contents:%q; choose live, restart or none", of, f.Name, tag)
				}
			}
			check(t, f.Type)
		}
	}
	check(t, reflect.TypeFor[Node]())
	if !seen[reflect.TypeFor[Redelivery]()] || !seen[reflect.TypeFor[Tap]()] {
		t.Error("not all types were looked at")
	}
}

func TestDiff(t *testing.T) {
	base := func() Node {
		return Node{Name: "clue-1", Listen: "127.0.0.1:7401", Seed: Secret{File: "a.nk"},
			Peers:   []Peer{{Name: "score-1", Key: "UA", MayImport: AllExports()}, {Name: "hunt-1", URL: "nats-leaf://127.0.0.1:1", KeyFile: "hunt.pub"}},
			Limits:  []Rule{{Event: "clue.>", By: ByKey, Limit: Limit{Rate: 200}}, {Event: "clue.>", Place: AtHandler, Concurrency: 2}},
			Exports: []Export{{Event: "clue.clue.solved", KeptFor: []string{"score"}, Limit: Limit{Rate: 10}}}, Imports: []Import{{Event: "hunt.team.finished"}},
			Cascades: []Cascade{{Depth: 4}, {Root: "clue.a.b", Loops: 1}}, Operators: []Operator{{Name: "ada", Key: "UO"}},
			Tap: &Tap{Listen: "127.0.0.1:4222", User: "u", Password: NewSecret("first")}}
	}
	for name, test := range map[string]struct {
		change func(*Node)
		want   string
	}{
		"nothing": {func(*Node) {}, ""},
		"a default given": {func(n *Node) {
			n.MaxPayload, n.Alarms.Slow, n.Limits[0].Place, n.Cascades[0].Deadline = 64<<10, 5*time.Second, AtEmit, 30*time.Second
		}, ""},
		"the order": {func(n *Node) { n.Peers[0], n.Peers[1] = n.Peers[1], n.Peers[0] }, ""},
		"a peer's fields": {func(n *Node) { n.Peers[0].NextKey, n.Peers[0].MayImport = "UB", MayImport{"clue.clue.solved"} },
			"peers[score-1].next_key: nothing → UB\npeers[score-1].may_import: all → [clue.clue.solved]"},
		"a peer more, one less": {func(n *Node) { n.Peers[1] = Peer{Name: "hunt-2", URL: "nats-leaf://127.0.0.1:2", Key: "UC"} },
			"peers[hunt-2]: nothing → {name: hunt-2, url: nats-leaf://127.0.0.1:2, key: UC}\npeers[hunt-1]: {name: hunt-1, url: nats-leaf://127.0.0.1:1, key_file: hunt.pub} → nothing"},
		"a rule": {func(n *Node) { n.Limits[0].Limit.Rate, n.Limits[1].Concurrency = 100, 3 },
			"limits[clue.> at emit by key].limit.rate: 200/s → 100/s\nlimits[clue.> at emit by key].limit.burst: 20 → 10\nlimits[clue.> at handler concurrency].concurrency: 2 → 3"},
		"bounds and alarms": {func(n *Node) { n.Cascades[0].Depth, n.Cascades[1].Loops, n.Alarms.Slow = 5, 2, time.Second },
			"cascades[all others].depth: 4 → 5\ncascades[clue.a.b].loops: 1 → 2\nalarms.slow: 5s → 1s"},
		"an operator": {func(n *Node) { n.Operators = nil }, "operators[ada]: {name: ada, key: UO} → nothing"},
		"an export's limit, and that it sheds": {func(n *Node) { n.Exports[0].Limit = Limit{Rate: 20, Burst: 1, Policy: Shed} },
			"exports[clue.clue.solved].limit.rate: 10/s → 20/s\nexports[clue.clue.solved].limit.policy: refuse → shed (needs a restart)"},
		"what needs a restart": {func(n *Node) { n.Listen, n.Tap, n.Exports[0].KeptFor = "", nil, nil },
			"listen: 127.0.0.1:7401 → nothing (needs a restart)\nexports[clue.clue.solved].kept_for: [score] → nothing (needs a restart)\n" +
				"tap: {listen: 127.0.0.1:4222, user: u, password: (secret)} → nothing (needs a restart)"},
		"secrets": {func(n *Node) { n.Seed, n.Tap.Password = Secret{Env: "SEED"}, NewSecret("second") },
			"seed: {file: a.nk} → {env: SEED}\ntap.password: (secret) → (secret) (needs a restart)"},
	} {
		t.Run(name, func(t *testing.T) {
			next := base()
			test.change(&next)
			if got := Diff(base(), next).String(); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

// What needs a restart is a problem of the field in the new file.
func TestWhatNeedsARestart(t *testing.T) {
	old := Node{Name: "clue-1", Exports: []Export{{Event: "clue.a.b"}}, Peers: []Peer{{Name: "score-1", Key: "UA"}}}
	next := Node{Name: "clue-2", Exports: []Export{{Event: "clue.a.c"}, {Event: "clue.a.b", KeptFor: []string{"score"}}, {Event: "clue.a.d", KeptFor: []string{"score"}}}, Peers: []Peer{{Name: "score-1", Key: "UB"}}}
	err := Diff(old, next).Under("mesh").Restarts()
	var fields []string
	for _, e := range FieldErrors(err) {
		fields = append(fields, e.Field)
		if !errors.Is(e, ErrNeedsRestart) {
			t.Errorf("%v is not ErrNeedsRestart", e)
		}
	}
	if got := strings.Join(fields, " "); got != "mesh.name mesh.exports[1].kept_for mesh.exports[2]" {
		t.Errorf("fields %s", got)
	}
	if Diff(old, old).Restarts() != nil {
		t.Error("no change needs a restart")
	}
}

// A service's own struct is compared too. What says nothing needs a restart.
func TestDiffOfAService(t *testing.T) {
	type common struct {
		Mesh Node              `yaml:"mesh" reload:"parts"`
		Log  map[string]string `yaml:"log" reload:"live"`
	}
	type service struct {
		common `yaml:",inline"`
		Common common `yaml:",inline"`
		Teams  int    `yaml:"max_teams"`
	}
	old := service{Common: common{Log: map[string]string{"a": "1"}}, Teams: 1}
	next := service{Common: common{Mesh: Node{Alarms: Alarms{Gain: 2}}, Log: map[string]string{"b": "2"}}, Teams: 2}
	const want = "mesh.alarms.gain: 1 → 2\nlog.a: 1 → nothing\nlog.b: nothing → 2\nmax_teams: 1 → 2 (needs a restart)"
	if got := Diff(old, next).String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Other contents of the same files are told by the public keys of seeds, and no secret is shown.
func TestContents(t *testing.T) {
	folder := t.TempDir()
	put := func(name, text string) string {
		t.Helper()
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	pair := func() (seed, public string) {
		t.Helper()
		pair, err := nkeys.CreateUser()
		if err != nil {
			t.Fatal(err)
		}
		secret, err := pair.Seed()
		if err != nil {
			t.Fatal(err)
		}
		return string(secret), publicKeyOf(string(secret))
	}
	read := func(n Node) Contents {
		t.Helper()
		c, err := n.Contents()
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	seed, public := pair()
	_, peer := pair()
	n := Node{Name: "clue-1", Seed: Secret{File: put("own.nk", seed)}, Peers: []Peer{{Name: "score-1", KeyFile: put("score.pub", peer)}},
		Tap: &Tap{Listen: "127.0.0.1:0", User: "u", Password: Secret{File: put("tap", "first secret")}}}
	before := read(n)
	if changes := before.Diff(read(n)); changes != nil {
		t.Errorf("without a change: %v", changes)
	}
	seed, publicNow := pair()
	_, peerNow := pair()
	put("own.nk", seed)
	put("score.pub", peerNow)
	put("tap", "second secret")
	want := fmt.Sprintf("seed: %s → %s\npeers[score-1].key_file: %s → %s\ntap.password: what it held → what it holds now (needs a restart)", public, publicNow, peer, peerNow)
	if got := before.Diff(read(n)).String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	put("own.nk", "")
	if _, err := n.Contents(); len(FieldErrors(err)) != 1 || FieldErrors(err)[0].Field != "seed.file" {
		t.Errorf("an empty file: %v", err)
	}
}
