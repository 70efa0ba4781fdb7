package mesh_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"leafmesh/mesh"
	"leafmesh/mesh/config"
	"leafmesh/mesh/operator"
)

// idText is the identity of a rule in JSON.
func idText(t *testing.T, r mesh.Rule) string {
	t.Helper()
	data, err := json.Marshal(r.WithDefaults().Identity())
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// ruleTexts are the rules of a node, shortly.
func ruleTexts(n *mesh.Node) string {
	var all []string
	for _, r := range n.Rules() {
		all = append(all, fmt.Sprintf("%s %v×%d%s %s", r.Name, r.Limit.Rate, r.Limit.Burst, map[bool]string{true: fmt.Sprint("at once ", r.Concurrency)}[r.Concurrency > 0], r.Limit.Policy))
	}
	return strings.Join(all, "; ")
}

// One rule is changed, made or removed at the tap, with all others left as they are, and the answer
// tells what it was and what it is. What would make it a wrong rule is refused, with its field.
func TestOneLimitChangesAtTheTap(t *testing.T) {
	var log logged
	taken := mesh.Rule{Name: "taken", Event: "core.step.taken", Limit: mesh.Limit{Rate: 100, Burst: 9}}
	calls := mesh.Rule{Name: "calls", Event: "core.step.taken", Place: mesh.AtHandler, Handler: "one", Concurrency: 2}
	nodes, conn := tapped(t, mesh.Config{Name: "core-1", Logger: slog.New(slog.NewTextHandler(&log, nil)), Handlers: []mesh.Handler{stepTaken.Handle("one", nothing)},
		Limits: []mesh.Rule{taken, calls}})
	first, second := idText(t, taken), idText(t, calls)
	made := mesh.Rule{Event: "core.>", Limit: mesh.Limit{Rate: 5}}
	const before = "taken 100/s×9 refuse; calls unlimited×0at once 2 wait"
	for _, test := range []struct{ question, data, want, rules string }{
		{"limit.set", `{"id":` + first + `,"limit":{"rate":"50/s"},"dry_run":true}`, `"old":{"name":"taken","place":"emit","event":"core.step.taken","by":"type","keys":10000,"limit":{"rate":"100/s","burst":9,"policy":"refuse"}},"new":{"name":"taken","place":"emit","event":"core.step.taken","by":"type","keys":10000,"limit":{"rate":"50/s","burst":9,`, before},
		{"limit.set", `{"id":` + first + `,"limit":{"rate":"50/s"}}`, `"limit":{"rate":"50/s","burst":9,`, "taken 50/s×9 refuse; calls unlimited×0at once 2 wait"},
		{"limit.set", `{"id":` + first + `,"limit":{"burst":3,"policy":"coalesce"},"within":"2s"}`, `"within":"2s"`, "taken 50/s×3 coalesce; calls unlimited×0at once 2 wait"},
		{"limit.set", `{"id":` + first + `,"limit":{"policy":"refuse"}}`, `"old":`, "taken 50/s×3 refuse; calls unlimited×0at once 2 wait"},
		{"limit.set", `{"id":` + second + `,"concurrency":5}`, `"concurrency":5`, "taken 50/s×3 refuse; calls unlimited×0at once 5 wait"},
		{"limit.set", `{"id":` + first + `,"limit":{"burst":-1}}`, `400 mesh: rule for core.step.taken at emit of node core-1: limit.burst: a burst of -1 is negative`, ""},
		{"limit.set", `{"id":` + first + `,"limit":{"policy":"guess"},"dry_run":true}`, `400 mesh: rule for core.step.taken at emit of node core-1: limit.policy: unknown policy "guess"`, ""},
		{"limit.set", `{"id":` + first + `,"limit":{"rate":"unlimited"}}`, `400 mesh: rule for core.step.taken at emit of node core-1: limit.rate: `, ""},
		{"limit.set", `{"id":` + first + `,"limit":{"rate":"many"}}`, `400 limit.set takes {"id": that of a rule, `, ""},
		{"limit.set", `{"id":` + first + `,"concurrency":2}`, `400 mesh: rule for core.step.taken at emit of node core-1: concurrency: a rule stays one of a rate`, ""},
		{"limit.set", `{"id":` + second + `,"concurrency":0,"limit":{"rate":"5/s"}}`, `400 mesh: rule for core.step.taken at handler one of node core-1: concurrency: a rule stays one of a rate`, ""},
		{"limit.set", `{"id":` + second + `,"concurrency":5000}`, `400 mesh: rule for core.step.taken at handler one of node core-1: concurrency: `, ""},
		{"limit.set", `{"id":` + first + `,"rate":"5/s"}`, `400 limit.set takes`, ""},
		{"limit.set", `{"id":` + first + `}`, `400 limit.set takes`, ""},
		{"limit.set", `{"limit":{"rate":"5/s"}}`, `400 limit.set takes`, ""},
		{"limit.set", `{"id":` + first + `,"limit":{"rate":"5/s"},"for":"1ms"}`, `400 for is how long the change lasts`, ""},
		{"limit.set", `{"id":` + idText(t, made) + `,"limit":{"rate":"5/s"}}`, `404 mesh: not on this node: node core-1 has no such rule`, ""},
		{"limit.set", ``, `400 limit.set takes`, ""},
		{"limit.new", `{"rule":{"event":"core.>","limit":{"rate":"5/s"}},"dry_run":true}`, `{"new":{"name":"emit-limit"`, "taken 50/s×3 refuse; calls unlimited×0at once 5 wait"},
		{"limit.new", `{"rule":{"event":"core.>","limit":{"rate":"5/s"}}}`, `{"new":{"name":"emit-limit"`, "taken 50/s×3 refuse; calls unlimited×0at once 5 wait; emit-limit 5/s×1 refuse"},
		{"limit.new", `{"rule":{"event":"core.>","place":"emit","limit":{"rate":"7/s"}}}`, `400 mesh: rule for core.> at emit of node core-1: event: there is such a rule for "core.>" already`, ""},
		{"limit.new", `{"rule":{"event":"core.step.none","limit":{"rate":"7/s"}}}`, `400 mesh: rule for core.step.none at emit of node core-1: event: `, ""},
		{"limit.new", `{"rule":{"event":"core.step.taken","by":"key"}}`, `400 mesh: rule for core.step.taken at emit of node core-1: limit: the limit limits nothing`, ""},
		{"limit.new", `{"for":"10m"}`, `400 limit.new takes`, ""},
		{"limit.unset", `{"id":` + idText(t, made) + `,"dry_run":true}`, `{"old":{"name":"emit-limit"`, "taken 50/s×3 refuse; calls unlimited×0at once 5 wait; emit-limit 5/s×1 refuse"},
		{"limit.unset", `{"id":` + idText(t, made) + `}`, `{"old":{"name":"emit-limit"`, "taken 50/s×3 refuse; calls unlimited×0at once 5 wait"},
		{"limit.unset", `{"id":` + idText(t, made) + `}`, `404 mesh: not on this node: node core-1 has no such rule`, ""},
		{"limit.unset", `{}`, `400 limit.unset takes`, ""},
	} {
		was := ruleTexts(nodes[0])
		data, problem := send(t, conn, &nats.Msg{Subject: "mesh.ops." + test.question, Data: []byte(test.data)})
		switch {
		case test.rules == "" && !strings.HasPrefix(problem, test.want), test.rules != "" && (problem != "" || !strings.Contains(string(data), test.want)):
			t.Errorf("%s %s: %s %q, want %s", test.question, test.data, data, problem, test.want)
		case test.rules == "":
			test.rules = was
		}
		if got := ruleTexts(nodes[0]); got != test.rules {
			t.Errorf("%s %s: the rules are %s, want %s", test.question, test.data, got, test.rules)
		}
	}
	if text := log.String(); strings.Count(text, "an operator changed the node") != 6 || !strings.Contains(text, "operator=tap question=limit.set") {
		t.Errorf("%s", text)
	}
}

// Two operators who change two rules at once, or two numbers of one, both get what they want.
func TestTwoOperatorsChangeLimitsAtOnce(t *testing.T) {
	rules := []mesh.Rule{{Name: "a", Event: "core.step.taken", Limit: mesh.Limit{Rate: 100, Burst: 1}}, {Name: "b", Event: "core.step.repeated", Limit: mesh.Limit{Rate: 100, Burst: 1}}}
	n := openCore(t, mesh.Config{Limits: rules})
	const rounds = 200
	var all sync.WaitGroup
	for _, change := range []func(i int) config.LimitChange{
		func(i int) config.LimitChange {
			return config.LimitChange{ID: rules[0].WithDefaults().Identity(), Limit: config.LimitNumbers{Rate: new(mesh.Rate(i))}}
		},
		func(i int) config.LimitChange {
			return config.LimitChange{ID: rules[0].WithDefaults().Identity(), Limit: config.LimitNumbers{Burst: new(i)}}
		},
		func(i int) config.LimitChange {
			return config.LimitChange{ID: rules[1].WithDefaults().Identity(), Limit: config.LimitNumbers{Rate: new(mesh.Rate(i))}}
		},
	} {
		all.Go(func() {
			for i := range rounds {
				if err := n.SetLimit(change(i + 1)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if got := ruleTexts(n); got != "a 200/s×200 refuse; b 200/s×1 refuse" {
		t.Errorf("the rules are %s", got)
	}
}

// A reload that has replaced a rule is not undone by a change of it: a rule that is another one now
// is not found, and the end of a change for a time does not bring back what the file has no longer.
func TestALimitThatAReloadHasReplaced(t *testing.T) {
	byType := mesh.Rule{Name: "a", Event: "core.step.taken", Limit: mesh.Limit{Rate: 100, Burst: 1}}
	other := mesh.Rule{Name: "b", Event: "core.step.repeated", Limit: mesh.Limit{Rate: 100, Burst: 1}}
	file := mesh.Config{Name: "core-1", Tap: loopbackTap(t), Limits: []mesh.Rule{byType, other}}
	n := openAll(t, file)[0]
	conn := tapClient(t, n)
	reload := func(rules ...mesh.Rule) {
		t.Helper()
		next := file
		next.Limits = rules
		if _, err := n.Reload(t.Context(), next); err != nil {
			t.Fatal(err)
		}
	}
	id := byType.WithDefaults().Identity()
	if problem := change(t, conn, "limit.set", `{"id":`+idText(t, byType)+`,"limit":{"burst":5},"for":"1s"}`); problem != "" {
		t.Fatal(problem)
	}
	if problem := change(t, conn, "limit.set", `{"id":`+idText(t, other)+`,"limit":{"burst":5},"for":"1h"}`); problem != "" {
		t.Fatal(problem)
	}
	byType.Limit.Rate = 70
	reload(byType, other)
	if got := ruleTexts(n); got != "a 70/s×1 refuse; b 100/s×1 refuse" || len(n.Stats().Changes) != 0 {
		t.Errorf("after the reload: %s, %+v", got, n.Stats().Changes)
	}
	if err := n.SetLimit(config.LimitChange{ID: id, Limit: config.LimitNumbers{Burst: new(4)}}); err != nil || ruleTexts(n) != "a 70/s×4 refuse; b 100/s×1 refuse" {
		t.Errorf("the same rule with another number: %v, %s", err, ruleTexts(n))
	}
	byType.By = mesh.ByKey
	reload(byType, other)
	err := n.SetLimit(config.LimitChange{ID: id, Limit: config.LimitNumbers{Burst: new(9)}})
	if !errors.Is(err, mesh.ErrNotHere) || ruleTexts(n) != "a 70/s×1 refuse; b 100/s×1 refuse" {
		t.Errorf("a rule that is another one now: %v, %s", err, ruleTexts(n))
	}
	// A change that would have ended before is over by now.
	if problem := change(t, conn, "limit.set", `{"id":`+idText(t, other)+`,"limit":{"burst":6},"for":"1s"}`); problem != "" {
		t.Fatal(problem)
	}
	await(t, "the end of the change", func() bool { return len(n.Stats().Changes) == 0 })
	if got := ruleTexts(n); got != "a 70/s×1 refuse; b 100/s×1 refuse" {
		t.Errorf("at the end: %s", got)
	}
}

// Of two rules that are changed for a time each comes back by itself, and one that is changed for
// good meanwhile stays.
func TestLimitsThatEnd(t *testing.T) {
	var log logged
	a := mesh.Rule{Name: "a", Event: "core.step.taken", Limit: mesh.Limit{Rate: 100, Burst: 1}}
	b := mesh.Rule{Name: "b", Event: "core.step.repeated", Limit: mesh.Limit{Rate: 100, Burst: 1}}
	c := mesh.Rule{Name: "c", Event: "core.>", Limit: mesh.Limit{Rate: 100, Burst: 1}}
	nodes, conn := tapped(t, mesh.Config{Name: "core-1", Logger: slog.New(slog.NewTextHandler(&log, nil)), Limits: []mesh.Rule{a, b, c}})
	n := nodes[0]
	ask := func(question, data string) {
		t.Helper()
		if problem := change(t, conn, question, data); problem != "" {
			t.Fatalf("%s %s: %s", question, data, problem)
		}
	}
	ask("limit.set", `{"id":`+idText(t, a)+`,"limit":{"burst":5},"for":"1h"}`) // 1s may be over before anybody has looked
	ask("limit.set", `{"id":`+idText(t, b)+`,"limit":{"burst":6},"for":"1h"}`)
	ask("limit.unset", `{"id":`+idText(t, c)+`,"for":"1h"}`)
	ask("limit.set", idChange(t, a, 2))
	var changes []string
	for _, change := range n.Stats().Changes { // that of the rate takes nothing from that of the burst
		changes = append(changes, strings.TrimSpace(strings.Join([]string{change.What, change.Type, change.Place, change.By}, " ")))
	}
	if want := []string{"limit core.step.taken emit tap", "limit core.step.repeated emit tap", "limit core.> emit tap"}; !slices.Equal(changes, want) {
		t.Errorf("%v, want %v", changes, want)
	}
	if got := ruleTexts(n); got != "a 2/s×5 refuse; b 100/s×6 refuse" {
		t.Errorf("%s", got)
	}
	ask("limit.set", `{"id":`+idText(t, a)+`,"limit":{"burst":5},"for":"1s"}`)
	await(t, "the end of that of a", func() bool { return len(n.Stats().Changes) == 2 })
	if got := ruleTexts(n); got != "a 2/s×1 refuse; b 100/s×6 refuse" {
		t.Errorf("%s", got)
	}
	ask("limit.set", `{"id":`+idText(t, b)+`,"limit":{"rate":"3/s"},"for":"1s"}`)
	await(t, "the end of it", func() bool { return len(n.Stats().Changes) == 1 })
	if got := ruleTexts(n); got != "a 2/s×1 refuse; b 100/s×1 refuse" {
		t.Errorf("%s", got)
	}
	if problem := change(t, conn, "limit.set", idChange(t, c, 2)); !strings.HasPrefix(problem, "404") {
		t.Errorf("a rule that is left out for a time: %q", problem)
	}
	ask("limit.new", `{"rule":{"event":"core.>","limit":{"rate":"9/s"}},"for":"1s"}`)
	await(t, "the end of that", func() bool { return len(n.Stats().Changes) == 0 })
	if got := ruleTexts(n); got != "a 2/s×1 refuse; b 100/s×1 refuse; c 100/s×1 refuse" {
		t.Errorf("%s", got)
	}
	ask("limit.set", `{"id":`+idText(t, b)+`,"limit":{"burst":6},"for":"1h"}`)
	ask("rules.set", `[]`) // all are changed by it, for good
	if got := n.Stats().Changes; len(got) != 0 || len(n.Rules()) != 0 {
		t.Errorf("%+v, %s", got, ruleTexts(n))
	}
	await(t, "the log to say so of the three", func() bool {
		return strings.Count(log.String(), "a change has ended, and what was before is in force again") == 3
	})
	if text := log.String(); !strings.Contains(text, "what=limit type=core.step.repeated place=emit") {
		t.Errorf("%s", text)
	}
}

// A change for good takes from one for a time neither its end nor its numbers, and makes none of
// them hold for good.
func TestANumberForGoodBesideOthersForATime(t *testing.T) {
	a := mesh.Rule{Name: "a", Event: "core.step.taken", Limit: mesh.Limit{Rate: 100, Burst: 1}}
	for name, test := range map[string]struct {
		first, data, then, thenData, during, refused, after string
	}{
		"a number":       {"limit.set", `{"id":ID,"limit":{"rate":"1/h"},"for":"5s"}`, "limit.set", `{"id":ID,"limit":{"burst":5}}`, "a 1/h×5 refuse", "", "a 100/s×5 refuse"},
		"all rules":      {"rules.set", `{"rules":[{"name":"a","event":"core.step.taken","limit":{"rate":"1/h"}}],"for":"5s"}`, "limit.set", `{"id":ID,"limit":{"burst":5}}`, "a 1/h×5 refuse", "", "a 100/s×5 refuse"},
		"a rule":         {"limit.unset", `{"id":ID,"for":"5s"}`, "limit.new", `{"rule":{"name":"a","event":"core.step.taken","limit":{"rate":"3/s"}}}`, "a 3/s×1 refuse", "", "a 3/s×1 refuse"},
		"no rule":        {"limit.set", `{"id":ID,"limit":{"rate":"1/h"},"for":"5s"}`, "limit.unset", `{"id":ID}`, "", "", ""},
		"left out":       {"limit.unset", `{"id":ID,"for":"1h"}`, "limit.unset", `{"id":ID}`, "", "", ""},
		"left out again": {"limit.unset", `{"id":ID,"for":"1h"}`, "limit.unset", `{"id":ID,"for":"5s"}`, "", "", "a 100/s×1 refuse"},
		"wrong later":    {"limit.set", `{"id":ID,"limit":{"policy":"coalesce"},"for":"5s"}`, "limit.set", `{"id":ID,"within":"2s"}`, "a 100/s×1 coalesce", "400 when what holds for a time ends: mesh: rule for core.step.taken at emit of node core-1: within: ", "a 100/s×1 refuse"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // each mostly waits for what lasts longer than it takes to look
			nodes, conn := tapped(t, mesh.Config{Name: "core-1", Limits: []mesh.Rule{a}})
			ask := func(question, data string) string {
				return change(t, conn, question, strings.ReplaceAll(data, "ID", idText(t, a)))
			}
			if problem := ask(test.first, test.data); problem != "" {
				t.Fatal(problem)
			}
			if problem := ask(test.then, test.thenData); (problem == "") != (test.refused == "") || !strings.HasPrefix(problem, test.refused) {
				t.Errorf("%q, want %q", problem, test.refused)
			}
			if got := ruleTexts(nodes[0]); got != test.during {
				t.Errorf("meanwhile: %s, want %s", got, test.during)
			}
			await(t, "the end", func() bool { return len(nodes[0].Stats().Changes) == 0 })
			if got := ruleTexts(nodes[0]); got != test.after {
				t.Errorf("then: %s, want %s", got, test.after)
			}
		})
	}
}

// A change of nothing is none: it takes the end from no other change.
func TestAChangeOfNoNumberIsRefused(t *testing.T) {
	a := mesh.Rule{Name: "a", Event: "core.step.taken", Limit: mesh.Limit{Rate: 100, Burst: 1}}
	n := openCore(t, mesh.Config{Limits: []mesh.Rule{a}})
	err := n.SetLimit(config.LimitChange{ID: a.WithDefaults().Identity()})
	if fields := config.FieldErrors(err); len(fields) != 1 || fields[0].Field != "limit" {
		t.Errorf("%v", err)
	}
}

// idChange is the data of a change of the rate of a rule.
func idChange(t *testing.T, r mesh.Rule, rate int) string {
	t.Helper()
	return fmt.Sprintf(`{"id":%s,"limit":{"rate":"%d/s"}}`, idText(t, r), rate)
}

// An operator changes one limit of a node through others, where that node lets them, and who may
// only read is told what would change, and no more.
func TestAnOperatorChangesALimitElsewhere(t *testing.T) {
	ada := newSigner(t, "ada", config.MayRead)
	changes := ada.Operator
	changes.May = config.MayChange
	rule := mesh.Rule{Name: "calm", Event: ">", Place: mesh.AtHandler, Limit: mesh.Limit{Rate: 100, Burst: 1}}
	nodes, conn := chained(t, []mesh.Operator{ada.Operator}, func(_ int, c *mesh.Config) {
		c.Limits = []mesh.Rule{rule}
		if c.Name == "print-1" {
			c.Operators = []mesh.Operator{changes}
		}
	})
	for _, test := range []struct {
		node, data, want, says string
	}{
		{"print-1", `{"id":` + idText(t, rule) + `,"limit":{"rate":"5/s"},"for":"1h"}`, "calm 5/s×1 refuse", `"old":{"name":"calm"`},
		{"hunt-1", `{"id":` + idText(t, rule) + `,"limit":{"rate":"5/s"}}`, "calm 100/s×1 refuse", "operator ada may not change anything on node hunt-1"},
		{"hunt-1", `{"id":` + idText(t, rule) + `,"limit":{"rate":"5/s"},"dry_run":true}`, "calm 100/s×1 refuse", `"old":{"name":"calm"`},
		{"hunt-1", `{"id":` + idText(t, rule) + `,"limit":{"rate":"5/s"},"dry_run":true,"dry_run":false}`, "calm 100/s×1 refuse", "operator ada may not change anything on node hunt-1"},
	} {
		data, problem := send(t, conn, ada.signed(operator.AtPrefix+test.node+".limit.set", test.data))
		var all operator.Answers
		if problem != "" || json.Unmarshal(data, &all) != nil || len(all.Answers) != 1 || !strings.Contains(string(all.Answers[0].Answer)+all.Answers[0].Error, test.says) {
			t.Errorf("%s %s: %s %s", test.node, test.data, data, problem)
		}
		if got := ruleTexts(nodes.Node(test.node)); got != test.want {
			t.Errorf("%s %s: %s, want %s", test.node, test.data, got, test.want)
		}
	}
	of := nodes.Node("print-1").Stats().Changes
	if len(of) != 1 || of[0].By != "ada" || time.Until(of[0].Until) < 30*time.Minute {
		t.Errorf("%+v", of)
	}
}
