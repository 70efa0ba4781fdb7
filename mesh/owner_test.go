package mesh_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"leafmesh/mesh"
	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/stats"
)

// wantNotOwner fails unless err is a refusal that names the type's owner and the node.
func wantNotOwner(t *testing.T, err error, owner, node string) {
	t.Helper()
	wantRefusal(t, err, "emit", "not-owner")
	if !errors.Is(err, mesh.ErrNotOwner) || !strings.Contains(err.Error(), "service "+owner+" owns it, and node "+node) {
		t.Errorf("%v, want the owner %s and the node %s", err, owner, node)
	}
}

// Each way in refuses a type of another service, names the owner, and counts it.
func TestANodeEmitsOnlyItsOwnTypes(t *testing.T) {
	for name, emit := range map[string]func(ctx context.Context) error{
		"Emit":    func(ctx context.Context) error { return clueSolved.Emit(ctx, solved{}) },
		"EmitAll": func(ctx context.Context) error { return clueSolved.EmitAll(ctx, []solved{{}}) },
		"Stage":   func(ctx context.Context) error { _, err := clueSolved.Stage(ctx, solved{}); return err },
	} {
		t.Run(name, func(t *testing.T) {
			var inHandler, asRoot error
			handled := false
			n := openHandlers(t,
				stepTaken.Handle("overreach", func(ctx context.Context, _ step) error {
					inHandler, asRoot = emit(ctx), emit(mesh.NewRoot(ctx))
					return nil
				}),
				clueSolved.Handle("hear", func(context.Context, solved) error { handled = true; return nil }))
			wantNotOwner(t, emit(n.Context(t.Context())), "clue", "core-1")
			emitStep(t, n, stepTaken, step{Key: "a"})
			finish(t, n)
			wantNotOwner(t, inHandler, "clue", "core-1")
			wantNotOwner(t, asRoot, "clue", "core-1")
			wantCount(t, n, clueSolved.Subject(), stats.Refused, "emit", "not-owner", 3)
			if handled {
				t.Error("it was handled nevertheless")
			}
		})
	}
}

// The framework's own events are for nodes to emit, and for services to handle.
func TestAServiceEmitsNoEventsOfTheFramework(t *testing.T) {
	n := openHandlers(t, stepTaken.Handle("fail", func(context.Context, step) error { return errBroken }, soon(1)))
	wantNotOwner(t, mesh.DeadLetters.Emit(n.Context(t.Context()), mesh.DeadLetter{}), "mesh", "core-1")
	wantNotOwner(t, mesh.GraphAlarms.Emit(n.Context(t.Context()), mesh.GraphAlarm{}), "mesh", "core-1")
	emitStep(t, n, stepTaken, step{Key: "a"})
	finish(t, n)
	wantCount(t, n, mesh.DeadLetters.Subject(), stats.Admitted, "", "", 1)
}

// In one process the code of one service can meet the context of another one's handler.
func TestAnotherNodesHandlerContext(t *testing.T) {
	var theirs, ours, nested error
	var clue *mesh.Node
	score := scoreNode("score-1", mesh.Shared, func(ctx context.Context, s solved) error {
		theirs = clueOpened.Emit(ctx, s) // as clue's code would that is called from here
		ours = clueOpened.Emit(clue.Context(ctx), s)
		nested = clueOpened.Emit(clue.Context(mesh.NewRoot(clue.Context(ctx))), s)
		if _, ok := mesh.HeaderOf(clue.Context(ctx)); ok {
			t.Error("clue's context is of an event that score handles")
		}
		return scoreCounted.Emit(score1(ctx), s)
	})
	nodes := openAll(t, clueNode("clue-1"), score)
	clue = nodes.Node("clue-1")
	emit(t, clue, clueSolved, solved{Team: "owls"})
	await(t, "handled", func() bool { return nodes.Node("score-1").Stats().Of(clueSolved.Subject(), stats.Handled) == 1 })
	wantNotOwner(t, theirs, "clue", "score-1")
	for _, err := range []error{ours, nested} {
		wantRefusal(t, err, "emit", "foreign-turn")
		if !errors.Is(err, mesh.ErrForeignTurn) || !strings.Contains(err.Error(), "node clue-1 is to emit it, and a handler of node score-1 is its cause") {
			t.Errorf("%v, want both nodes named", err)
		}
	}
	wantCount(t, clue, clueOpened.Subject(), stats.Refused, "emit", "foreign-turn", 2)
	wantCount(t, clue, clueOpened.Subject(), stats.Admitted, "", "", 0)
	wantCount(t, nodes.Node("score-1"), scoreCounted.Subject(), stats.Admitted, "", "", 1)
}

// score1 is a context as it was, through a wrapper.
func score1(ctx context.Context) context.Context {
	return context.WithValue(ctx, struct{ name string }{"k"}, 1)
}

// Roots have no cause that could be lost.
func TestAnotherNodesRootContext(t *testing.T) {
	nodes := openAll(t, clueNode("clue-1"), mesh.Config{Name: "core-1"})
	ctx := nodes.Node("clue-1").Context(nodes.Node("core-1").Context(t.Context()))
	if err := clueOpened.Emit(ctx, solved{}); err != nil {
		t.Error(err)
	}
	wantCount(t, nodes.Node("clue-1"), clueOpened.Subject(), stats.Admitted, "", "", 1)
}

// A node may have staged, before there was this rule, what it may not emit any more.
func TestWhatIsNotTheNodesIsNotRelayed(t *testing.T) {
	n := openHandlers(t)
	staged := mesh.Staged{ID: mesh.ID{1}, Message: message(t, &wire.Envelope{ID: wire.ID{1}, Root: wire.ID{1}, Time: time.Now().UnixNano(), Key: "otters",
		Path: [][]byte{[]byte("core-1:clue.clue.solved")}})}
	relayed, err := n.Relay(t.Context(), staged)
	if relayed != 0 || !errors.Is(err, mesh.ErrUnrelayable) || !errors.Is(err, mesh.ErrNotOwner) {
		t.Errorf("%d relayed: %v", relayed, err)
	}
}

func TestTypesOfOthersFailAtOpen(t *testing.T) {
	limit := mesh.Limit{Rate: 1}
	for name, test := range map[string]struct {
		config      mesh.Config
		field, want string
	}{
		"a declared emit": {mesh.Config{Handlers: []mesh.Handler{stepTaken.Handle("judge", ignore, mesh.Emits(stepRepeated, clueSolved))}},
			"handlers[0]", "handler judge declares that it emits clue.clue.solved, which belongs to service clue"},
		"a declared emit of the framework's": {mesh.Config{Handlers: []mesh.Handler{stepTaken.Handle("judge", ignore, mesh.Emits(mesh.DeadLetters))}},
			"handlers[0]", "which belongs to service mesh"},
		"an export":                  {mesh.Config{Exports: []mesh.Export{clueSolved.Export(mesh.Limit{})}}, "exports[0].event", "belongs to service clue"},
		"a rule at emit":             {mesh.Config{Limits: []mesh.Rule{{Event: "clue.clue.solved", Limit: limit}}}, "limits[0].event", "belongs to service clue"},
		"a rule at emit, a pattern":  {mesh.Config{Limits: []mesh.Rule{{Event: "clue.>", Limit: limit}}}, "limits[0].event", "belongs to service clue"},
		"a rule at export":           {mesh.Config{Limits: []mesh.Rule{{Place: mesh.AtExport, Event: "clue.clue.*", Limit: limit}}}, "limits[0].event", "import or handler"},
		"a rule at import":           {mesh.Config{Limits: []mesh.Rule{{Place: mesh.AtImport, Event: "clue.>", Limit: limit}}}, "", ""},
		"a rule at handlers":         {mesh.Config{Limits: []mesh.Rule{{Place: mesh.AtHandler, Event: "clue.>", Limit: limit}}}, "", ""},
		"a rule for all":             {mesh.Config{Limits: []mesh.Rule{{Event: ">", Limit: limit}, {Event: "*.step.*", Limit: limit}}}, "", ""},
		"a rule for the framework's": {mesh.Config{Limits: []mesh.Rule{{Event: mesh.DeadLetters.Subject(), Limit: limit}}}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			test.config.Name, test.config.OneProcess = "core-1", true
			n, err := mesh.Open(t.Context(), test.config)
			if test.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				finish(t, n)
				return
			}
			problems := config.FieldErrors(err)
			if len(problems) != 1 || problems[0].Field != test.field || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %s: … %s", err, test.field, test.want)
			}
		})
	}
}

// An event type that clients at the tap emit: its key function has to be known.
var _ = mesh.NewEvent[Judged]("clue.answer.kept", mesh.Key(func(j Judged) string { return j.Team }))

// What a client at the tap may not emit is refused with a reason, counted and logged.
func TestWhatTheTapRefuses(t *testing.T) {
	var log strings.Builder
	clue := clueNode("clue-1")
	clue.Logger = slog.New(slog.NewTextHandler(&log, nil))
	clue.Handlers = []mesh.Handler{clueSolved.Handle("keep", func(context.Context, solved) error { return nil }),
		scoreCounted.Handle("hear", func(context.Context, solved) error { return nil }),
		mesh.HandleAll("clue.answer.kept", "all", func(context.Context, mesh.Any) error { return nil }), // keyed by Judged.Team
		mesh.HandleAll("clue.answer.given", "bare", func(context.Context, mesh.Any) error { return nil })}
	nodes, conn := tapped(t, clue)
	owls, err := cbor.Marshal(map[int]any{1: "owls"})
	if err != nil {
		t.Fatal(err)
	}
	attempt, err := cbor.Marshal(map[int]any{1: "attempt", 2: "owls"})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		subject, data string
		rule          string // "": admitted
		counted       string // the type
		want          []string
	}{
		{"clue.clue.solved.owls", string(owls), "", "", nil},
		{"clue.clue.solved.foxes", string(owls), "key", "clue.clue.solved", []string{`"foxes"`, `"owls"`}},
		{"clue.clue.solved.%", string(owls), "key", "clue.clue.solved", []string{`""`, `"owls"`}},
		{"clue.answer.kept.owls", string(attempt), "", "", nil},
		{"clue.answer.kept.attempt", string(attempt), "key", "clue.answer.kept", []string{`"attempt"`, `"owls"`}},
		{"clue.answer.kept.owls", "\xa1\x02\x07", "malformed", "clue.answer.kept", []string{"Judged"}}, // a number where the team is
		{"clue.answer.given.%", string(owls), "", "", nil},
		{"clue.answer.given.owls", string(owls), "key", "clue.answer.given", []string{`"owls"`, "has none"}},
		{"score.solve.counted.owls", string(owls), "not-owner", "score.solve.counted", []string{"service score owns it", "clue-1"}},
		{"hunt.hunt.ended.%", string(owls), "not-owner", "(other)", []string{"service hunt owns it"}},
		{"mesh.event.deadlettered.x", string(owls), "not-owner", "(other)", []string{"service mesh owns it"}},
		{"clue.clue.unknown.owls", string(owls), "unknown-type", "(other)", []string{"clue.clue.unknown"}},
		{"clue.clue.solved", string(owls), "malformed", "(other)", nil},
		{"clue.clue.solved.owls", "a", "malformed", "clue.clue.solved", nil},
	} {
		before := counted(nodes[0], test.counted, stats.Refused, "tap", test.rule)
		reply := ask(t, conn, "mesh.emit."+test.subject, []byte(test.data))
		verdict, after := "refused", before+1
		if test.rule == "" {
			verdict, after = "admitted", before
		}
		if reply.Verdict != verdict || reply.Rule != test.rule {
			t.Errorf("%s: %+v, want %s by %q", test.subject, reply, verdict, test.rule)
		}
		for _, want := range test.want {
			if !strings.Contains(reply.Error, want) {
				t.Errorf("%s: %q lacks %s", test.subject, reply.Error, want)
			}
		}
		if got := counted(nodes[0], test.counted, stats.Refused, "tap", test.rule); got != after {
			t.Errorf("%s: %d counted as %s by %s, want %d", test.subject, got, test.counted, test.rule, after)
		}
	}
	if err := nodes.Close(within(t)); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "emit by request refused") {
		t.Errorf("the log has no word of it:\n%s", log.String())
	}
}

// A client cannot have a bucket of its own for each event by making keys up.
func TestTheTapHoldsToLimitsByKey(t *testing.T) {
	clue := clueNode("clue-1")
	clue.Limits = []mesh.Rule{{Name: "one-team", Event: "clue.clue.solved", By: mesh.ByKey, Limit: slowly(1)}}
	nodes, conn := tapped(t, clue)
	value, err := cbor.Marshal(map[int]any{1: "owls"})
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"owls", "a", "b", "c", "owls"} {
		ask(t, conn, "mesh.emit.clue.clue.solved."+key, value)
	}
	if n := nodes[0].Stats().Of("clue.clue.solved", stats.Admitted); n != 1 {
		t.Errorf("%d admitted, want 1", n)
	}
}

type touchy struct {
	Teams []string `cbor:"1,keyasint"`
}

var touchyTaken = mesh.NewEvent("clue.touchy.taken", mesh.Key(func(v touchy) string { return v.Teams[0] }))

// A key function may not be made for all that a client can send.
func TestAKeyFunctionThatPanicsAtTheTap(t *testing.T) {
	clue := clueNode("clue-1")
	clue.Handlers = []mesh.Handler{touchyTaken.Handle("keep", func(context.Context, touchy) error { return nil })}
	_, conn := tapped(t, clue)
	if reply := ask(t, conn, "mesh.emit.clue.touchy.taken.%", []byte{0xa0}); reply.Rule != "malformed" || !strings.Contains(reply.Error, "panicked") {
		t.Errorf("%+v", reply)
	}
}
