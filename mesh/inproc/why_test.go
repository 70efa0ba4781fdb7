package inproc_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/inproc"
)

// A handler fails on the second node: asked by its event, which the first node has never seen, the
// nodes tell all of the cascade together.
func TestWhyOverNodes(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	reported := mesh.NewEvent[Solve]("score.report.written")
	headers := make(chan mesh.Header, 1)
	nodes, err := inproc.Open(ctx,
		mesh.Config{Name: "clue-1", Exports: []mesh.Export{Solved.Export(mesh.Limit{})}},
		mesh.Config{Name: "score-1", Imports: []mesh.Import{Solved.Import(mesh.Limit{}, mesh.Shared)}, Handlers: []mesh.Handler{
			Solved.Handle("score", func(ctx context.Context, s Solve) error { return reported.Emit(mesh.NewRoot(ctx), s) }),
			reported.Handle("print", func(ctx context.Context, _ Solve) error {
				h, _ := mesh.HeaderOf(ctx)
				headers <- h
				return errors.New("no paper")
			}, mesh.Retry{Tries: 1})}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := nodes.Close(ctx); err != nil {
			t.Error(err)
		}
	}()
	if err := nodes.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	if err := Solved.Emit(nodes[0].Context(ctx), Solve{Team: "otters"}); err != nil {
		t.Fatal(err)
	}
	h := <-headers
	if err := nodes.Settle(ctx); err != nil {
		t.Fatal(err)
	}
	x, err := nodes.Why(ctx, h.ID)
	if err != nil {
		t.Fatal(err)
	}
	text := x.String()
	for _, part := range []string{"score.report.written, handler print on score-1: given up", ": no paper\n", "\nclue.clue.solved (key otters) from clue-1 at ",
		"export on clue-1: exported", "import on score-1: came", "handler score on score-1: handled", "\n└─ score.report.written from score-1 +", "the root of a cascade of its own  " + h.ID.String()} {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in\n%s", part, text)
		}
	}
	ended, end := context.WithCancel(ctx)
	end()
	if _, err := nodes.Why(ended, h.ID); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "score-1") {
		t.Errorf("with a context that has ended: %v", err)
	}
}
