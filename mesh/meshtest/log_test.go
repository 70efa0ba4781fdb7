package meshtest_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"leafmesh/mesh"
	"leafmesh/mesh/meshtest"
)

// A test that fails shows why a handler did: with its error, or with where it panicked.
func TestTheTestHasTheNodesWarnings(t *testing.T) {
	once := mesh.Retry{Tries: 1}
	for _, c := range []struct {
		name string
		judge,
		want string
	}{
		{"error", "no judge", `error="no judge"`},
		{"panic", "", "\n\tgoroutine "},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &fakeT{TB: t}
			failures := f.run(func(t testing.TB) {
				m := meshtest.Open(t, mesh.Config{Name: "clue-1", Handlers: []mesh.Handler{
					guessed.Handle("judge", func(context.Context, guess) error {
						if c.judge == "" {
							panic("no judge")
						}
						return errors.New(c.judge)
					}, once)}})
				emit(t, m, "clue-1", guessed, guess{"otters", "stork"})
				m.Settle(t)
			})
			log := f.output.String()
			for _, part := range []string{"level=WARN", `msg="event given up"`, "node=clue-1", "handler=judge", "no judge", c.want} {
				if !strings.Contains(log, part) {
					t.Errorf("the log does not say %q:\n%s", part, log)
				}
			}
			if c.judge == "" && !strings.Contains(log, "\n\tleafmesh/mesh/meshtest_test.TestTheTestHasTheNodesWarnings") {
				t.Errorf("the log does not say where it panicked:\n%s", log)
			}
			if strings.Contains(log, "level=INFO") || len(failures) > 0 {
				t.Errorf("%q, and the log says more than what is wrong:\n%s", failures, log)
			}
		})
	}
}

func TestANodeKeepsItsLogger(t *testing.T) {
	var own bytes.Buffer
	f := &fakeT{TB: t}
	f.run(func(t testing.TB) {
		m := meshtest.Open(t, mesh.Config{Name: "clue-1", Logger: slog.New(slog.NewTextHandler(&own, nil)), Handlers: []mesh.Handler{
			guessed.Handle("judge", func(context.Context, guess) error { return errors.New("no judge") }, mesh.Retry{Tries: 1})}})
		emit(t, m, "clue-1", guessed, guess{"otters", "stork"})
		m.Settle(t)
	})
	if !strings.Contains(own.String(), "no judge") || f.output.Len() > 0 {
		t.Errorf("its own logger has %q, the test %q", own.String(), f.output.String())
	}
}
