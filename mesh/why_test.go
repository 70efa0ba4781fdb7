package mesh_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/cause"
	"leafmesh/mesh/stats"
	"leafmesh/mesh/why"
)

// explain asks a node why.
func explain(t testing.TB, n *mesh.Node, id cause.ID) why.Explanation {
	t.Helper()
	x, err := n.Why(within(t), id)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// wantParts fails unless a text has all parts, one after the other.
func wantParts(t testing.TB, text string, parts ...string) {
	t.Helper()
	rest := text
	for _, part := range parts {
		_, after, found := strings.Cut(rest, part)
		if !found {
			t.Errorf("no %q, in its place, in\n%s", part, text)
			return
		}
		rest = after
	}
}

// A handler fails for one team, three events from the root: the node says which, with what, how
// often, and how it came to it, asked for any event of the cascade.
func TestWhyOfAHandlerThatFails(t *testing.T) {
	headers := make(chan mesh.Header, 10)
	n := openHandlers(t,
		stepBegun.Handle("first", emitting(stepTaken)),
		stepTaken.Handle("second", emitting(stepRepeated)),
		stepRepeated.Handle("third", func(ctx context.Context, s step) error {
			h, _ := mesh.HeaderOf(ctx)
			headers <- h
			if s.Key == "otters" {
				return errors.New("no such team")
			}
			return nil
		}, mesh.Retry{Tries: 3, FirstPause: time.Millisecond, LongestPause: time.Millisecond}))
	for _, key := range []string{"owls", "otters", "wolves"} {
		emitStep(t, n, stepBegun, step{Key: key})
	}
	var failed mesh.Header
	for range 5 {
		if h := receive(t, headers); h.Key == "otters" {
			failed = h
		}
	}
	finish(t, n)
	for _, id := range []cause.ID{failed.ID, failed.Root, failed.Parent} {
		x := explain(t, n, id)
		if !x.Found || len(x.Faults) != 1 || len(x.Missing) != 0 {
			t.Errorf("%+v", x)
		}
		wantParts(t, x.String(), "core.step.repeated (key otters), handler third on core-1: given up, 3 calls in ", ": no such team\n",
			"\ncore.step.begun (key otters) from core-1 at ", "│  handler first on core-1: handled in ", ", waited ",
			"\n└─ core.step.taken (key otters) from core-1 +", "   │  handler second on core-1: handled in ",
			"\n   └─ core.step.repeated (key otters) from core-1 +", "      │  handler third on core-1: given up, 3 calls", "no such team (3 times)")
	}
}

// What waits and what runs is told of, with for how long.
func TestWhyOfWhatHasNotEnded(t *testing.T) {
	gate := make(chan struct{})
	slow, begun := gatedHandler("slow", stepTaken, gate)
	headers := make(chan mesh.Header, 10)
	n := openHandlers(t, slow, stepTaken.Handle("look", keepHeaders(headers)))
	for range 2 {
		emitStep(t, n, stepTaken, step{Key: "a"})
	}
	receive(t, begun)
	first, second := receive(t, headers), receive(t, headers)
	wantParts(t, explain(t, n, first.ID).String(), "handler slow on core-1: is running for ")
	wantParts(t, explain(t, n, second.ID).String(), "handler slow on core-1: has not begun, waited ")
	time.Sleep(20 * time.Millisecond)
	close(gate)
	receive(t, begun)
	await(t, "both to be handled", func() bool { return counted(n, stepTaken.Subject(), stats.Handled, "handler slow", "") == 2 })
	idle := 200 * time.Millisecond
	time.Sleep(idle)
	emitStep(t, n, stepTaken, step{Key: "a"})
	third := receive(t, headers)
	finish(t, n)
	slowStep := func(id cause.ID) why.Step {
		for _, s := range explain(t, n, id).Cascades[0].Steps {
			if s.Place == "handler slow" {
				return s
			}
		}
		return why.Step{}
	}
	if s := slowStep(second.ID); s.Outcome != stats.Handled || s.Waited < 20*time.Millisecond || s.Took > s.Waited {
		t.Errorf("the second waited for the first: %+v", s)
	}
	if s := slowStep(third.ID); s.Outcome != stats.Handled || s.Waited+s.Took >= idle {
		t.Errorf("the handler had nothing to do before the third: %+v", s)
	}
}

// The cascades that NewRoot begins hang under the event whose handler began them, from above and
// from below.
func TestWhyFollowsNewRoots(t *testing.T) {
	headers := make(chan mesh.Header, 1)
	n := openHandlers(t,
		stepBegun.Handle("first", emitting(stepTaken)),
		stepTaken.Handle("batch", emitRoot(stepRepeated)),
		stepRepeated.Handle("item", emitRoot(stepEnded)),
		stepEnded.Handle("end", keepHeaders(headers)))
	emitStep(t, n, stepBegun, step{Key: "a"})
	last := receive(t, headers)
	finish(t, n)
	down := explain(t, n, last.ID)
	top := down.Cascades[0]
	for _, x := range []why.Explanation{down, explain(t, n, top.ID)} {
		if len(x.Cascades) != 1 || len(x.Missing) != 0 {
			t.Errorf("%d trees, missing %q", len(x.Cascades), x.Missing)
		}
		wantParts(t, x.String(), "\ncore.step.begun", "\n└─ core.step.taken", "\n   └─ core.step.repeated", "the root of a cascade of its own",
			"\n      └─ core.step.ended", "the root of a cascade of its own  "+last.ID.String())
	}
}

// When a cascade that NewRoot began ends badly on another node, the one that led to it is kept too:
// the cause may be there.
func TestTheCausesOfANewRootAreKept(t *testing.T) {
	size := mesh.Size(1 << 20)
	clue := clueNode("clue-1")
	clue.Recorder = &size
	headers := make(chan mesh.Header, 1)
	clue.Handlers = []mesh.Handler{clueOpened.Handle("begin", func(ctx context.Context, s solved) error {
		if s.Team != "otters" {
			return nil
		}
		h, _ := mesh.HeaderOf(ctx)
		headers <- h
		return clueSolved.Emit(mesh.NewRoot(ctx), s)
	})}
	score := scoreNode("score-1", mesh.Shared, nil)
	score.Handlers = []mesh.Handler{clueSolved.Handle("count", func(context.Context, solved) error { return errors.New("no such team") }, mesh.Retry{Tries: 1})}
	nodes := openAll(t, clue, score)
	emit(t, nodes[0], clueOpened, solved{Team: "otters"})
	parent := receive(t, headers)
	await(t, "both cascades to be kept on clue", func() bool { return nodes[0].Stats().Recorder.Kept == 2 })
	for range 20_000 { // what is usual falls out
		emit(t, nodes[0], clueOpened, solved{Team: "owls"})
	}
	wantParts(t, explain(t, nodes[0], parent.ID).String(), "\nclue.clue.opened (key otters) from clue-1",
		"handler begin on clue-1: handled", "\n└─ clue.clue.solved (key otters) from clue-1", "the root of a cascade of its own")
}

// A refused event hangs under the event whose handler emitted it.
func TestWhyOfARefusal(t *testing.T) {
	var refused atomic.Int64
	headers := make(chan mesh.Header, 1)
	n := openCore(t, mesh.Config{
		Handlers: []mesh.Handler{stepTaken.Handle("repeat", func(ctx context.Context, s step) error {
			for range 10 {
				if stepRepeated.Emit(ctx, s) != nil {
					refused.Add(1)
				}
			}
			h, _ := mesh.HeaderOf(ctx)
			headers <- h
			return nil
		})},
		Limits: []mesh.Rule{{Name: "three", Event: "core.step.repeated", Limit: slowly(3)}}})
	emitStep(t, n, stepTaken, step{Key: "otters"})
	h := receive(t, headers)
	finish(t, n)
	x := explain(t, n, h.ID)
	if refused.Load() != 7 || len(x.Faults) != 7 || len(x.Cascades[0].Effects) != 10 {
		t.Errorf("%d faults for %d refusals:\n%s", len(x.Faults), refused.Load(), x)
	}
	wantParts(t, x.String(), "core.step.repeated (key otters), emit on core-1: refused by rule three", "core.step.taken (key otters)", "core.step.repeated (key otters)")
}

// A node without a recorder says so.
func TestWhyWithoutARecorder(t *testing.T) {
	var none mesh.Size
	n := openCore(t, mesh.Config{Recorder: &none})
	x := explain(t, n, cause.NewID(1))
	if x.Found || n.Stats().Recorder != nil || !strings.Contains(x.String(), "core-1: it has no recorder") {
		t.Errorf("%s", x)
	}
}

// A cascade in which something went wrong is kept when all that is usual has fallen out, and when
// the node was opened again; one that went well only if somebody asked for it, and the node says
// so.
func TestWhyAfterARestart(t *testing.T) {
	size := mesh.Size(1 << 20)
	headers := make(chan mesh.Header, 1<<16)
	clue := durableClue(t, func(c *mesh.Config) {
		c.Recorder = &size
		c.Handlers = []mesh.Handler{clueSolved.Handle("look", func(ctx context.Context, s solved) error {
			h, _ := mesh.HeaderOf(ctx)
			headers <- h
			if s.Team == "otters" {
				return errors.New("no such team")
			}
			return nil
		}, mesh.Retry{Tries: 1})}
	})
	nodes := openAll(t, clue)
	emit(t, nodes[0], clueSolved, solved{Team: "owls"})
	good := receive(t, headers)
	emit(t, nodes[0], clueSolved, solved{Team: "asked"})
	asked := receive(t, headers)
	wantParts(t, explain(t, nodes[0], asked.ID).String(), "clue.clue.solved (key asked)", "handler look on clue-1: ")
	emit(t, nodes[0], clueSolved, solved{Team: "otters"})
	bad := receive(t, headers)
	await(t, "the cascade to be kept", func() bool { return nodes[0].Stats().Recorder.Kept == 2 })
	for range 10_000 {
		emit(t, nodes[0], clueSolved, solved{Team: "wolves"})
		receive(t, headers)
	}
	want := []string{"clue.clue.solved (key otters), handler look on clue-1: given up", "no such team", "\nclue.clue.solved (key otters) from clue-1 at ", "  ← asked for", "outbox on clue-1: stored"}
	wantParts(t, explain(t, nodes[0], bad.ID).String(), want...)
	wantParts(t, explain(t, nodes[0], good.ID).String(), "Nothing is known of", "clue-1 knows all since", "keeps those in which something went wrong")
	if err := nodes.Close(within(t)); err != nil {
		t.Fatal(err)
	}
	again := openAll(t, clue)
	wantParts(t, explain(t, again[0], bad.ID).String(), want...)
	wantParts(t, explain(t, again[0], good.ID).String(), "Nothing is known of", "clue-1 knows all since")
	wantParts(t, explain(t, again[0], asked.ID).String(), "clue.clue.solved (key asked)", "handler look on clue-1: handled")
}

// Each line that the log has of an event that fails leads to the cause: the first failed call of a
// durable import at once, and its end.
func TestWhyFromALineOfTheLog(t *testing.T) {
	var log journalLines
	score := durableScore(t, func(context.Context, solved) error { return errors.New("no such team") })
	score.Logger = slog.New(slog.NewTextHandler(&log, nil))
	nodes := openAll(t, durableClue(t), score)
	emit(t, nodes[0], clueSolved, solved{Team: "otters"})
	lines := map[string]string{}
	await(t, "all lines", func() bool {
		for line := range strings.Lines(log.String()) {
			for _, message := range []string{"handler failed", "event became a durable dead letter"} {
				if strings.Contains(line, message) {
					lines[message] = line
				}
			}
		}
		return len(lines) == 2
	})
	if strings.Contains(log.String(), "event given up") {
		t.Errorf("two lines say that the event is given up:\n%s", log.String())
	}
	for message, line := range lines {
		for _, attribute := range []string{"type=clue.clue.solved", "event=", "root=", "path=clue-1:clue.clue.solved", "key=otters", "node=score-1", "no such team"} {
			if !strings.Contains(line, attribute) {
				t.Errorf("%s has no %s: %s", message, attribute, line)
			}
		}
		wantParts(t, explain(t, nodes[1], why.IDs(line)[0]).String(), "clue.clue.solved (key otters), import on score-1: became a durable dead letter: no such team",
			"handler count on score-1: given up, 3 calls", "no such team (3 times)")
	}
}
