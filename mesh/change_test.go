package mesh_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"leafmesh/mesh"
	"leafmesh/mesh/stats"
)

// change asks for a change at the tap, and gives why it is refused.
func change(t *testing.T, conn *nats.Conn, question, data string) (problem string) {
	t.Helper()
	_, problem = send(t, conn, &nats.Msg{Subject: "mesh.ops." + question, Data: []byte(data)})
	return problem
}

// isCut reports whether a place drops events.
func isCut(t *testing.T, n *mesh.Node) bool {
	t.Helper()
	before := counted(n, stepTaken.Subject(), stats.Shed, "handler one", "cut")
	emitStep(t, n, stepTaken, step{Key: "a"})
	return counted(n, stepTaken.Subject(), stats.Shed, "handler one", "cut") > before
}

// A client at the tap changes the node, for good or for a time, as the node's own methods do and
// with their errors.
func TestChangesAtTheTap(t *testing.T) {
	var log logged
	nodes, conn := tapped(t, mesh.Config{Name: "core-1", Logger: slog.New(slog.NewTextHandler(&log, nil)), Handlers: []mesh.Handler{stepTaken.Handle("one", nothing)},
		Limits: []mesh.Rule{{Name: "first", Event: "core.>", Limit: slowly(100)}}})
	n := nodes[0]
	for _, test := range []struct{ question, data, want string }{
		{"cut", `{"type":"core.step.taken","handler":"one"}`, ""},
		{"restore", `{"type":"core.step.taken","place":"handler one"}`, ""},
		{"cut", `{"type":"core.step.taken","handler":"none"}`, `404 mesh: not on this node: on node core-1 no "handler none" takes events of core.step.taken`},
		{"cut", `{"type":"core.step.lost","handler":"one"}`, `404 mesh: not on this node: node core-1 knows no event type "core.step.lost"`},
		{"cut", `{"type":"core.step.taken"}`, `400 cut takes {"type": an event type, "handler": a handler's name}`},
		{"cut", `{"type":"core.step.taken","handler":"one","place":"export"}`, `400 cut takes`},
		{"cut", `{"type":"core.step.taken","handler":"one","fro":"1m"}`, `400 cut takes`},
		{"cut", `{"type":"core.step.taken","handler":"one","for":"1ms"}`, `400 for is how long the change lasts, from 1s to 168h0m0s, as in "10m", not "1ms"`},
		{"cut", `{"type":"core.step.taken","handler":"one"} {}`, `400 cut takes`},
		{"cut", ``, `400 cut takes`},
		{"rules.set", `[]`, ""},
		{"rules.set", `[{"event":"core.>","limit":{"rate":"5/s"}}]`, ""},
		{"rules.set", `{"rules":[{"name":"second","event":"core.step.taken","limit":{"rate":"5/s"}}]}`, ""},
		{"rules.set", `[{"event":"core.step.none","limit":{"rate":"5/s"}}]`, `400 mesh: rules of node core-1: limits[0].event: `},
		{"rules.set", `[{"event":"core.>","limit":{"rate":"5/s"}},{"event":"x"}]`, `400 mesh: rules of node core-1: limits[1].`},
		{"rules.set", `[{"evnt":"core.>"}]`, `400 rules.set takes a list of rules as rules answers it`},
		{"rules.set", `{"for":"1m"}`, `400 rules.set takes a list of rules`},
		{"rules.set", `null`, `400 rules.set takes a list of rules`},
		{"retrying", `x`, `400 retrying takes how many of the first to leave out`},
		{"health", `x`, `400 the request has 1 bytes of data, and health takes none`},
	} {
		if got := change(t, conn, test.question, test.data); !strings.HasPrefix(got, test.want) || (got == "") != (test.want == "") {
			t.Errorf("%s %s: %q, want %q", test.question, test.data, got, test.want)
		}
	}
	if rules := n.Rules(); len(rules) != 1 || rules[0].Name != "second" || len(n.Stats().Changes) != 0 || isCut(t, n) {
		t.Errorf("%+v, %+v", rules, n.Stats().Changes)
	}
	if text := log.String(); !strings.Contains(text, `msg="an operator changed the node" node=core-1 operator=tap question=cut data="{\"type\":\"core.step.taken\",\"handler\":\"one\"}"`) ||
		strings.Count(text, "an operator changed the node") != 5 {
		t.Errorf("%s", text)
	}
}

// What is changed for a time is seen while it lasts, and undone at its end unless somebody has
// changed the same since. One change for a time after the other ends in what was before both.
func TestChangesThatEnd(t *testing.T) {
	var log logged
	nodes, conn := tapped(t, mesh.Config{Name: "core-1", Logger: slog.New(slog.NewTextHandler(&log, nil)), Handlers: []mesh.Handler{stepTaken.Handle("one", nothing), stepTaken.Handle("two", nothing)},
		Limits: []mesh.Rule{{Name: "first", Event: "core.step.repeated", Limit: slowly(100)}}})
	n := nodes[0]
	ask := func(question, data string) {
		t.Helper()
		if problem := change(t, conn, question, data); problem != "" {
			t.Fatalf("%s %s: %s", question, data, problem)
		}
	}
	changes := func() (list []string) {
		var seen stats.Stats
		answerTo(t, conn, "mesh.ops.stats", &seen)
		for _, c := range seen.Changes {
			if c.By != "tap" || time.Until(c.Until) > time.Hour || time.Until(c.Until) < -time.Minute {
				t.Errorf("%+v", c)
			}
			list = append(list, strings.TrimSpace(c.What+" "+c.Type+" "+c.Place))
		}
		return list
	}
	ended := func() { t.Helper(); await(t, "the changes to end", func() bool { return len(changes()) == 0 }) }
	const place = `{"type":"core.step.taken","handler":"one"`
	cutAndSet := func(lasts string) {
		t.Helper()
		ask("cut", place+`,"for":"`+lasts+`"}`)
		ask("rules.set", `{"rules":[{"name":"second","event":"core.step.repeated","limit":{"rate":"5/s"}}],"for":"`+lasts+`"}`)
	}
	cutAndSet("1h") // a second may be over before anybody has looked
	if got := changes(); !slices.Equal(got, []string{"cut core.step.taken handler one", "rules"}) || !isCut(t, n) || n.Rules()[0].Name != "second" {
		t.Errorf("%v, %+v", got, n.Rules())
	}
	cutAndSet("1s")
	ended()
	if isCut(t, n) || n.Rules()[0].Name != "first" {
		t.Errorf("after the end: %+v", n.Rules())
	}
	await(t, "the log to say so of both", func() bool {
		return strings.Count(log.String(), "a change has ended, and what was before is in force again") == 2
	})

	ask("cut", place+`,"for":"1h"}`)
	ask("cut", place+`,"for":"1s"}`) // the one before no longer is
	ended()
	if isCut(t, n) {
		t.Error("what was before both is not back")
	}

	ask("cut", place+`,"for":"1s"}`)
	ask("rules.set", `{"rules":[],"for":"1s"}`)
	if err := errors.Join(n.Cut(stepTaken.Subject(), "handler one"), n.SetRules(nil)); err != nil { // changed since: for good
		t.Fatal(err)
	}
	if got := changes(); len(got) != 0 {
		t.Errorf("%v", got)
	}
	ask("cut", `{"type":"core.step.taken","handler":"two","for":"1s"}`) // begun later: when it ends, they would have
	ended()
	if !isCut(t, n) || len(n.Rules()) != 0 {
		t.Errorf("undone although somebody changed it: %+v", n.Rules())
	}
	ask("restore", place+`,"for":"1h"}`)
	if isCut(t, n) {
		t.Error("not restored")
	}
	ask("restore", place+`,"for":"1s"}`)
	ended()
	if !isCut(t, n) {
		t.Error("not cut again")
	}
	ask("restore", place+`,"for":"1h"}`) // a node that closes does not wait for it
}

// What failed and comes again is listed with the try and when it is due: an event that rests, one
// for which its worker waits, and one that went back to the outbox of a peer.
func TestWhatIsTriedAgainIsListed(t *testing.T) {
	var up atomic.Bool
	down := func(context.Context, step) error {
		if up.Load() {
			return nil
		}
		return errors.New("the database is down")
	}
	slow := mesh.Retry{Tries: 1000, FirstPause: 3 * time.Second, LongestPause: 3 * time.Second}
	keyless := mesh.NewEvent[step]("score.step.keyless")
	keyed := mesh.NewEvent[step]("score.step.keyed", mesh.Key(keyOfStep))
	score := durableScore(t, func(context.Context, solved) error { return errors.New("no such team") })
	score.Imports[0].Redelivery = mesh.Redelivery{Tries: 9, After: time.Minute, Max: time.Hour}
	score.Handlers = append(score.Handlers, keyless.Handle("alone", down, slow), keyed.Handle("rest", down, slow))
	nodes, conn := tapped(t, score, durableClue(t))
	for range 2 { // the second waits behind the first
		for _, e := range []*mesh.Event[step]{keyless, keyed} {
			if err := e.Emit(nodes[0].Context(t.Context()), step{Key: "otters"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	emit(t, nodes.Node("clue-1"), clueSolved, solved{Team: "owls"})
	var list []stats.Retrying
	await(t, "all to fail", func() bool { answerTo(t, conn, "mesh.ops.retrying", &list); return len(list) == 3 })
	var got []string
	for _, r := range list {
		if r.Event.IsZero() || r.Root != r.Event {
			t.Errorf("%+v", r)
		}
		if in := time.Until(r.NextAt); r.Try < 1 || in > time.Minute || in < -time.Minute {
			t.Errorf("%+v", r)
		}
		got = append(got, fmt.Sprintf("%s %q %s of %d: %s", r.Type, r.Key, r.Handler, r.Of, r.Error))
	}
	slices.Sort(got)
	want := []string{
		`clue.clue.solved "owls" count of 9: no such team`,
		`score.step.keyed "otters" rest of 1000: the database is down`,
		`score.step.keyless "" alone of 1000: the database is down`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s", strings.Join(got, "\n"))
	}
	data, problem := send(t, conn, &nats.Msg{Subject: "mesh.ops.retrying", Data: []byte("2")})
	if err := json.Unmarshal(data, &list); err != nil || len(list) != 1 {
		t.Errorf("%v, %s, %+v", err, problem, list)
	}
	up.Store(true)
}
