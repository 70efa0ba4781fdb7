package config

import (
	"leafmesh/mesh/internal/configtest"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestNodeNames(t *testing.T) {
	for _, name := range []string{"clue-1", "clue-0", "clue-9999", "team-score-2", "s3-1"} {
		if problem, _ := checkName(name); problem != "" {
			t.Errorf("%s: %s", name, problem)
		}
	}
	for _, name := range []string{"", "clue", "clue-", "-1", "clue-01", "clue-10000", "Clue-1", "clue_1", "clue--1", "clue-1-", "clue-a",
		"web-7d4b9c6f5-x2x4z", "ip-10-0-0-12", "3f2a-1", "clue.example-1", "clue-1\n", "mesh-1", strings.Repeat("a", 63) + "-1"} {
		if problem, _ := checkName(name); problem == "" {
			t.Errorf("%q is taken for a stable name", name)
		}
	}
}

func TestServiceOfANode(t *testing.T) {
	for name, want := range map[string]string{"clue-1": "clue", "team-score-2": "team-score", "clue": "", "": ""} {
		if got := ServiceOf(name); got != want {
			t.Errorf("service of %q is %q, want %q", name, got, want)
		}
	}
}

func TestDefaults(t *testing.T) {
	given := Node{
		Limits:  []Rule{{Event: "a.b.c", Limit: Limit{Rate: 200}}, {Event: "a.b.d", Limit: Limit{Rate: 0.1, Burst: 7, Policy: Wait}, Waiting: 4096}},
		Exports: []Export{{Event: "a.b.c", Limit: Limit{Rate: 1}}},
		Imports: []Import{{Event: "b.c.d"}, {Event: "b.c.e", Delivery: Each}},
	}
	before := Node{Limits: slices.Clone(given.Limits), Exports: slices.Clone(given.Exports), Imports: slices.Clone(given.Imports)}
	want := Node{
		Limits: []Rule{{Name: "emit-limit", Place: AtEmit, By: ByType, Keys: 10000, Event: "a.b.c", Limit: Limit{Rate: 200, Burst: 20, Policy: Refuse}},
			{Name: "emit-limit", Place: AtEmit, By: ByType, Keys: 10000, Event: "a.b.d", Limit: Limit{Rate: 0.1, Burst: 7, Policy: Wait}, Waiting: 4096}},
		Exports:    []Export{{Event: "a.b.c", Limit: Limit{Rate: 1, Burst: 1, Policy: Refuse}}},
		Imports:    []Import{{Event: "b.c.d", Delivery: Shared}, {Event: "b.c.e", Delivery: Each}},
		MaxPayload: 65536,
		Recorder:   new(Size(32 << 20)),
	}
	if got := given.WithDefaults(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if !reflect.DeepEqual(given, before) {
		t.Errorf("the caller's configuration was changed")
	}
}

// Defaults must never turn a good configuration into a bad one, or the other
// way round: Open fills them in first.
func TestDefaultsDoNotChangeTheVerdict(t *testing.T) {
	limit := rapid.Custom(func(t *rapid.T) Limit {
		return Limit{
			Rate:   rapid.SampledFrom([]Rate{0, 0.1, 200, -1, Rate(math.Inf(1))}).Draw(t, "rate"),
			Burst:  rapid.SampledFrom([]int{0, 1, 50, -1}).Draw(t, "burst"),
			Policy: rapid.SampledFrom([]Policy{"", Refuse, Wait, Shed, "block"}).Draw(t, "policy"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		c := Node{
			Name:       "clue-1",
			Limits:     []Rule{{Event: "clue.answer.judged", Limit: limit.Draw(t, "emit")}},
			Imports:    []Import{{Event: "hunt.clue.unlocked", Limit: limit.Draw(t, "import"), Delivery: rapid.SampledFrom([]Delivery{"", Each, "all"}).Draw(t, "delivery")}},
			MaxPayload: rapid.SampledFrom([]Size{0, 1, 4096}).Draw(t, "payload"),
		}
		before, after := c.Validate(), c.WithDefaults().Validate()
		if len(FieldErrors(before)) != len(FieldErrors(after)) {
			t.Fatalf("without defaults:\n%v\nwith:\n%v", before, after)
		}
	})
}

// A peer with a url from which nothing is imported is allowed.
func TestPeerNobodyImportsFrom(t *testing.T) {
	c := Node{Name: "clue-1", Peers: []Peer{{Name: "hunt-1", URL: "nats-leaf://127.0.0.1:7402", Key: configtest.KeyA}}}
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
}

// inproc opens a node with exports that nobody in the process imports, and knows no port before the
// peers have started.
func TestNodeOfOneProcess(t *testing.T) {
	_, seed := configtest.NewFolder(t)
	c := Node{
		Name: "clue-1", OneProcess: true, Seed: NewSecret(seed), Exports: []Export{{Event: "clue.clue.solved"}},
		Peers:   []Peer{{Name: "hunt-1", URL: LaterURL, Key: configtest.KeyA}, {Name: "hunt-2", URL: LaterURL, Key: configtest.KeyB}},
		Imports: []Import{{Event: "hunt.clue.unlocked"}},
	}
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
}

// The defaults of handlers are what the options of package mesh promise.
func TestHandlerDefaults(t *testing.T) {
	want := HandlerSettings{Workers: 1, Queue: 1024, Tries: 3, FirstPause: 10 * time.Millisecond, LongestPause: time.Second}
	if got := DefaultHandlerSettings(); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}
