package console

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nkeys"

	"leafmesh/mesh"
	"leafmesh/mesh/cause"
	"leafmesh/mesh/config"
	"leafmesh/mesh/stats"
	"leafmesh/mesh/why"
)

// The console of one node shows all of a chain of nodes, each with a server of its own, a cascade
// that went over all of them, and by name one that does not answer.
func TestEverywhere(t *testing.T) {
	pair, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	key, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	ada := []mesh.Operator{{Name: "ada", Key: key, May: config.MayRead}}
	counted, told := mesh.NewEvent[step]("score.step.counted"), mesh.NewEvent[step]("print.step.told")
	nodes := open(t,
		mesh.Config{Name: "core-1", Operators: ada, Exports: []mesh.Export{stepTaken.Export(mesh.Limit{})}},
		mesh.Config{Name: "score-1", Operators: ada, Exports: []mesh.Export{counted.Export(mesh.Limit{})}, Imports: []mesh.Import{stepTaken.Import(mesh.Limit{}, mesh.Shared)},
			Handlers: []mesh.Handler{stepTaken.Handle("add", func(ctx context.Context, s step) error { return counted.Emit(ctx, s) })}},
		mesh.Config{Name: "print-1", Operators: ada, Imports: []mesh.Import{counted.Import(mesh.Limit{}, mesh.Shared)}, Handlers: []mesh.Handler{
			counted.Handle("print", func(ctx context.Context, s step) error { return told.Emit(ctx, s) }),
			told.Handle("fail", func(context.Context, step) error { return errors.New("no paper") }, mesh.Retry{Tries: 1})}})
	s := serve(t, Options{Source: &Everywhere{Linked{nodes.Node("core-1"), pair}}})
	asked := func(seen snapshot) (names []string) {
		for _, n := range seen.Nodes {
			if n.Asked && n.Problem == "" {
				names = append(names, n.Name)
			}
		}
		return names
	}
	watch(t, s, func(seen snapshot) bool {
		return strings.Join(asked(seen), " ") == "core-1 print-1 score-1" && len(seen.Links) == 2 && seen.Links[0].State == stats.LinkUp && seen.Links[1].State == stats.LinkUp
	})
	if err := stepTaken.Emit(nodes.Node("core-1").Context(within(t)), step{Team: "otters"}); err != nil {
		t.Fatal(err)
	}
	var list cascadesView
	await(t, "the cascade in the list", func() bool {
		get(t, s.URL()+"/api/cascades", &list)
		return len(list.Wrong) > 0 && list.Wrong[0].Worst.Outcome == "failed"
	})
	if c := list.Wrong[0]; c.Began != "core.step.taken" || c.Worst.Node != "print-1" || len(list.Problems) != 0 {
		t.Errorf("in the list: %+v, problems %+v", c, list.Problems)
	}
	var x explanationView
	get(t, s.URL()+"/api/cascade?of="+list.Wrong[0].Root.String(), &x)
	if want := "core.step.taken otters → score.step.counted → print.step.told"; strings.Join(x.Path, " → ") != want || !strings.Contains(x.Verdict, "no paper") {
		t.Errorf("the path %q, want %q; %s", x.Path, want, x.Verdict)
	}
	var limits limitsView
	get(t, s.URL()+"/api/limits", &limits)
	places := map[string]bool{}
	for _, p := range limits.Places {
		places[p.Node+" "+p.Type+" "+p.Place.Place] = true
	}
	if !places["print-1 score.step.counted handler print"] || !places["core-1 core.step.taken export"] || len(limits.Problems) != 0 {
		t.Errorf("places %v, problems %+v", places, limits.Problems)
	}
	if err := nodes.Node("print-1").Close(within(t)); err != nil {
		t.Fatal(err)
	}
	watch(t, s, func(seen snapshot) bool {
		for _, n := range seen.Nodes {
			if n.Name == "print-1" {
				return n.Asked && n.Problem == errSilent.Error() && strings.Join(asked(seen), " ") == "core-1 score-1"
			}
		}
		return false
	})
}

// Who signs with a key that the nodes do not know is told so on each page.
func TestEverywhereOfAnUnknownOperator(t *testing.T) {
	pair, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	nodes := open(t, mesh.Config{Name: "core-1"})
	s := serve(t, Options{Source: &Everywhere{Linked{nodes[0], pair}}})
	var list cascadesView
	get(t, s.URL()+"/api/cascades", &list)
	if len(list.Problems) == 0 || list.Problems[0].Node != "core-1" || !strings.Contains(list.Problems[0].Error, "node core-1 knows no operators: name them under operators in its file") {
		t.Errorf("problems %+v", list.Problems)
	}
	if _, err := NewEverywhere(nodes[0], mesh.NewSecret("no seed at all")); err == nil || strings.Contains(err.Error(), "no seed at all") {
		t.Errorf("a wrong seed: %v", err)
	}
}

// A large node is shown as a whole, be it the console's own or another one: its counters, its
// places, and what went wrong and took long there.
func TestEverywhereOfALargeNode(t *testing.T) {
	pair, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	key, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	ada := []mesh.Operator{{Name: "ada", Key: key, May: config.MayRead}}
	problem := errors.New("no paper, " + strings.Repeat("and no ink, ", 35))
	large := func(service string) (c mesh.Config, emit func(n *mesh.Node)) {
		c = mesh.Config{Name: service + "-1", Operators: ada}
		var events []*mesh.Event[step]
		for i := range 300 {
			e := mesh.NewEvent[step](fmt.Sprintf("%s.step.number-%d", service, i))
			events = append(events, e)
			c.Handlers = append(c.Handlers, e.Handle(fmt.Sprint("works-", i), func(context.Context, step) error { return nil }),
				e.Handle(fmt.Sprint("fails-", i), func(context.Context, step) error { return problem }, mesh.Retry{Tries: 1}))
		}
		return c, func(n *mesh.Node) {
			for _, e := range events {
				if err := e.Emit(n.Context(within(t)), step{}); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	own, emitOwn := large("core")
	other, emitOther := large("score")
	own.Exports = []mesh.Export{stepTaken.Export(mesh.Limit{})}
	other.Imports = []mesh.Import{stepTaken.Import(mesh.Limit{}, mesh.Shared)}
	other.Handlers = append(other.Handlers, stepTaken.Handle("add", func(context.Context, step) error { return nil }))
	nodes := open(t, own, other)
	e := &Everywhere{Linked{nodes[0], pair}}
	e.Durations(within(t)) // they begin to measure
	emitOwn(nodes[0])
	emitOther(nodes[1])
	for i, n := range nodes {
		await(t, "all that "+n.Name()+" keeps of what went wrong", func() bool {
			list, err := n.Kept()
			if err != nil || len(list) < 100 {
				return false
			}
			a := e.Kept(within(t))[i]
			return a.Err == nil && len(a.Value) == len(list) && a.Value[99].Root == list[99].Root
		})
	}
	for i, a := range e.Stats(within(t)) {
		if data, err := json.Marshal(nodes[i].Stats()); a.Err != nil || err != nil || len(data) < 80<<10 || len(a.Value.Counts) < 900 {
			t.Errorf("counters of %s: %d of them, %v, %d bytes, %v", a.Node, len(a.Value.Counts), a.Err, len(data), err)
		}
	}
	for i, a := range e.Places(within(t)) {
		if want := nodes[i].Places(); a.Err != nil || !slices.Equal(a.Value, want) {
			t.Errorf("%s has %d places, and tells of %d: %v", a.Node, len(want), len(a.Value), a.Err)
		}
	}
	for i, a := range e.Durations(within(t)) {
		want := slices.DeleteFunc(nodes[i].Durations(), func(d stats.Durations) bool { _, known := d.Slowest(); return !known })
		if a.Err != nil || len(want) < 400 || len(a.Value) != len(want) {
			t.Errorf("%s has %d durations, and tells of %d: %v", a.Node, len(want), len(a.Value), a.Err)
		}
	}
	// Of what is too much even in parts, it says how much is left out.
	asked := 0
	cut := askAll(within(t), e, "kept", func(p part[why.Summary]) ([]why.Summary, int, error) {
		asked++
		return p.List[:1], len(p.List) - 1 + p.More, nil
	})
	for _, a := range cut {
		if len(a.Value) != maxPages || a.Err == nil || !strings.Contains(a.Err.Error(), "more are left out: ask the node itself for kept") {
			t.Errorf("%s, in small parts: %d, %v", a.Node, len(a.Value), a.Err)
		}
	}
}

// saying is a mesh of one node that gives the same answer to all.
type saying string

func (s saying) Ask(ctx context.Context, question string, body []byte) []Answer[json.RawMessage] {
	return []Answer[json.RawMessage]{s.AskOne(ctx, "clue-1", question, body)}
}

func (s saying) AskOne(_ context.Context, node, _ string, _ []byte) Answer[json.RawMessage] {
	return Answer[json.RawMessage]{Node: node, Value: json.RawMessage(s)}
}

// Kept cascades that cannot be read are told of beside the others.
func TestEverywhereOfDamagedCascades(t *testing.T) {
	e := &Everywhere{saying(`{"list": [{"key": "otters"}], "damaged": "faults.1 is cut"}`)}
	if a := e.Kept(within(t))[0]; len(a.Value) != 1 || a.Value[0].Key != "otters" || fmt.Sprint(a.Err) != "faults.1 is cut" {
		t.Errorf("%+v", a)
	}
}

// Of a cascade whose records are too many even in parts, the page says that there are more.
func TestEverywhereOfALargeCascade(t *testing.T) {
	pair, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	key, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	ada := []mesh.Operator{{Name: "ada", Key: key, May: config.MayRead}}
	counted := mesh.NewEvent[step]("score.step.counted")
	roots := make(chan cause.ID, 1)
	nodes := open(t, mesh.Config{Name: "core-1", MaxPayload: 1 << 10, Operators: ada, Exports: []mesh.Export{stepTaken.Export(mesh.Limit{})}},
		mesh.Config{Name: "score-1", MaxPayload: 1 << 10, Operators: ada, Imports: []mesh.Import{stepTaken.Import(mesh.Limit{}, mesh.Shared)}, Handlers: []mesh.Handler{
			counted.Handle("tell", func(context.Context, step) error { return nil }),
			stepTaken.Handle("add", func(ctx context.Context, s step) error {
				h, _ := mesh.HeaderOf(ctx)
				var failed error
				for range 30 {
					failed = errors.Join(failed, counted.Emit(ctx, s))
				}
				roots <- h.Root
				return failed
			})}})
	if err := stepTaken.Emit(nodes[0].Context(within(t)), step{}); err != nil {
		t.Fatal(err)
	}
	root := <-roots
	e := &Everywhere{Linked{nodes[0], pair}}
	await(t, "what is left out", func() bool {
		_, err := e.Inquire(within(t), root)
		return err != nil && strings.Contains(err.Error(), "records are left out: ask the nodes themselves for why")
	})
}

// paged is a mesh of two nodes with long lists, one of which has no answer to the second page.
type paged struct {
	Mesh
	pages int
}

func (p *paged) Ask(_ context.Context, _ string, body []byte) (answers []Answer[json.RawMessage]) {
	const size, most = 100, 40
	p.pages++
	skip := 0
	if len(body) > 0 {
		_ = json.Unmarshal(body, &skip) // what is no number leaves out nothing
	}
	for _, name := range []string{"core-1", "score-1"} {
		a := Answer[json.RawMessage]{Node: name}
		n := min(most, max(0, size-skip))
		a.Value, a.Err = json.Marshal(part[int]{List: make([]int, n), More: max(0, size-skip-n)})
		if name == "core-1" && p.pages == 2 {
			a = Answer[json.RawMessage]{Node: name, Err: errSilent}
		}
		answers = append(answers, a)
	}
	return answers
}

// A node that has no answer to one page is asked for that page again, and all of its list is there.
func TestAPageThatIsMissing(t *testing.T) {
	for _, a := range askAll(t.Context(), &Everywhere{&paged{}}, "numbers", part[int].all) {
		if len(a.Value) != 100 || a.Err != nil {
			t.Errorf("%s: %d entries, %v", a.Node, len(a.Value), a.Err)
		}
	}
}
