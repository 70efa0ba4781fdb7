package meshtest_test

import (
	"context"
	"errors"
	"testing"

	"leafmesh/mesh"
	"leafmesh/mesh/meshtest"
	"leafmesh/mesh/stats"
)

func TestAssertNothingLeft(t *testing.T) {
	m := openHunt(t)
	emit(t, m, "clue-1", guessed, guess{"otters", "stork"})
	meshtest.AssertNothingLeft(t, m, "score-1")
	meshtest.AssertNothingLeft(t, m, "clue-1", guessed)
	for name, events := range map[string][]meshtest.EventType{"any": nil, "named": {guessed, solved}} {
		t.Run(name, func(t *testing.T) {
			wantFailure(t, func(t testing.TB) { meshtest.AssertNothingLeft(t, m, "clue-1", events...) },
				"events of clue-1 crossed a link", "clue-1 exported 1 clue.clue.solved", "score-1 got 1 clue.clue.solved")
		})
	}
}

func TestAnExportThatNobodyHearsDidNotLeave(t *testing.T) {
	m := meshtest.Open(t, clueNode(), mesh.Config{Name: "score-1"})
	emit(t, m, "clue-1", guessed, guess{"otters", "stork"})
	meshtest.AssertNothingLeft(t, m, "clue-1")
	if unheard := m.Node("clue-1").Stats().Total(stats.Unheard); unheard != 1 {
		t.Errorf("%d events unheard, want 1", unheard)
	}
}

// The assertion waits for what is about to leave.
func TestAssertNothingLeftSettlesFirst(t *testing.T) {
	for range 10 {
		wantFailure(t, func(t testing.TB) {
			m := openHunt(t)
			emit(t, m, "clue-1", guessed, guess{"otters", "stork"})
			meshtest.AssertNothingLeft(t, m, "clue-1")
		}, "clue-1 exported 1 clue.clue.solved")
	}
}

func TestAssertNoneLost(t *testing.T) {
	type counted struct {
		name   string
		config mesh.Config
		want   string
		also   string
	}
	failing := guessed.Handle("judge", func(context.Context, guess) error { return errors.New("no judge") }, mesh.Retry{Tries: 1})
	for _, c := range []counted{
		{"none", mesh.Config{}, "", ""},
		{"failed", mesh.Config{Handlers: []mesh.Handler{failing}}, "clue-1: 2 clue.answer.guessed failed at handler judge",
			"clue-1: 2 × clue.answer.guessed given up at handler judge: no judge"},
		{"refused", mesh.Config{Limits: []mesh.Rule{limited(mesh.Refuse)}}, "clue-1: 1 clue.answer.guessed refused at emit by emit-limit", ""},
		{"shed", mesh.Config{Limits: []mesh.Rule{limited(mesh.Shed)}}, "clue-1: 1 clue.answer.guessed shed at emit by emit-limit", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.config.Name = "clue-1"
			m := meshtest.Open(t, c.config)
			for range 2 {
				// A refusal is what one case is about.
				_ = guessed.Emit(m.Context("clue-1"), guess{"otters", "stork"})
			}
			if c.want == "" {
				meshtest.AssertNoneLost(t, m)
				return
			}
			wantFailure(t, func(t testing.TB) { meshtest.AssertNoneLost(t, m) }, c.want, c.also)
		})
	}
}

// limited lets one guess pass.
func limited(policy mesh.Policy) mesh.Rule {
	return mesh.Rule{Event: guessed.Subject(), Limit: mesh.Limit{Rate: mesh.Per(1, 1e12), Burst: 1, Policy: policy}}
}
