package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"leafmesh/cmd/meshctl/internal/faketap"
	"leafmesh/mesh"
	"leafmesh/mesh/config"
	"leafmesh/mesh/inproc"
)

// ruled is a node with rules, which changes them as a node of the example does. changes has what
// came.
func ruled(t *testing.T, name string, changes *[]string, rules ...config.Rule) (server string) {
	t.Helper()
	return faketap.Open(t, name, func(m *nats.Msg) *nats.Msg {
		question := strings.TrimPrefix(m.Subject, "mesh.ops.")
		if !strings.HasPrefix(question, "limit.") {
			return answerAt(map[string]string{"rules": encoded(t, append([]config.Rule{}, rules...))})(m)
		}
		var to struct {
			config.LimitChange
			lasts
			Rule *config.Rule `json:"rule"`
		}
		if err := json.Unmarshal(m.Data, &to); err != nil {
			return faketap.Fail(400, err.Error())
		}
		var was *config.Rule
		becomes := to.Rule
		at := slices.IndexFunc(rules, func(r config.Rule) bool { return r.Identity() == to.ID })
		if becomes == nil && at < 0 {
			return faketap.Fail(404, "no such rule")
		}
		next := slices.Clone(rules)
		if at >= 0 {
			was = &rules[at]
			next = slices.Delete(next, at, at+1)
		}
		if question == "limit.set" {
			becomes = new(to.Apply(*was))
		}
		if becomes != nil && becomes.Limit.Burst < 0 {
			return faketap.Fail(400, "limit.burst: a burst of -1 is negative")
		}
		if becomes != nil {
			next = slices.Insert(next, max(at, 0), *becomes)
		}
		answer := &nats.Msg{Data: []byte(encoded(t, config.LimitChanged{Old: was, New: becomes}))}
		if !to.DryRun {
			rules = next
		}
		*changes = append(*changes, strings.TrimSpace(fmt.Sprint(name, " ", question, " ", to.For, map[bool]string{true: "dry"}[to.DryRun])))
		return answer
	})
}

// Rules are changed on all nodes that have them, and what is not said stays.
func TestLimits(t *testing.T) {
	var changes []string
	few := config.Rule{Event: "clue.answer.submitted", By: config.ByKey, Limit: config.Limit{Rate: config.Per(20, 60e9), Burst: 3}}.WithDefaults()
	wide := config.Rule{Event: "clue.>", Limit: config.Limit{Rate: 100}}.WithDefaults()
	calls := config.Rule{Event: "clue.clue.solved", Place: config.AtHandler, Handler: "award", Concurrency: 4}.WithDefaults()
	clue := ruled(t, "clue-1", &changes, few, wide)
	score := ruled(t, "score-1", &changes, few, calls)
	bare := ruled(t, "bare-1", &changes)
	for _, step := range []struct {
		args           string
		code           int
		stdout, stderr string
		asked          string
	}{
		{"get clue.answer.submitted", 0, "NODE     EVENT                  PLACE  BY    LIMIT                    NAME\n" +
			"clue-1   clue.answer.submitted  emit   key   20/min, burst 3, refuse  emit-limit\n" +
			"clue-1   clue.>                 emit   type  100/s, burst 10, refuse  emit-limit\n" +
			"score-1  clue.answer.submitted  emit   key   20/min, burst 3, refuse  emit-limit\n", "", ""},
		{"--place handler", 0, "score-1  clue.clue.solved  handler award  type  4 at once, wait  handler-concurrency\n", "", ""},
		{"get -o yaml --node score-1 --by key", 0, "- node: score-1\n  rule:\n    name: emit-limit\n    place: emit\n    event: clue.answer.submitted\n    by: key\n    keys: 10000\n    limit:\n      rate: \"20/min\"\n", "", ""},
		{"get hunt.>", 0, "No rules.\n", "", ""},
		{"set clue.answer.submitted --rate 1/s --dry-run", 0, "clue-1: clue.answer.submitted at emit: 20/min, burst 3, refuse → 1/s, burst 3, refuse\nscore-1: ", "", "clue-1 limit.set dry, score-1 limit.set dry"},
		{"set clue.answer.submitted --rate 1/s --for 10m", 0, "clue-1: clue.answer.submitted at emit: 20/min, burst 3, refuse → 1/s, burst 3, refuse for 10m0s\nscore-1: ", "", "clue-1 limit.set 10m0s, score-1 limit.set 10m0s"},
		{"set clue.answer.submitted --policy shed --burst 9 --node score-1", 0, "score-1: clue.answer.submitted at emit: 1/s, burst 3, refuse → 1/s, burst 9, shed\n", "", "score-1 limit.set"},
		{"set clue.answer.submitted --burst=-1 --node score-1", 1, "", "meshctl: score-1: limit.burst: a burst of -1 is negative\n", ""},
		{"set clue.clue.solved --concurrency 8", 0, "score-1: clue.clue.solved at handler award: 4 at once, wait → 8 at once, wait\n", "", "score-1 limit.set"},
		{"set clue.answer.submitted", 1, "", "meshctl: what is to be changed? Give --rate", ""},
		{"set clue.answer.nothing --rate 1/s", 1, "", "meshctl: no node has such a rule: meshctl limits get lists all; --new --node NODE makes it on that node\n", ""},
		{"get --node clue-9", 1, "", "meshctl: clue-9: no node of this name was asked: meshctl nodes lists those that are\n", ""},
		{"set clue.answer.submitted --rate 1/s --node clue-9", 1, "", "meshctl: clue-9: no node of this name was asked: meshctl nodes lists those that are\n", ""},
		{"set clue.answer.submitted --rate 1/s --for=-1s", 2, "", "meshctl: --for: \"-1s\" is no duration above 0", ""},
		{"set clue.answer.nothing --rate 1/s --new", 1, "", "meshctl: on which node is the rule to be made? Name it with --node\n", ""},
		{"set clue.answer.new --rate 30/s --new --node bare-1 --place import", 0, "bare-1: clue.answer.new at import: 30/s, burst 3, refuse, new\n", "", "bare-1 limit.new"},
		{"set clue.answer.new --rate 3 --new --node bare-1", 2, "", `meshctl: --rate: rate "3" is not a positive number with a unit`, ""},
		{"unset clue.answer.submitted --place export", 1, "", "meshctl: no node has such a rule: meshctl limits get lists all\n", ""},
		{"unset clue.answer.submitted --node clue-1", 0, "clue-1: clue.answer.submitted at emit: 1/s, burst 3, refuse, removed\n", "", "clue-1 limit.unset"},
		{"unset clue.answer.new", 0, "bare-1: clue.answer.new at import: 30/s, burst 3, refuse, removed\n", "", "bare-1 limit.unset"},
		{"get --node bare-1", 0, "No rules.\n", "", ""},
		{"get clue.answer.submitted", 0, "score-1  clue.answer.submitted  emit   key   1/s, burst 9, shed ", "", ""},
	} {
		changes = nil
		stdout, stderr, code := meshctl(append([]string{"limits"}, append(strings.Fields(step.args), "-s", clue, "-s", score, "-s", bare)...)...)
		if code != step.code || !strings.Contains(stdout, step.stdout) || (step.stdout == "") != (stdout == "") || !strings.HasPrefix(stderr, step.stderr) || (stderr == "") != (step.stderr == "") || strings.Join(changes, ", ") != step.asked {
			t.Errorf("%s: exit %d, asked %v, stdout\n%s\nstderr %q", step.args, code, changes, stdout, stderr)
		}
	}
}

// The rules of a real node are listed as its file would have them.
func TestLimitsOfANode(t *testing.T) {
	tap := mesh.Tap{Listen: "127.0.0.1:0", User: "operator", Password: mesh.NewSecret("HT4KCKDU6GDQSHZO5XR6QWKTYA")}
	nodes, err := inproc.Open(t.Context(), mesh.Config{Name: "clue-1", Tap: &tap, Limits: []mesh.Rule{{Event: given.Subject(), Limit: mesh.Limit{Rate: 200, Policy: mesh.Wait}}}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := nodes.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	server := "nats://operator:HT4KCKDU6GDQSHZO5XR6QWKTYA@" + nodes[0].TapAddr()
	if stdout, stderr, code := meshctl("limits", "-s", server); code != 0 || !strings.Contains(stdout, "clue-1  clue.answer.given  emit   type  200/s, burst 20, wait  emit-limit\n") {
		t.Errorf("exit %d, %q\n%s", code, stderr, stdout)
	}
	before := "200/s, burst 20, wait"
	for _, step := range []struct{ args, after string }{ // each policy has settings of its own
		{"--policy refuse --rate 3/s --burst 3", "3/s, burst 3, refuse"},
		{"--policy coalesce --within 200ms", "3/s, burst 3, coalesce, within 200ms"},
		{"--policy shed", "3/s, burst 3, shed"},
		{"--policy wait --waiting 10", "3/s, burst 3, wait, 10 may wait"},
	} {
		stdout, stderr, code := meshctl(append([]string{"limits", "set", given.Subject(), "-s", server}, strings.Fields(step.args)...)...)
		if want := "clue-1: clue.answer.given at emit: " + before + " → " + step.after + "\n"; code != 0 || stdout != want {
			t.Errorf("%s: exit %d, %q\n%s", step.args, code, stderr, stdout)
		}
		before = step.after
	}
}

// A change for a time is undone by itself, on each node that has the rule.
func TestLimitsUndoThemselves(t *testing.T) {
	limited := func(name string) mesh.Config {
		return mesh.Config{Name: name, Tap: &mesh.Tap{Listen: "127.0.0.1:0", User: "operator", Password: mesh.NewSecret("HT4KCKDU6GDQSHZO5XR6QWKTYA")},
			Limits: []mesh.Rule{{Event: given.Subject(), Limit: mesh.Limit{Rate: 200, Policy: mesh.Wait}}}}
	}
	nodes, err := inproc.Open(t.Context(), limited("clue-1"), limited("clue-2"), mesh.Config{Name: "score-1", Tap: limited("").Tap})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := nodes.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	var at []string
	for _, n := range nodes {
		at = append(at, "-s", "nats://operator:HT4KCKDU6GDQSHZO5XR6QWKTYA@"+n.TapAddr())
	}
	stdout, stderr, code := meshctl(append([]string{"limits", "set", given.Subject(), "--rate", "3/s", "--for", "1s"}, at...)...)
	want := "clue-1: clue.answer.given at emit: 200/s, burst 20, wait → 3/s, burst 20, wait for 1s\nclue-2: clue.answer.given at emit: 200/s, burst 20, wait → 3/s, burst 20, wait for 1s\n"
	if code != 0 || stdout != want {
		t.Fatalf("exit %d, %q\n%s", code, stderr, stdout)
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		stdout, stderr, code = meshctl(append([]string{"limits"}, at...)...)
		if strings.Count(stdout, "  200/s, burst 20, wait  ") == 2 {
			return
		}
		if code != 0 || time.Now().After(deadline) {
			t.Fatalf("it is not undone: exit %d, %q\n%s", code, stderr, stdout)
		}
	}
}

// Where no nodes are named those are asked that have the place; others are no failure.
func TestCut(t *testing.T) {
	var got []string
	score := faketap.Open(t, "score-1", func(m *nats.Msg) *nats.Msg {
		got = append(got, strings.TrimPrefix(m.Subject, "mesh.ops.")+" "+string(m.Data))
		if strings.Contains(string(m.Data), "none") {
			return faketap.Fail(404, "not on this node: no handler none")
		}
		return &nats.Msg{Data: []byte("{}")}
	})
	clue := faketap.Open(t, "clue-1", answerAt(map[string]string{"cut": "404 not on this node", "restore": "403 operator bob may read"}))
	for _, step := range []struct {
		args           string
		code           int
		stdout, stderr string
		asked          string
	}{
		{"cut clue.clue.solved --handler award --for 10m", 0, "score-1: handler award of clue.clue.solved is cut for 10m0s.\n", "", `cut {"for":"10m0s","handler":"award","type":"clue.clue.solved"}`},
		{"cut clue.clue.solved --export", 0, "score-1: the export of clue.clue.solved is cut.\n", "", `cut {"place":"export","type":"clue.clue.solved"}`},
		{"cut clue.clue.solved --handler none", 1, "", "meshctl: no node has handler none of clue.clue.solved: score-1: not on this node: no handler none\n", `cut {"handler":"none","type":"clue.clue.solved"}`},
		{"cut clue.clue.solved --handler award --node clue-1", 1, "", "meshctl: clue-1: not on this node\n", ""},
		{"cut clue.clue.solved --handler award --node hunt-1", 1, "", "meshctl: hunt-1: this is asked at the node's own tap", ""},
		{"restore clue.clue.solved --handler award", 1, "score-1: handler award of clue.clue.solved is restored.\n", "meshctl: clue-1: operator bob may read\n", `restore {"handler":"award","type":"clue.clue.solved"}`},
		{"restore clue.clue.solved", 1, "", "meshctl: what is meant? Give --handler with its name, or --export\n", ""},
		{"cut clue.clue.solved --handler award --export", 2, "", "meshctl: --handler and --export can't be used together", ""},
	} {
		got = nil
		stdout, stderr, code := meshctl(append(strings.Fields(step.args), "-s", clue, "-s", score)...)
		if code != step.code || stdout != step.stdout || !strings.HasPrefix(stderr, step.stderr) || (stderr == "") != (step.stderr == "") || strings.Join(got, "; ") != step.asked {
			t.Errorf("%s: exit %d, %q, %q, asked %v", step.args, code, stdout, stderr, got)
		}
	}
}

// At a node's own tap, too, what the file lets the operator do counts, and not what the tap's
// password lets anybody do.
func TestAnOperatorAtTheNodesTap(t *testing.T) {
	ada, ben := seedFile(t), seedFile(t)
	tap := mesh.Tap{Listen: "127.0.0.1:0", User: "operator", Password: mesh.NewSecret("HT4KCKDU6GDQSHZO5XR6QWKTYA")}
	nodes, err := inproc.Open(t.Context(), mesh.Config{Name: "clue-1", Tap: &tap, Limits: []mesh.Rule{{Event: given.Subject(), Limit: mesh.Limit{Rate: 200}}},
		Operators: []mesh.Operator{{Name: "ada", Key: publicOf(t, ada), May: config.MayRead}, {Name: "ben", Key: publicOf(t, ben), May: config.MayChange}}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := nodes.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	server := "nats://operator:HT4KCKDU6GDQSHZO5XR6QWKTYA@" + nodes[0].TapAddr()
	for _, command := range []string{"limits set " + given.Subject() + " --rate 3/s", "limits unset " + given.Subject(), "reload clue-1"} {
		_, stderr, code := meshctl(append(strings.Fields(command), "-s", server, "--operator", ada)...)
		if want := "meshctl: clue-1: operator ada may not change anything on node clue-1: write may: change there\n"; code != 1 || stderr != want {
			t.Errorf("%s of ada: exit %d, %q", command, code, stderr)
		}
	}
	if stdout, stderr, code := meshctl("limits", "-s", server, "--operator", ada); code != 0 || !strings.Contains(stdout, "200/s") {
		t.Errorf("ada reads: exit %d, %q\n%s", code, stderr, stdout)
	}
	if stdout, stderr, code := meshctl("limits", "set", given.Subject(), "--rate", "3/s", "-s", server, "--operator", ben); code != 0 || !strings.Contains(stdout, "3/s") {
		t.Errorf("ben: exit %d, %q\n%s", code, stderr, stdout)
	}
}

// publicOf is the public key of a seed's file.
func publicOf(t *testing.T, file string) string {
	t.Helper()
	pair, err := nkeys.FromSeed([]byte(strings.TrimSpace(read(t, file))))
	if err != nil {
		t.Fatal(err)
	}
	key, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}
