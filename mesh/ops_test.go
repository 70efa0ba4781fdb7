package mesh_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/nats-io/nats.go"

	"leafmesh/mesh"
	"leafmesh/mesh/graph"
	"leafmesh/mesh/stats"
	"leafmesh/mesh/why"
)

// question asks at the tap.
func question(t *testing.T, conn *nats.Conn, subject string, data []byte) *nats.Msg {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
	defer cancel()
	m, err := conn.RequestWithContext(ctx, subject, data)
	if err != nil {
		t.Fatalf("%s: %v", subject, err)
	}
	return m
}

// answerTo asks and decodes the answer.
func answerTo(t *testing.T, conn *nats.Conn, subject string, into any) {
	t.Helper()
	m := question(t, conn, subject, nil)
	if len(m.Header) != 0 {
		t.Fatalf("%s: %v", subject, m.Header)
	}
	if err := json.Unmarshal(m.Data, into); err != nil {
		t.Fatalf("%s: %v in %s", subject, err, m.Data)
	}
}

// A node whose handlers are stuck, whose queues are full and whose emits are all
// refused answers, also while it closes.
func TestANodeAtItsLimitsAnswers(t *testing.T) {
	gate := make(chan struct{})
	stuck, begun := gatedHandler("stuck", stepTaken, gate, mesh.Queue(1))
	nodes, conn := tapped(t, mesh.Config{Name: "core-1", Handlers: []mesh.Handler{stuck, stepRepeated.Handle("chain", nothing, mesh.Emits(stepTaken))},
		Limits: []mesh.Rule{{Name: "one", Event: "core.step.repeated", By: mesh.ByKey, Limit: slowly(1)}}})
	n := nodes[0]
	free := sync.OnceFunc(func() { close(gate) })
	t.Cleanup(free)
	emitStep(t, n, stepTaken, step{Key: "a"})
	receive(t, begun)
	full, cancel := context.WithCancel(t.Context())
	cancel()
	for range 3 { // one waits in the queue, the others find it full
		if err := stepTaken.Emit(n.Context(full), step{Key: "a"}); err != nil {
			wantRefusal(t, err, "handler stuck", "queue-full")
		}
	}
	if got := emitMany(t, n, stepRepeated, "a", 100); got != 1 {
		t.Fatalf("%d of 100 admitted", got)
	}

	var seen stats.Stats
	answerTo(t, conn, "mesh.ops.stats", &seen)
	if seen.Node != "core-1" || seen.Of(stepRepeated.Subject(), stats.Refused) != 99 || seen.Of(stepTaken.Subject(), stats.Refused) == 0 || seen.Waiting == 0 {
		t.Errorf("stats %+v", seen)
	}
	var graph graph.Graph
	answerTo(t, conn, "mesh.ops.graph", &graph)
	drawing := question(t, conn, "mesh.ops.graph.mermaid", nil)
	if len(graph.Edges) != 1 || graph.Mermaid() != string(drawing.Data) || !strings.Contains(graph.Mermaid(), "chain") {
		t.Errorf("graph %+v, drawn as\n%s", graph, drawing.Data)
	}

	closed := make(chan error, 1)
	go func() { closed <- n.Close(within(t)) }()
	waitUntil(t, "the node begins to close", func() bool {
		return errors.Is(stepForked.Emit(n.Context(full), step{Key: "a"}), mesh.ErrClosed)
	})
	answerTo(t, conn, "mesh.ops.stats", &seen)
	if seen.Waiting == 0 {
		t.Errorf("while it closes: %+v", seen)
	}
	free()
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if _, err := conn.Request("mesh.ops.stats", nil, time.Second); err == nil {
		t.Error("a node that is closed answers")
	}
}

// The rules come with the keys and texts of a node's file.
func TestRulesAreAnsweredAsInAFile(t *testing.T) {
	one := stepTaken.Handle("one", func(context.Context, step) error { return nil })
	nodes, conn := tapped(t, mesh.Config{Name: "core-1", Handlers: []mesh.Handler{one}, Limits: []mesh.Rule{
		{Name: `"odd": {name}` + "\u2028ü", Event: "core.>", By: mesh.ByKey, Within: 2 * time.Second, Limit: mesh.Limit{Rate: mesh.Per(20, time.Minute), Burst: 3, Policy: mesh.Coalesce}},
		{Place: mesh.AtHandler, Handler: "one", Event: ">", Limit: mesh.Limit{Rate: 200}}}})
	var entries []map[string]any
	answerTo(t, conn, "mesh.ops.rules", &entries)
	if len(entries) != 2 || entries[0]["within"] != "2s" || fmt.Sprint(entries[0]["limit"]) != "map[burst:3 policy:coalesce rate:20/min]" {
		t.Errorf("%+v", entries)
	}
	text := question(t, conn, "mesh.ops.rules", nil).Data
	for name, unmarshal := range map[string]func([]byte, *[]mesh.Rule) error{
		"JSON": func(text []byte, into *[]mesh.Rule) error { return json.Unmarshal(text, into) },
		"YAML": func(text []byte, into *[]mesh.Rule) error { return yaml.Unmarshal(text, into) },
	} {
		var rules []mesh.Rule
		if err := unmarshal(text, &rules); err != nil {
			t.Fatal(err)
		}
		if want := nodes[0].Rules(); !slices.Equal(rules, want) {
			t.Errorf("from %s %+v, want %+v", name, rules, want)
		}
	}
	if err := nodes[0].SetRules(nil); err != nil {
		t.Fatal(err)
	}
	if got := question(t, conn, "mesh.ops.rules", nil).Data; string(got) != "[]" {
		t.Errorf("no rules: %s", got)
	}
}

func TestABadQuestionIsAnsweredWithAnError(t *testing.T) {
	large := mesh.Rule{Name: strings.Repeat("x", 1024), Event: "core.>", Limit: slowly(1)}
	_, conn := tapped(t, mesh.Config{Name: "core-1", MaxPayload: 1024, Limits: []mesh.Rule{large}})
	for _, test := range []struct {
		subject, data, code, text string
	}{
		{"mesh.ops.nonsense", "", "404", `nothing is known as "nonsense": ask for stats, graph, graph.mermaid, rules, letters`},
		{"mesh.ops.stats.all", "", "404", `nothing is known as "stats.all": ask for stats, graph, graph.mermaid, rules, letters`},
		{"mesh.ops.stats", "{}", "400", "the request has 2 bytes of data, and stats takes none"},
		{"mesh.ops.rules", "", "413", "and a message at most 1024: raise max_payload"},
	} {
		m := question(t, conn, test.subject, []byte(test.data))
		if m.Header.Get("Nats-Service-Error-Code") != test.code || !strings.Contains(m.Header.Get("Nats-Service-Error"), test.text) || len(m.Data) != 0 {
			t.Errorf("%s: header %v, data %q", test.subject, m.Header, m.Data)
		}
	}
	if err := conn.Publish("mesh.ops.stats", nil); err != nil { // there is nobody to answer to
		t.Fatal(err)
	}
	var seen stats.Stats
	answerTo(t, conn, "mesh.ops.stats", &seen)
}

// A client at the tap lists, inspects, replays and drops dead letters.
func TestLettersAtTheTap(t *testing.T) {
	var good atomic.Bool
	score := durableScore(t, func(context.Context, solved) error {
		if good.Load() {
			return nil
		}
		return errors.New("the database is on fire")
	})
	score.Imports[0].Redelivery.Tries = 1
	nodes, conn := tapped(t, score, durableClue(t))
	for i := range 2 {
		if err := clueSolved.Emit(nodes.Node("clue-1").Context(t.Context()), solved{"owls", "a", int64(i)}); err != nil {
			t.Fatal(err)
		}
	}
	var list struct{ Letters []stats.Letter }
	await(t, "two letters", func() bool {
		answerTo(t, conn, "mesh.ops.letters", &list)
		return len(list.Letters) == 2
	})
	ask := func(what, key, code string) *nats.Msg {
		t.Helper()
		m := question(t, conn, "mesh.ops."+what, []byte(key))
		if got := m.Header.Get("Nats-Service-Error-Code"); got != code {
			t.Errorf("%s: code %q, want %q: %v %s", what, got, code, m.Header, m.Data)
		}
		return m
	}
	first, second := list.Letters[0], list.Letters[1]
	if first.Root != first.Event || fmt.Sprint(first.Path) != "[clue-1:"+clueSolved.Subject()+"]" || first.EventKey != "owls" {
		t.Errorf("a letter without its origin: %+v", first)
	}
	var one stats.Letter
	if err := json.Unmarshal(ask("letter", first.Key, "").Data, &one); err != nil || one.Event != first.Event || one.Error != "the database is on fire" || one.Root != first.Root || one.EventKey != "owls" || len(one.Path) != 1 || len(one.Payload) == 0 {
		t.Errorf("%+v, %v", one, err)
	}
	ask("letter.replay", first.Key, "500")
	good.Store(true)
	ask("letter.replay", first.Key, "")
	ask("letter", first.Key, "404")
	ask("letter.drop", second.Key, "")
	ask("letter.drop", second.Key, "404")
	ask("letter.lose", second.Key, "404")
	if answerTo(t, conn, "mesh.ops.letters", &list); len(list.Letters) != 0 {
		t.Errorf("left: %+v", list)
	}
}

// More dead letters than an answer has room for are listed in several.
func TestManyLettersAtTheTap(t *testing.T) {
	score, clue := durableScore(t, func(context.Context, solved) error { return errors.New("the database is on fire") }), durableClue(t)
	score.Imports[0].Redelivery.Tries = 1
	score.MaxPayload, clue.MaxPayload = 1024, 1024
	nodes, conn := tapped(t, score, clue)
	const many = 10
	if err := clueSolved.EmitAll(nodes.Node("clue-1").Context(t.Context()), make([]solved, many)); err != nil {
		t.Fatal(err)
	}
	await(t, "the letters", func() bool { return nodes.Node("score-1").Stats().Letters.Count == many })
	keys := map[string]bool{}
	for answers := 0; len(keys) < many && answers < many; answers++ {
		m := question(t, conn, "mesh.ops.letters", strconv.AppendInt(nil, int64(len(keys)), 10))
		var list struct {
			Letters []stats.Letter
			More    int
		}
		if err := json.Unmarshal(m.Data, &list); err != nil {
			t.Fatalf("%v: %v", m.Header, err)
		}
		for _, l := range list.Letters {
			keys[l.Key] = true
		}
		if len(keys)+list.More != many {
			t.Errorf("%d and %d more", len(keys), list.More)
		}
	}
	if len(keys) != many {
		t.Errorf("%d letters", len(keys))
	}
	for _, bad := range []string{"-1", "all"} {
		if m := question(t, conn, "mesh.ops.letters", []byte(bad)); m.Header.Get("Nats-Service-Error-Code") != "400" {
			t.Errorf("%s: %v", bad, m.Header)
		}
	}
}

// A node tells why at its tap, for an id or for a line of the log, as text or as a report in pages
// that an answer has room for.
func TestANodeTellsWhyAtItsTap(t *testing.T) {
	headers := make(chan mesh.Header, 100)
	nodes, conn := tapped(t, mesh.Config{Name: "core-1", MaxPayload: 8 << 10, Handlers: []mesh.Handler{
		stepTaken.Handle("fan out", func(ctx context.Context, s step) error {
			h, _ := mesh.HeaderOf(ctx)
			headers <- h
			var errs []error
			for range 20 {
				errs = append(errs, stepRepeated.Emit(ctx, s))
			}
			return errors.Join(errs...)
		}),
		stepRepeated.Handle("end", func(context.Context, step) error { return nil })}})
	emitStep(t, nodes[0], stepTaken, step{Key: "otters"})
	h := receive(t, headers)
	waitUntil(t, "all are handled", func() bool { return nodes[0].Stats().Of("core.step.repeated", stats.Handled) == 20 })
	line := fmt.Sprintf("level=WARN msg=x event=%s key=otters", h.ID)
	var text string
	await(t, "the last to be recorded", func() bool { // after it was counted
		text = string(question(t, conn, "mesh.ops.why.text", []byte(line)).Data)
		return strings.Contains(text, "… and 19 more of which the same became")
	})
	if !strings.HasPrefix(text, "Nothing went wrong in this cascade, as far as core-1 knows.\n\ncore.step.taken (key otters) from core-1 at ") ||
		strings.Count(text, "handler end on core-1: handled") != 1 {
		t.Errorf("%s", text)
	}
	var records []why.Record
	pages, size := 0, 0
	for pages < 50 {
		m := question(t, conn, "mesh.ops.why", fmt.Appendf(nil, "%s %d", h.ID, size))
		var page why.Answer
		if err := json.Unmarshal(m.Data, &page); err != nil || len(m.Data) > 8<<10 {
			t.Fatalf("%v in %d bytes", err, len(m.Data))
		}
		records = append(records, page.Reports[0].Records...)
		size += page.Size
		if pages++; page.More == 0 {
			break
		}
	}
	if len(records) != 42 || pages < 2 {
		t.Errorf("%d records on %d pages", len(records), pages)
	}
	for _, data := range []string{"", "core.step.taken", h.ID.String()[1:]} {
		if m := question(t, conn, "mesh.ops.why", []byte(data)); m.Header.Get("Nats-Service-Error-Code") != "400" || !strings.Contains(m.Header.Get("Nats-Service-Error"), "takes an event's or root's id") {
			t.Errorf("%q: %v", data, m.Header)
		}
	}
}
