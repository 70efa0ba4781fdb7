package mesh_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"leafmesh/mesh"
	"leafmesh/mesh/inproc"
	"leafmesh/mesh/stats"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type solved struct {
	Team string `cbor:"1,keyasint"`
	Clue string `cbor:"2,keyasint"`
	At   int64  `cbor:"3,keyasint"`
}

func teamOf(s solved) string { return s.Team }

var (
	clueSolved = mesh.NewEvent[solved]("clue.clue.solved", mesh.Key(teamOf))
	clueOpened = mesh.NewEvent[solved]("clue.clue.opened", mesh.Key(teamOf)) // never exported
)

func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), waitLimit)
	t.Cleanup(cancel)
	return ctx
}

// openAll opens linked nodes and closes them at the end.
func openAll(t testing.TB, configs ...mesh.Config) inproc.Nodes {
	t.Helper()
	nodes, err := inproc.Open(within(t), configs...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := nodes.Close(within(t)); err != nil {
			t.Error(err)
		}
	})
	if err := nodes.Ready(within(t)); err != nil {
		t.Fatal(err)
	}
	return nodes
}

// await waits until a condition on counters holds.
func await(t testing.TB, what string, condition func() bool) {
	t.Helper()
	ctx := within(t)
	for !condition() {
		select {
		case <-ctx.Done():
			t.Fatalf("waited in vain: %s", what)
		case <-time.After(time.Millisecond):
		}
	}
}

func clueNode(name string) mesh.Config {
	return mesh.Config{Name: name, Exports: []mesh.Export{clueSolved.Export(mesh.Limit{})}}
}

func scoreNode(name string, d mesh.Delivery, handle func(context.Context, solved) error) mesh.Config {
	return mesh.Config{Name: name, Imports: []mesh.Import{clueSolved.Import(mesh.Limit{}, d)},
		Handlers: []mesh.Handler{clueSolved.Handle("count", handle)}}
}

func emit(t testing.TB, n *mesh.Node, e *mesh.Event[solved], s solved) {
	t.Helper()
	if err := e.Emit(n.Context(context.Background()), s); err != nil {
		t.Fatal(err)
	}
}

func TestExportCrossesTheLinkAndPrivateEventsDoNot(t *testing.T) {
	type received struct {
		header mesh.Header
		value  solved
	}
	got := make(chan received, 10)
	nodes := openAll(t, clueNode("clue-1"), scoreNode("score-1", mesh.Shared, func(ctx context.Context, s solved) error {
		h, _ := mesh.HeaderOf(ctx)
		got <- received{h, s}
		return nil
	}))
	want := solved{"Puzzlin' Wugs. 🧩 \"*\" >", "try and eat", 7}
	emit(t, nodes[0], clueOpened, want)
	emit(t, nodes[0], clueSolved, want)
	r := <-got
	if r.value != want || r.header.Key != want.Team || r.header.Origin() != "clue-1" || r.header.Depth() != 0 ||
		r.header.Subject() != "clue.clue.solved" || r.header.Root != r.header.ID || !r.header.Parent.IsZero() {
		t.Errorf("got %+v, header %+v", r.value, r.header)
	}
	// The event may be handled before it is counted as sent.
	await(t, "the export to be counted", func() bool { return nodes[0].Stats().Of("clue.clue.solved", stats.Exported) == 1 })
	seen := nodes[0].Stats()
	if seen.Of("clue.clue.opened", stats.Exported) != 0 {
		t.Errorf("exporter counts %+v", seen.Counts)
	}
	// The server adds up what it read from a link a little later.
	await(t, "the link's counter", func() bool { return nodes[1].Stats().Links[0].MessagesIn > 0 })
	importer := nodes[1].Stats()
	if n := importer.Of("clue.clue.opened", stats.Imported); n != 0 {
		t.Errorf("%d private events imported", n)
	}
	if len(importer.Links) != 1 || importer.Links[0].MessagesOut == 0 || importer.Links[0].Peer != "clue-1" {
		t.Errorf("importer's links %+v", importer.Links)
	}
	if len(seen.Links) != 1 || !seen.Links[0].Connected || seen.Links[0].MessagesOut == 0 {
		t.Errorf("links %+v", seen.Links)
	}
}

func TestCausalityCrossesTheLink(t *testing.T) {
	header := make(chan mesh.Header, 1)
	clue := clueNode("clue-1")
	clue.Handlers = []mesh.Handler{clueOpened.Handle("solve", func(ctx context.Context, s solved) error {
		return clueSolved.Emit(ctx, s)
	})}
	nodes := openAll(t, clue, scoreNode("score-1", mesh.Shared, func(ctx context.Context, s solved) error {
		h, _ := mesh.HeaderOf(ctx)
		header <- h
		return nil
	}))
	emit(t, nodes[0], clueOpened, solved{Team: "a"})
	h := <-header
	if h.Depth() != 1 || h.Root != h.Parent || h.ID == h.Root {
		t.Errorf("header %+v", h)
	}
	if got := fmt.Sprint(h.Path()); got != "[clue-1:clue.clue.opened clue-1:clue.clue.solved]" {
		t.Errorf("path %s", got)
	}
	if age := time.Since(h.Time()); age < 0 || age > time.Minute {
		t.Errorf("emitted %v ago", age)
	}
}

// Two instances share an import, or each get it.
func TestInstancesShareOrEachGet(t *testing.T) {
	const events = 200
	for _, test := range []struct {
		delivery mesh.Delivery
		want     int64
	}{{mesh.Shared, events}, {mesh.Each, 2 * events}} {
		t.Run(string(test.delivery), func(t *testing.T) {
			var first, second atomic.Int64
			count := func(n *atomic.Int64) func(context.Context, solved) error {
				return func(context.Context, solved) error { n.Add(1); return nil }
			}
			nodes := openAll(t, clueNode("clue-1"), clueNode("clue-2"),
				scoreNode("score-1", test.delivery, count(&first)), scoreNode("score-2", test.delivery, count(&second)))
			for i := range events {
				emit(t, nodes[i%2], clueSolved, solved{Team: fmt.Sprint(i)})
			}
			await(t, "every event handled", func() bool { return first.Load()+second.Load() >= test.want })
			await(t, "every export counted", func() bool {
				return nodes[0].Stats().Total(stats.Exported)+nodes[1].Stats().Total(stats.Exported) == events
			})
			if sum := first.Load() + second.Load(); sum != test.want {
				t.Errorf("%d handled, want %d", sum, test.want)
			}
			if first.Load() == 0 || second.Load() == 0 {
				t.Errorf("one instance got nothing: %d and %d", first.Load(), second.Load())
			}
		})
	}
}

// The importer has a Go type of its own: fewer fields, other names.
func TestAnotherGoTypeForASubject(t *testing.T) {
	type solve struct {
		Where string `cbor:"2,keyasint"`
		Who   string `cbor:"1,keyasint"`
	}
	own := mesh.NewEvent[solve]("clue.clue.solved")
	got := make(chan solve, 1)
	config := scoreNode("score-1", mesh.Shared, nil)
	config.Handlers = []mesh.Handler{own.Handle("count", func(_ context.Context, s solve) error { got <- s; return nil })}
	nodes := openAll(t, clueNode("clue-1"), config)
	emit(t, nodes[0], clueSolved, solved{"wugs", "eat", 7})
	if s := <-got; s != (solve{"eat", "wugs"}) {
		t.Errorf("got %+v", s)
	}
}

func TestExportThatNobodyListensForIsNotSent(t *testing.T) {
	nodes := openAll(t, clueNode("clue-1"))
	emit(t, nodes[0], clueSolved, solved{Team: "a"})
	await(t, "the event to be counted as unheard", func() bool { return nodes[0].Stats().Total(stats.Unheard) == 1 })
	if n := nodes[0].Stats().Total(stats.Exported); n != 0 {
		t.Errorf("%d exported", n)
	}
}

func TestOversizeExportIsRefusedByNameAndKeepsTheLink(t *testing.T) {
	got := make(chan solved, 1)
	nodes := openAll(t, clueNode("clue-1"), scoreNode("score-1", mesh.Shared,
		func(_ context.Context, s solved) error { got <- s; return nil }))
	err := clueSolved.Emit(nodes[0].Context(t.Context()), solved{Clue: string(make([]byte, 70_000))})
	if !errors.Is(err, mesh.ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
	emit(t, nodes[0], clueSolved, solved{Clue: "small"})
	if s := <-got; s.Clue != "small" {
		t.Errorf("got %d bytes", len(s.Clue))
	}
	if c := find(nodes[0], stats.Refused, "payload-size"); c.Count != 1 || c.Place != "emit" || c.Type != "clue.clue.solved" {
		t.Errorf("counted as %+v", c)
	}
}

func find(n *mesh.Node, outcome stats.Outcome, rule string) stats.Count {
	for _, c := range n.Stats().Counts {
		if c.Outcome == outcome && c.Rule == rule {
			return c
		}
	}
	return stats.Count{}
}

func TestLimitsAtEachPlace(t *testing.T) {
	slow := func(p mesh.Policy) mesh.Limit { return mesh.Limit{Rate: mesh.Per(1, time.Hour), Burst: 2, Policy: p} }
	for _, test := range []struct {
		name    string
		limit   func(clue, score *mesh.Config)
		errors  int
		handled uint64
		node    int
		outcome stats.Outcome
		rule    string
	}{
		{"emit, refuse", func(c, _ *mesh.Config) {
			c.Limits = []mesh.Rule{{Event: "clue.clue.solved", Limit: slow(mesh.Refuse)}}
		},
			3, 2, 0, stats.Refused, "emit-limit"},
		{"emit, shed", func(c, _ *mesh.Config) {
			c.Limits = []mesh.Rule{{Event: "clue.clue.solved", Limit: slow(mesh.Shed)}}
		},
			0, 2, 0, stats.Shed, "emit-limit"},
		{"export, refuse", func(c, _ *mesh.Config) { c.Exports[0].Limit = slow(mesh.Refuse) }, 3, 2, 0, stats.Refused, "export-limit"},
		{"export, shed", func(c, _ *mesh.Config) { c.Exports[0].Limit = slow(mesh.Shed) }, 0, 2, 0, stats.Shed, "export-limit"},
		{"import, shed", func(_, s *mesh.Config) { s.Imports[0].Limit = slow(mesh.Shed) }, 0, 2, 0, stats.Shed, "reader-limit"},
	} {
		t.Run(test.name, func(t *testing.T) {
			clue, score := clueNode("clue-1"), scoreNode("score-1", mesh.Shared, func(context.Context, solved) error { return nil })
			test.limit(&clue, &score)
			nodes := openAll(t, clue, score)
			errs := 0
			for range 5 {
				if clueSolved.Emit(nodes[0].Context(context.Background()), solved{Team: "a"}) != nil {
					errs++
				}
			}
			await(t, "every event to be counted", func() bool {
				return nodes[1].Stats().Total(stats.Handled) == test.handled && find(nodes[test.node], test.outcome, test.rule).Count == 3
			})
			if errs != test.errors {
				t.Errorf("%d errors, want %d", errs, test.errors)
			}
		})
	}
}

func TestAWaitingLimitDelaysAndEndsWithTheContext(t *testing.T) {
	clue := clueNode("clue-1")
	clue.Limits = []mesh.Rule{{Event: "clue.clue.solved", Limit: mesh.Limit{Rate: 100, Burst: 1, Policy: mesh.Wait}}}
	nodes := openAll(t, clue)
	ctx := nodes[0].Context(context.Background())
	await(t, "a delay", func() bool { // a slow machine has a token for each of the first
		if err := clueSolved.Emit(ctx, solved{}); err != nil {
			t.Fatal(err)
		}
		return nodes[0].Stats().Total(stats.Delayed) > 0
	})
	ended, cancel := context.WithCancel(ctx)
	cancel()
	err := clueSolved.Emit(ended, solved{})
	for err == nil { // a token may have come meanwhile
		err = clueSolved.Emit(ended, solved{})
	}
	checkRefused(t, err, "emit-limit", context.Canceled)
}

func TestExportsAndLimitsNameDeclaredTypes(t *testing.T) {
	_, err := inproc.Open(within(t), mesh.Config{Name: "clue-1", Exports: []mesh.Export{{Event: "clue.clue.slved"}},
		Limits: []mesh.Rule{{Event: "clue.answer.judgd", Limit: mesh.Limit{Rate: 1}}, {Event: "clue.>", Limit: mesh.Limit{Rate: 1}}}})
	if err == nil || !strings.Contains(err.Error(), "exports[0].event") || !strings.Contains(err.Error(), "limits[0].event") ||
		strings.Contains(err.Error(), "limits[1]") {
		t.Errorf("error %v", err)
	}
}
