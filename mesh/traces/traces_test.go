package traces

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	tracepb "go.opentelemetry.io/proto/slim/otlp/trace/v1"

	"leafmesh/mesh"
	"leafmesh/mesh/cause"
	"leafmesh/mesh/why"
)

var (
	given   = mesh.NewEvent("clue.answer.given", mesh.Key(func(s step) string { return s.Team }))
	solved  = mesh.NewEvent("clue.clue.solved", mesh.Key(func(s step) string { return s.Team }))
	counted = mesh.NewEvent[step]("score.points.counted")
)

// pair is a node that judges answers, and one that counts what was solved and fails to tell of it.
func pair(t *testing.T, judged func(context.Context), durable bool) []*mesh.Node {
	clue := mesh.Config{Name: "clue-1", Exports: []mesh.Export{solved.Export(mesh.Limit{})}, Handlers: []mesh.Handler{
		given.Handle("judge", func(ctx context.Context, s step) error {
			judged(ctx)
			return solved.Emit(ctx, s)
		})}}
	score := mesh.Config{Name: "score-1", Imports: []mesh.Import{solved.Import(mesh.Limit{}, mesh.Shared)}, Handlers: []mesh.Handler{
		solved.Handle("count", func(ctx context.Context, s step) error { return counted.Emit(ctx, s) }),
		counted.Handle("tell", func(context.Context, step) error { return errors.New("no paper") }, mesh.Retry{Tries: 2, FirstPause: time.Millisecond})}}
	if durable {
		folder := t.TempDir()
		clue.Data, score.Data = mesh.Path(filepath.Join(folder, "clue")), mesh.Path(filepath.Join(folder, "score"))
		clue.Exports[0].KeptFor = []string{"score"}
		score.Imports[0].Durable = true
	}
	return open(t, clue, score)
}

// A cascade over two nodes that fails is one trace, whose spans fit together although each node
// sends its own, and which is linked with the request that it began with.
func TestAFailingCascadeIsATrace(t *testing.T) {
	for name, durable := range map[string]bool{"over a link": false, "out of an outbox": true} {
		t.Run(name, func(t *testing.T) {
			nodes := pair(t, func(context.Context) {}, durable)
			r := receive(t)
			exporters := export(t, r, nodes...)
			request := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, Remote: true})
			ctx := trace.ContextWithRemoteSpanContext(nodes[0].Context(within(t)), request)
			if err := given.Emit(ctx, step{Team: "otters"}); err != nil {
				t.Fatal(err)
			}
			root, judge := r.one(t, "emit clue.answer.given"), r.one(t, "handle clue.answer.given")
			emit, count := r.one(t, "emit clue.clue.solved"), r.one(t, "handle clue.clue.solved")
			again, tell := r.one(t, "try score.points.counted"), r.one(t, "handle score.points.counted")
			inner := r.one(t, "emit score.points.counted")
			for _, s := range []received{root, judge, emit, count, again, tell, inner} {
				if !bytes.Equal(s.TraceId, root.TraceId) || s.attribute("leafmesh.path") == "" || s.EndTimeUnixNano < s.StartTimeUnixNano {
					t.Errorf("span %v", s)
				}
			}
			for _, test := range []struct{ of, in received }{{judge, root}, {emit, judge}, {inner, count}, {again, inner}, {tell, inner}} {
				if !bytes.Equal(test.of.ParentSpanId, test.in.SpanId) {
					t.Errorf("%s is not in %s: %v", test.of.Name, test.in.Name, test.of)
				}
			}
			if durable {
				if len(count.ParentSpanId) != 0 || len(count.Links) != 1 || !bytes.Equal(count.Links[0].SpanId, emit.SpanId) || !bytes.Equal(count.Links[0].TraceId, root.TraceId) {
					t.Errorf("what came out of the outbox: %v", count)
				}
			} else if !bytes.Equal(count.ParentSpanId, emit.SpanId) || len(count.Links) != 0 {
				t.Errorf("what came over the link: %v", count)
			}
			if len(root.ParentSpanId) != 0 || len(root.Links) != 1 || trace.TraceID(root.Links[0].TraceId) != request.TraceID() || trace.SpanID(root.Links[0].SpanId) != request.SpanID() {
				t.Errorf("the root: %v", root)
			}
			if tell.Status.GetMessage() != "no paper" || again.Status.GetCode() != tracepb.Status_STATUS_CODE_ERROR || count.Status != nil ||
				tell.attribute("leafmesh.handler") != "tell" || judge.attribute("leafmesh.key") != "otters" {
				t.Errorf("%v, %v, %v", tell, again, judge)
			}
			if root.service != "clue" || tell.service != "score" || tell.instance != "score-1" || judge.Kind != tracepb.Span_SPAN_KIND_CONSUMER || emit.Kind != tracepb.Span_SPAN_KIND_PRODUCER {
				t.Errorf("%s, %s, %s, kinds %v and %v", root.service, tell.service, tell.instance, judge.Kind, emit.Kind)
			}
			await(t, "the count", func() bool {
				s := nodes[1].Stats().Traces
				return s.Exported > 0 && s.Waiting == 0
			})
			for i, e := range exporters {
				if err := errors.Join(nodes[i].Close(within(t)), e.Close(within(t))); err != nil {
					t.Error(err)
				}
			}
			seen := map[trace.SpanID]string{}
			for _, s := range r.spans {
				if before, twice := seen[trace.SpanID(s.SpanId)]; twice {
					t.Errorf("%s came with the id of %s", s.Name, before)
				}
				seen[trace.SpanID(s.SpanId)] = s.Name
			}
		})
	}
}

// What a handler asks of others carries the context of its span.
func TestHandlersPassTheirSpanOn(t *testing.T) {
	var header cause.Header
	asked := make(chan http.Header, 1)
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked <- r.Header }))
	defer other.Close()
	ask := func(ctx context.Context, _ step) error {
		header, _ = mesh.HeaderOf(ctx)
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, other.URL, nil)
		if err != nil {
			return err
		}
		propagation.TraceContext{}.Inject(ctx, propagation.HeaderCarrier(request.Header))
		answer, err := other.Client().Do(request)
		if err != nil {
			return err
		}
		return errors.Join(answer.Body.Close(), errors.New("no paper")) // so that it is kept
	}
	nodes := open(t, mesh.Config{Name: "clue-1", Handlers: []mesh.Handler{
		given.Handle("judge", func(ctx context.Context, s step) error { return solved.Emit(ctx, s) }),
		solved.Handle("ask", ask, mesh.Retry{Tries: 1})}})
	emit := func() string {
		t.Helper()
		if err := given.Emit(nodes[0].Context(within(t)), step{Team: "otters"}); err != nil {
			t.Fatal(err)
		}
		select {
		case h := <-asked:
			return h.Get("traceparent")
		case <-time.After(patience):
			t.Fatal("nobody was asked")
			return ""
		}
	}
	if got := emit(); got != "" {
		t.Errorf("without traces: %q", got)
	}
	r := receive(t)
	export(t, r, nodes...)
	got := emit()
	await(t, "the span that was passed on", func() bool {
		for _, asks := range r.of("handle clue.clue.solved") { // perhaps also that of the cascade before
			if trace.TraceID(asks.TraceId) == trace.TraceID(header.Root) {
				want := "00-" + trace.TraceID(header.Root).String() + "-" + trace.SpanID(asks.SpanId).String() + "-00"
				if got != want {
					t.Errorf("passed on: %q, want %q", got, want)
				}
				return true
			}
		}
		return false
	})
}

// Of what is usual the cascades are exported that the recorder keeps as examples, and no others.
func TestUsualCascadesAreSampledByTheirRoot(t *testing.T) {
	var roots []cause.ID
	node := open(t, mesh.Config{Name: "clue-1", Handlers: []mesh.Handler{
		given.Handle("judge", func(ctx context.Context, _ step) error {
			h, _ := mesh.HeaderOf(ctx)
			if why.Sampled(h.Root) {
				roots = append(roots, h.Root)
				if !trace.SpanContextFromContext(ctx).IsSampled() {
					t.Error("what it asks of others is not sampled")
				}
			}
			return nil
		})}})[0]
	r := receive(t)
	e := export(t, r, node)[0]
	for chosen := 0; chosen < 100_000; chosen++ {
		if err := given.Emit(node.Context(within(t)), step{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(node.Close(within(t)), e.Close(within(t))); err != nil {
		t.Fatal(err)
	}
	if len(roots) == 0 {
		t.Fatal("of 100,000 roots none is chosen")
	}
	sampled := map[trace.TraceID]int{}
	for _, s := range r.spans {
		sampled[trace.TraceID(s.TraceId)]++
	}
	for _, root := range roots {
		if sampled[trace.TraceID(root)] != 2 {
			t.Errorf("%d spans of %s, want 2", sampled[trace.TraceID(root)], root)
		}
	}
	slow := len(sampled) - len(roots) // a machine that stands still makes some calls last
	if kept := node.Stats().Recorder.Kept; slow > kept {
		t.Errorf("%d traces, of which %d are sampled and at most %d went wrong", len(sampled), len(roots), kept)
	}
}

// A root that a handler emits is linked with the handling, not a part of it.
func TestNewRootsAreLinkedWithTheirCause(t *testing.T) {
	node := open(t, mesh.Config{Name: "clue-1", Handlers: []mesh.Handler{
		given.Handle("judge", func(ctx context.Context, s step) error {
			return errors.Join(solved.Emit(mesh.NewRoot(ctx), s), ctx.Err())
		}),
		solved.Handle("fail", func(context.Context, step) error { return errors.New("no paper") }, mesh.Retry{Tries: 1})}})[0]
	r := receive(t)
	export(t, r, node)
	if err := given.Emit(node.Context(within(t)), step{}); err != nil {
		t.Fatal(err)
	}
	root := r.one(t, "emit clue.clue.solved")
	parent, err := cause.ParseID(root.attribute("leafmesh.parent"))
	if err != nil {
		t.Fatal(err)
	}
	want := handlingSpan(parent, "clue-1", "handler judge")
	if len(root.ParentSpanId) != 0 || len(root.Links) != 1 || trace.SpanID(root.Links[0].SpanId) != want || bytes.Equal(root.Links[0].TraceId, root.TraceId) {
		t.Errorf("%v", root)
	}
}

func TestANodeWithoutARecorderCanNotBeTraced(t *testing.T) {
	none := mesh.Size(0)
	node := open(t, mesh.Config{Name: "clue-1", Recorder: &none})[0]
	if _, err := Export(Config{OTLP: "http://127.0.0.1:4318"}, node, nil); err == nil {
		t.Error("no error")
	} else if want := "export traces: mesh: trace node clue-1: it has no recorder: set recorder in its file"; err.Error() != want {
		t.Errorf("%q, want %q", err, want)
	}
}
