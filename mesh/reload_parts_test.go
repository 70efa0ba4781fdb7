package mesh

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nkeys"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/changes"
	"leafmesh/mesh/internal/leaf"
	"leafmesh/mesh/internal/undo"
	"leafmesh/mesh/operator"
)

// knows reports whether a node takes the questions of an operator.
func knows(t *testing.T, n *Node, seed string) bool {
	t.Helper()
	pair, err := nkeys.FromSeed([]byte(seed))
	if err != nil {
		t.Fatal(err)
	}
	q := operator.Question{Subject: operator.AllPrefix + "stats"}
	if q.Header, err = operator.Sign(pair, q.Subject, nil); err != nil {
		t.Fatal(err)
	}
	_, known := n.answers.Load().Admit("score-1", q)
	return known
}

// A reload of which the last part fails leaves everything as it was: rules, the end of a passing
// change, cascades, alarms, operators, the seed, peers, and the link.
func TestAReloadThatFailsIsUndone(t *testing.T) {
	clueSeed, clueKey := freshKeys(t)
	scoreSeed, scoreKey := freshKeys(t)
	nextSeed, _ := freshKeys(t)
	adaSeed, adaKey := freshKeys(t)
	bobSeed, bobKey := freshKeys(t)
	type thing struct{}
	event := NewEvent[thing]("clue.reload.tried")
	file := Config{Name: "clue-1", Listen: "127.0.0.1:0", Seed: NewSecret(clueSeed), Exports: []Export{event.Export(Limit{})},
		Peers: []Peer{{Name: "score-1", Key: scoreKey, MayImport: AllExports()}}, Limits: []Rule{{Event: event.Subject(), Limit: Limit{Rate: 1000}}},
		Operators: []Operator{{Name: "bob", Key: bobKey}}}
	exporter := openFor(t, file)
	importer := openFor(t, Config{Name: "score-1", Seed: NewSecret(scoreSeed), Imports: []Import{event.Import(Limit{}, Shared)},
		Peers: []Peer{{Name: "clue-1", URL: "nats-leaf://" + exporter.ListenAddr(), Key: clueKey}}})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := importer.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	number, _ := importer.peers.Lines()[0].Link()
	passing := []Rule{Rule{Event: event.Subject(), Limit: Limit{Rate: 5}}.WithDefaults()}
	if err := exporter.changes.SetRulesFor(passing, time.Hour, "ada"); err != nil {
		t.Fatal(err)
	}
	tighter := config.LimitChange{ID: passing[0].Identity(), Limit: config.LimitNumbers{Burst: new(9)}}
	if _, err := exporter.changes.SetLimitFor(tighter, changes.Passing{For: time.Hour, By: "bob"}); err != nil {
		t.Fatal(err)
	}
	type state struct {
		Rules   []Rule
		Changes any
		Peers   []Peer
		Seed    string
		Alarms  Alarms
		Bounds  any
		Links   any
		Knows   [2]bool // ada, and bob
	}
	now := func() state {
		remotes, importers := exporter.leaf.Peers()
		importers = slices.DeleteFunc(importers, func(i leaf.Importer) bool { return i.Shut }) // the account of a peer that was there stays
		return state{exporter.Rules(), exporter.changes.List(), exporter.Peers(), exporter.leaf.Seed(), exporter.alarms(),
			exporter.guard.Bounds(""), [2]any{remotes, importers}, [2]bool{knows(t, exporter, adaSeed), knows(t, exporter, bobSeed)}}
	}
	before := now()
	file.Seed, file.Limits, file.Alarms.Slow = NewSecret(nextSeed), []Rule{{Event: event.Subject(), Limit: Limit{Rate: 7}}}, time.Second
	file.Cascades, file.Operators = []Cascade{{Depth: 3}}, []Operator{{Name: "ada", Key: adaKey}}
	_, otherKey := freshKeys(t)
	file.Peers = append(slices.Clone(file.Peers), Peer{Name: "score-2", Key: otherKey, MayImport: AllExports()})
	exporter.configuring.Lock()
	plan, err := exporter.planLocked(file)
	if err != nil {
		t.Fatal(err)
	}
	parts := exporter.partsLocked(plan)
	var names []string
	for _, p := range parts {
		names = append(names, p.What)
	}
	if want := []string{"alarms", "cascades", "operators", "limits", "seed", "peers"}; !slices.Equal(names, want) {
		t.Errorf("parts %v, want %v", names, want)
	}
	full := errors.New("the disk is full")
	err = undo.All(append(parts, undo.Part{What: "what fails", Do: func() (func() error, error) { return nil, full }}))
	exporter.configuring.Unlock()
	if !errors.Is(err, full) || strings.Contains(err.Error(), "undo") {
		t.Errorf("error: %v", err)
	}
	after := now()
	if !reflect.DeepEqual(before, after) {
		t.Errorf("before\n%+v\nafter\n%+v", before, after)
	}
	if still, up := importer.peers.Lines()[0].Link(); !up || still != number {
		t.Errorf("link %d is %d now, up %v", number, still, up)
	}
	if changes, err := exporter.Reload(ctx, file); err != nil || len(changes) == 0 {
		t.Errorf("the same without the part that fails: %v, %v", changes, err)
	}
	if got := now(); reflect.DeepEqual(before, got) || got.Seed != nextSeed || len(got.Peers) != 2 || got.Knows != [2]bool{true, false} || got.Alarms.Slow != time.Second {
		t.Errorf("after the reload: %+v", got)
	}
	if still, up := importer.peers.Lines()[0].Link(); !up || still != number {
		t.Errorf("link %d is %d after the reload, up %v", number, still, up)
	}
	if _, err := exporter.Compare(config.Node{}); err == nil {
		t.Error("an empty file is taken")
	}
}

// A reload that is undone takes nothing from who has changed a rule since, and lists as passing
// only what does pass.
func TestAnUndoneReloadKeepsWhatChangedSince(t *testing.T) {
	type thing struct{}
	for _, subject := range []string{"undone.thing.a", "undone.thing.b", "undone.thing.c"} {
		NewEvent[thing](subject)
	}
	rule := func(name string, rate Rate) Rule {
		return Rule{Name: name, Event: "undone.thing." + name, Limit: Limit{Rate: rate, Burst: 1}}
	}
	n := openFor(t, Config{Name: "undone-1", Limits: []Rule{rule("a", 100), rule("b", 100), rule("c", 100)}})
	set := func(name string, burst int, d time.Duration) {
		t.Helper()
		change := config.LimitChange{ID: rule(name, 1).WithDefaults().Identity(), Limit: config.LimitNumbers{Burst: &burst}}
		if _, err := n.changes.SetLimitFor(change, changes.Passing{For: d, By: "ada"}); err != nil {
			t.Fatal(err)
		}
	}
	set("b", 3, time.Hour)
	set("c", 4, time.Hour)
	undo, err := n.changes.ReplaceRules([]Rule{rule("a", 7), rule("b", 7), rule("c", 7)})
	if err != nil {
		t.Fatal(err)
	}
	set("a", 5, time.Hour)
	set("b", 6, 0)
	if err := undo(); err != nil {
		t.Fatal(err)
	}
	var got, passing []string
	for _, r := range n.Rules() {
		got = append(got, fmt.Sprintf("%s %v×%d", r.Name, r.Limit.Rate, r.Limit.Burst))
	}
	for _, c := range n.changes.List() {
		passing = append(passing, c.Type)
	}
	slices.Sort(passing)
	if want := []string{"a 100/s×5", "b 7/s×6", "c 100/s×4"}; !slices.Equal(got, want) {
		t.Errorf("rules %v, want %v", got, want)
	}
	if want := []string{"undone.thing.a", "undone.thing.c"}; !slices.Equal(passing, want) {
		t.Errorf("passing %v, want %v", passing, want)
	}
}
