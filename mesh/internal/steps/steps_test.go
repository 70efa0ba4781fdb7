package steps

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
	"unsafe"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/recorder"
	"leafmesh/mesh/stats"
	"leafmesh/mesh/why"
)

// ear writes down what it hears.
type ear struct {
	mu    sync.Mutex
	heard []string
}

func (e *ear) Note(p Passage) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard = append(e.heard, fmt.Sprintf("%d %s %s at %q by %q: key %q, %v", p.Count, p.Type, p.Outcome, p.Place, p.Rule, p.Header.Key, p.Err))
}

func (e *ear) want(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(e.heard, want) {
		t.Errorf("heard %q, want %q", e.heard, want)
	}
}

func TestPlaces(t *testing.T) {
	for p, want := range map[Place]string{At(Emit): "emit", At(Node): "", At(Tap): "tap", AtHandler("count solve"): "handler count solve"} {
		if got := p.String(); got != want {
			t.Errorf("%+v is %q, want %q", p, got, want)
		}
	}
}

func TestWhatPassesIsCountedAndTold(t *testing.T) {
	trace := New(nil)
	h := &cause.Header{Key: "owls"}
	p := trace.Point(Step{"a.b.c", stats.Refused, At(Emit), "emit-limit"})
	p.Pass(h) // nobody listens
	first, second := &ear{}, &ear{}
	stopFirst := trace.Listen(first)
	stopSecond := trace.Listen(second)
	p.Pass(h)
	p.PassError(h, errors.New("late"))
	stopFirst()
	stopFirst() // once more does nothing
	p.PassUnknown(3, nil)
	p.Note(h)
	told := p.Count()
	if told == 0 {
		t.Error("nobody listens, says Count")
	}
	p.Tell(told, *h, nil)
	stopSecond()
	if p.Count() != 0 {
		t.Error("somebody listens, says Count")
	}
	p.Tell(told, *h, nil) // who listened has just gone
	const step = `a.b.c refused at "emit" by "emit-limit": key`
	first.want(t, "1 "+step+` "owls", <nil>`, "1 "+step+` "owls", late`)
	second.want(t, "1 "+step+` "owls", <nil>`, "1 "+step+` "owls", late`, "3 "+step+` "", <nil>`, "1 "+step+` "owls", <nil>`, "1 "+step+` "owls", <nil>`)
	want := []stats.Count{{Type: "a.b.c", Outcome: stats.Refused, Place: "emit", Rule: "emit-limit", Count: 8}}
	if got := trace.Counts(); !slices.Equal(got, want) {
		t.Errorf("counted %+v, want %+v", got, want)
	}
	if trace.Point(Step{"a.b.c", stats.Refused, At(Emit), "emit-limit"}) != p {
		t.Error("a step has two points")
	}
}

// What passes is recorded, also while nobody listens; of a storm of refusals a part.
func TestWhatPassesIsRecorded(t *testing.T) {
	c := clock.New(nil)
	defer c.Close()
	trace := New(nil)
	r := recorder.New(recorder.Spec{Node: "a-1", Bytes: 1 << 20, Slow: time.Second, Clock: c})
	trace.Record(r)
	tally := trace.Tally("a.b.c", AtHandler("count"))
	h := cause.NewRoot(nil, "owls", c.Wall())
	tally.Handled.PassSpan(&h, Span{Begun: c.Now(), Took: 5}, nil)
	tally.Failed.PassError(&h, errors.New("late"))
	tally.Begun.Note(&h)     // says nothing that the end of the call does not
	tally.Delivered.Pass(&h) // follows from the others
	wanted := 0
	for range 100_000 {
		if told := tally.ShedFull.Count(); told != 0 {
			wanted++
			tally.ShedFull.Tell(told, h, nil)
		}
	}
	if tally.Delivered.Recorded() || !tally.Handled.Recorded() || wanted < 32 || wanted > 10_000 {
		t.Errorf("recorded: delivered %v, handled %v, shed %d times", tally.Delivered.Recorded(), tally.Handled.Recorded(), wanted)
	}
	found := map[stats.Outcome]why.Record{}
	r.Find(recorder.Ask{Roots: map[cause.ID]bool{h.Root: true}}, func(r why.Record) { found[r.Outcome] = r })
	if len(found) != 3 || found[stats.Handled].Took != 5 || found[stats.Failed].Error != "late" || found[stats.Shed].Rule != stats.QueueFull {
		t.Errorf("%+v", found)
	}
}

// Of what goes wrong the first ones are recorded whole. Events of which nothing is known are not
// recorded, and take the others nothing of that.
func TestUnknownEventsTakeNoRecords(t *testing.T) {
	c := clock.New(nil)
	defer c.Close()
	trace := New(nil)
	r := recorder.New(recorder.Spec{Node: "a-1", Bytes: 1 << 20, Slow: time.Second, Clock: c})
	trace.Record(r)
	for _, s := range []Step{{"a.b.c", stats.Refused, At(Emit), "emit-limit"}, {"a.b.c", stats.Lost, At(Export), stats.SlowConsumer}} {
		p := trace.Point(s)
		known := map[cause.ID]bool{}
		for range 8 {
			p.PassUnknown(10_000, nil)
			for range 1000 {
				p.Pass(&cause.Header{})
			}
			h := cause.NewRoot(nil, "owls", c.Wall())
			p.Pass(&h)
			known[h.ID] = true
		}
		found := 0
		r.Find(recorder.Ask{Roots: known}, func(r why.Record) {
			if found++; r.Count != 1 {
				t.Errorf("%s: a record tells of %d events", s.Outcome, r.Count)
			}
		})
		if found != len(known) {
			t.Errorf("%s: %d are recorded, want %d", s.Outcome, found, len(known))
		}
		if got := p.Load(); got != 8*11_001 {
			t.Errorf("%s: %d are counted", s.Outcome, got)
		}
	}
}

func TestCountsAreInOrder(t *testing.T) {
	trace := New(nil)
	for _, s := range []Step{{"b.b.b", stats.Lost, At(Emit), ""}, {"a.a.a", stats.Shed, AtHandler("z"), "y"}, {"a.a.a", stats.Shed, AtHandler("z"), "x"},
		{"a.a.a", stats.Shed, At(Export), "z"}, {"a.a.a", stats.Lost, At(Tap), ""}} {
		trace.Point(s).Pass(&cause.Header{})
	}
	trace.Point(Step{Type: "never"})
	var got []string
	for _, c := range trace.Counts() {
		got = append(got, fmt.Sprint(c.Type, " ", c.Outcome, " ", c.Place, " ", c.Rule))
	}
	want := []string{"a.a.a lost tap ", "a.a.a shed export z", "a.a.a shed handler z x", "a.a.a shed handler z y", "b.b.b lost emit "}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// While nobody listens a step costs no allocation, and the counts of two points do
// not share a cache line.
func TestAStepIsCheap(t *testing.T) {
	tally := New(nil).Tally("a.b.c", AtHandler("count"))
	if n := testing.AllocsPerRun(100, func() {
		h := cause.Header{Key: "owls"}
		tally.Delivered.Pass(&h)
		tally.Begun.Note(&h)
		tally.Handled.PassError(&h, nil)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if size := unsafe.Sizeof(Point{}); size < 64 {
		t.Errorf("a point has %d bytes", size)
	}
}

func TestEdges(t *testing.T) {
	var learned []string
	trace := New(func(from *Tally, to *Type) { learned = append(learned, from.Place.String()+" → "+to.Subject) })
	from := trace.Tally("a.b.c", AtHandler("count"))
	(*Tally)(nil).Emits(trace.Type("a.b.d")) // emitted by no handler
	for _, subject := range []string{"a.b.d", "a.b.e", "a.b.d"} {
		from.Emits(trace.Type(subject))
	}
	from.Refuses(trace.Type("a.b.e"))
	from.Handled.Pass(&cause.Header{})
	from.Failed.Pass(&cause.Header{})
	from.Workers = 3
	if want := []string{"handler count → a.b.d", "handler count → a.b.e"}; !slices.Equal(learned, want) {
		t.Errorf("learned %q, want %q", learned, want)
	}
	var got []string
	for _, s := range trace.Samples() {
		got = append(got, fmt.Sprint(s.From, " → ", s.To, " by ", s.By, ": ", s.Count, " of ", s.Handled, ", ", s.Workers))
	}
	if want := []string{"a.b.c → a.b.d by count: 2 of 2, 3", "a.b.c → a.b.e by count: 2 of 2, 3"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestEdgesAreBounded(t *testing.T) {
	trace := New(nil)
	for i := range maxEdges + 10 {
		trace.Tally("a.b.c", AtHandler(fmt.Sprint(i))).Emits(trace.Type("a.b.d"))
	}
	if n, other := len(trace.Edges()), trace.OtherEdges(); n != maxEdges || other != 10 {
		t.Errorf("%d edges and %d events of others, want %d and 10", n, other, maxEdges)
	}
}

func TestCountingAKnownEdgeAllocatesNothing(t *testing.T) {
	from, to := learnedEdge()
	if n := testing.AllocsPerRun(100, func() { from.Emits(to) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if count := from.edge(to).Emitted(); count != 102 { // one run more than asked for, to warm up
		t.Errorf("counted %d", count)
	}
}

// learnedEdge gives the tally and the type of the last of a few edges.
func learnedEdge() (from *Tally, to *Type) {
	trace := New(nil)
	from = trace.Tally("core.number.given", AtHandler("count"))
	for _, subject := range []string{"core.number.halved", "core.number.doubled", "core.number.squared"} {
		to = trace.Type(subject)
		from.Emits(to)
	}
	return from, to
}

func BenchmarkCountEdge(b *testing.B) {
	from, to := learnedEdge()
	b.ReportAllocs()
	for b.Loop() {
		from.Emits(to)
	}
}

func BenchmarkPass(b *testing.B) {
	p := New(nil).Point(Step{Type: "a.b.c"})
	h := &cause.Header{}
	b.ReportAllocs()
	for b.Loop() {
		p.Pass(h)
	}
}
