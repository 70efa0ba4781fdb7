package inproc_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/inproc"
	"leafmesh/mesh/why"
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

// A root that an event of another cascade began spans nodes itself, and fails on the third one:
// asked by what failed, a node of both cascades tells of all, from the first cause on. One that
// took no part in the first is told that there is more, and how to ask.
func TestWhyOfANewRootThatSpansNodes(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	reported := mesh.NewEvent[Solve]("score.report.made")
	headers := make(chan mesh.Header, 1)
	nodes, err := inproc.Open(ctx,
		mesh.Config{Name: "clue-1", Exports: []mesh.Export{Solved.Export(mesh.Limit{})}},
		mesh.Config{Name: "score-1", Imports: []mesh.Import{Solved.Import(mesh.Limit{}, mesh.Shared)}, Exports: []mesh.Export{reported.Export(mesh.Limit{})},
			Handlers: []mesh.Handler{Solved.Handle("score", func(ctx context.Context, s Solve) error { return reported.Emit(mesh.NewRoot(ctx), s) })}},
		mesh.Config{Name: "print-1", Imports: []mesh.Import{reported.Import(mesh.Limit{}, mesh.Shared)},
			Handlers: []mesh.Handler{reported.Handle("print", func(ctx context.Context, _ Solve) error {
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
	all, err := nodes.Why(ctx, h.ID)
	if err != nil {
		t.Fatal(err)
	}
	second, err := nodes[1].Why(ctx, h.ID) // which took part in both cascades
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []why.Explanation{all, second} {
		rest := x.String()
		for _, part := range []string{"score.report.made, handler print on print-1: given up", ": no paper\n", "\nclue.clue.solved (key otters) from clue-1 at ",
			"handler score on score-1: handled", "\n└─ score.report.made from score-1 +", "the root of a cascade of its own  " + h.ID.String(),
			"export on score-1: exported", "import on print-1: came", "handler print on print-1: given up"} {
			_, after, found := strings.Cut(rest, part)
			if !found {
				t.Fatalf("no %q, in its place, in\n%s", part, x)
			}
			rest = after
		}
		if len(x.Missing) > 0 {
			t.Errorf("%q is missing", x.Missing)
		}
	}
	third, err := nodes[2].Why(ctx, h.ID) // which the others tell only of the cascade that came to it
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"score.report.made, handler print on print-1: given up", "no node that was asked tells of it: clue-1 keeps 2 records to itself, ", "export on score-1: exported",
		"score-1 keeps 2 records to itself, of cascades that who asked took no part in: ask at its own tap, or as an operator"} {
		if text := third.String(); !strings.Contains(text, part) {
			t.Errorf("no %q in\n%s", part, text)
		}
	}
}

// When a cascade fails on one node, the others keep their part of it, whatever else happens there
// later, and any one of them answers for all.
func TestACascadeIsKeptOnAllItsNodes(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	small := mesh.Size(1 << 20)
	headers := make(chan mesh.Header, 1)
	washed := mesh.NewEvent[Solve]("clue.wash.done")
	nodes, err := inproc.Open(ctx,
		mesh.Config{Name: "clue-1", Recorder: &small, Exports: []mesh.Export{Solved.Export(mesh.Limit{})}},
		mesh.Config{Name: "score-1", Imports: []mesh.Import{Solved.Import(mesh.Limit{}, mesh.Shared)}, Handlers: []mesh.Handler{
			Solved.Handle("score", func(ctx context.Context, s Solve) error {
				if s.Team != "otters" {
					return nil
				}
				h, _ := mesh.HeaderOf(ctx)
				headers <- h
				return errors.New("no such team")
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
	clue := nodes[0]
	for _, team := range []string{"owls", "otters"} {
		if err := Solved.Emit(clue.Context(ctx), Solve{Team: team}); err != nil {
			t.Fatal(err)
		}
	}
	h := <-headers
	for clue.Stats().Recorder.Kept == 0 {
		if ctx.Err() != nil {
			t.Fatal("clue-1 keeps nothing")
		}
		time.Sleep(time.Millisecond)
	}
	for range 20_000 {
		if err := washed.Emit(clue.Context(ctx), Solve{}); err != nil {
			t.Fatal(err)
		}
	}
	x, err := clue.Why(ctx, h.ID)
	if text := x.String(); err != nil || len(x.Missing) > 0 || !strings.HasPrefix(text, "clue.clue.solved (key otters), handler score on score-1: given up in ") ||
		!strings.Contains(text, "export on clue-1: exported") {
		t.Errorf("%v\n%s", err, text)
	}
	if seen := clue.Stats().Recorder; seen.FellOut == 0 || seen.Kept != 1 || seen.Untold != 0 {
		t.Errorf("%+v", seen)
	}
}
