package why

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/stats"
)

// noon is when the test's cascades begin.
var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC).UnixNano()

// idOf makes an id of a time after noon, whose last byte tells it apart.
func idOf(after time.Duration, n byte) cause.ID {
	id := cause.NewID(noon + int64(after))
	copy(id[6:], []byte{0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, n})
	return id
}

const ms = time.Millisecond

// teller writes records down as two nodes would.
type teller struct{ reports map[string]*Report }

func newTeller() *teller {
	return &teller{map[string]*Report{
		"clue-1":  {Node: "clue-1", Started: noon - int64(time.Hour), Now: noon + int64(time.Minute), Handlers: map[string][]string{"clue.answer.submitted": {"judge"}, "clue.clue.solved": {"hints"}}},
		"score-1": {Node: "score-1", Started: noon - int64(time.Hour), Now: noon + int64(time.Minute), Handlers: map[string][]string{"clue.clue.solved": {"award"}, "score.points.awarded": {"rank"}}},
	}}
}

func (t *teller) tell(node string, like Record, outcome stats.Outcome, place string, at, took time.Duration, err string) {
	like.Node, like.Outcome, like.Place, like.At, like.Took, like.Error = node, outcome, place, noon+int64(at), took, err
	like.Count = max(1, like.Count)
	t.reports[node].Records = append(t.reports[node].Records, like)
}

func (t *teller) of(nodes ...string) (list []Report) {
	for _, node := range nodes {
		list = append(list, *t.reports[node])
	}
	return list
}

// The events of the test's cascade: submitted on clue-1 → solved on clue-1 → awarded on score-1.
var (
	submitted = Record{Event: idOf(0, 1), Root: idOf(0, 1), Type: "clue.answer.submitted", Key: "otters", Emitted: noon,
		Path: []string{"clue-1:clue.answer.submitted"}}
	solved = Record{Event: idOf(2*ms, 2), Root: submitted.Root, Parent: submitted.Event, Type: "clue.clue.solved", Key: "otters", Emitted: noon + int64(2*ms),
		Path: append(slices.Clone(submitted.Path), "clue-1:clue.clue.solved")}
	awarded = Record{Event: idOf(9*ms, 3), Root: submitted.Root, Parent: solved.Event, Type: "score.points.awarded", Key: "otters", Emitted: noon + int64(9*ms),
		Path: append(slices.Clone(solved.Path), "score-1:score.points.awarded")}
)

// failing is a cascade over two nodes whose third event a handler fails for.
func failing() *teller {
	t := newTeller()
	t.tell("clue-1", submitted, stats.Admitted, "", 0, 0, "")
	t.tell("clue-1", submitted, stats.Handled, "handler judge", 1*ms, ms, "")
	t.tell("clue-1", solved, stats.Admitted, "", 2*ms, 0, "")
	t.tell("clue-1", solved, stats.Handled, "handler hints", 3*ms, 100*time.Microsecond, "")
	t.tell("clue-1", solved, stats.Exported, "export", 3*ms, 0, "")
	t.tell("score-1", solved, stats.Imported, "", 5*ms, 0, "")
	t.tell("score-1", solved, stats.Admitted, "", 2*ms, 0, "")
	t.tell("score-1", solved, stats.Handled, "handler award", 8*ms, ms, "")
	t.tell("score-1", awarded, stats.Admitted, "", 9*ms, 0, "")
	for i := range 2 {
		t.tell("score-1", awarded, stats.Retried, "handler rank", time.Duration(10+10*i)*ms, 5*ms, "no such team")
	}
	t.tell("score-1", awarded, stats.Failed, "handler rank", 30*ms, 5*ms, "no such team")
	return t
}

func wantText(t *testing.T, got fmt.Stringer, want string) {
	t.Helper()
	if text := got.String(); text != strings.TrimPrefix(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
}

func TestACascadeThatFails(t *testing.T) {
	wantText(t, Explain(awarded.Event, failing().of("clue-1", "score-1")...), `
score.points.awarded (key otters), handler rank on score-1: given up, 3 calls in 25ms, the last took 5ms, waited 1ms: no such team

clue.answer.submitted (key otters) from clue-1 at 2026-11-28 12:00:00.000  `+submitted.Event.String()+`
│  handler judge on clue-1: handled in 1ms, waited 1ms
└─ clue.clue.solved (key otters) from clue-1 +2ms  `+solved.Event.String()+`
   │  export on clue-1: exported
   │  handler hints on clue-1: handled in 100µs, waited 1ms
   │  import on score-1: came
   │  handler award on score-1: handled in 1ms, waited 3ms
   └─ score.points.awarded (key otters) from score-1 +9ms  `+awarded.Event.String()+`  ← asked for
         handler rank on score-1: given up, 3 calls in 25ms, the last took 5ms, waited 1ms
           no such team (3 times)
`)
}

// What only one node knows is shown with what is missing, and why.
func TestWhatIsMissingIsShown(t *testing.T) {
	told := failing()
	wantText(t, Explain(awarded.Root, told.of("score-1")...), `
score.points.awarded (key otters), handler rank on score-1: given up, 3 calls in 25ms, the last took 5ms, waited 1ms: no such team

clue.answer.submitted from clue-1  `+submitted.Event.String()+`  ← asked for
│  not known: clue-1 was not asked
└─ clue.clue.solved (key otters) from clue-1 at 2026-11-28 12:00:00.002  `+solved.Event.String()+`
   │  import on score-1: came
   │  handler award on score-1: handled in 1ms, waited 3ms
   └─ score.points.awarded (key otters) from score-1 +7ms  `+awarded.Event.String()+`
         handler rank on score-1: given up, 3 calls in 25ms, the last took 5ms, waited 1ms
           no such team (3 times)
`)
	last := told.reports["score-1"]
	last.Records = slices.DeleteFunc(last.Records, func(r Record) bool { return r.Event == solved.Event })
	last.Since = noon + int64(8*ms)
	for name, c := range map[string]struct {
		change func(clue *Report)
		want   string
	}{
		"no answer":   {func(r *Report) { r.Problem = "no answer within 2s" }, "not known: clue-1: no answer within 2s"},
		"fell out":    {func(r *Report) { r.Since = noon + 1 }, "not known: it fell out of the recorder of clue-1, which reaches back to 2026-11-28 12:00:00.000"},
		"a storm":     {func(r *Report) { r.Since, r.Left = noon+1, 7 }, "one of 7 that were too many at once"},
		"started":     {func(r *Report) { r.Started = noon + 1 }, "not known: clue-1 was started again at"},
		"no room":     {func(r *Report) { r.More = 3 }, "not known: the answer of clue-1 had no room for 3 records"},
		"just absent": {func(*Report) {}, "not known: clue-1 has no record of it"},
	} {
		t.Run(name, func(t *testing.T) {
			clue := Report{Node: "clue-1", Started: noon - 1}
			c.change(&clue)
			text := Explain(awarded.Event, *last, clue).String()
			for _, part := range []string{c.want, "clue.answer.submitted from clue-1  " + submitted.Event.String(), "└─ clue.clue.solved from clue-1  " + solved.Event.String(),
				"└─ score.points.awarded"} {
				if !strings.Contains(text, part) {
					t.Errorf("it lacks %q:\n%s", part, text)
				}
			}
		})
	}
}

// An event deep in a cascade of which all else is unknown still has its path.
func TestThePathIsShownWithoutRecords(t *testing.T) {
	deep := awarded
	deep.Path = append(slices.Clone(awarded.Path), "score-1:score.leaderboard.changed")
	deep.Event, deep.Parent, deep.Type = idOf(20*ms, 4), awarded.Event, "score.leaderboard.changed"
	told := newTeller()
	told.tell("score-1", deep, stats.Admitted, "", 20*ms, 0, "")
	text := Explain(deep.Event, told.of("score-1")...).String()
	for _, part := range []string{
		"\nclue.answer.submitted from clue-1  " + submitted.Event.String() + "\n│  not known: clue-1 was not asked",
		"\n└─ clue.clue.solved from clue-1\n   │  not known: clue-1 was not asked",
		"\n   └─ score.points.awarded from score-1  " + awarded.Event.String() + "\n      │  not known: score-1 has no record of it",
		"\n      └─ score.leaderboard.changed (key otters) from score-1"} {
		if !strings.Contains(text, part) {
			t.Errorf("it lacks %q:\n%s", part, text)
		}
	}
}

// A cascade that a handler begins with mesh.NewRoot hangs under its cause.
func TestNewRootsAreFollowed(t *testing.T) {
	told := failing()
	fresh := Record{Event: idOf(12*ms, 9), Root: idOf(12*ms, 9), Parent: awarded.Event, Type: "score.report.begun", Emitted: noon + int64(12*ms), Path: []string{"score-1:score.report.begun"}}
	told.tell("score-1", fresh, stats.Admitted, "", 12*ms, 0, "")
	x := Explain(fresh.Event, told.of("clue-1", "score-1")...)
	if len(x.Cascades) != 1 || !strings.Contains(x.String(), "      └─ score.report.begun from score-1 +12ms, the root of a cascade of its own  "+fresh.Event.String()+"  ← asked for") {
		t.Errorf("%d trees:\n%s", len(x.Cascades), x)
	}
	alone := newTeller()
	alone.tell("score-1", fresh, stats.Admitted, "", 12*ms, 0, "")
	if text := Explain(fresh.Event, alone.of("score-1")...).String(); !strings.Contains(text, "\nan event  "+awarded.Event.String()+"\n│  not known: no node that was asked tells of it: score-1 knows all since") {
		t.Error(text)
	}
}

// Where the event is now: in a queue, being handled, to be tried again, or not known.
func TestWhatHasNotEnded(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*teller, *Report)
		want   string
	}{
		"queue": {func(*teller, *Report) {}, "handler judge on clue-1: has not begun, waited 1m0s\n"},
		"running": {func(_ *teller, r *Report) {
			r.Running = []stats.Running{{Handler: "judge", Event: submitted.Event, For: 10 * time.Second}}
		}, "handler judge on clue-1: is running for 10s, waited 50s\n"},
		"again": {func(t *teller, _ *Report) {
			t.tell("clue-1", submitted, stats.Retried, "handler judge", ms, ms, "full")
		},
			"handler judge on clue-1: failed so far in 1ms, waited 1ms; to be tried again\n     full\n"},
		"again now": {func(t *teller, r *Report) {
			t.tell("clue-1", submitted, stats.Retried, "handler judge", ms, ms, "full")
			r.Running = []stats.Running{{Handler: "judge", Event: submitted.Event, For: 10 * time.Second}}
		}, "; being tried again now\n"},
		"came twice": {func(t *teller, _ *Report) {
			t.tell("clue-1", submitted, stats.Imported, "", ms, 0, "")
			t.tell("clue-1", submitted, stats.Imported, "", 2*ms, 0, "")
		}, "import on clue-1: came 2 times\n"},
		"returned": {func(t *teller, _ *Report) {
			t.tell("clue-1", submitted, stats.Returned, "handler judge", ms, ms, "full")
		}, "; comes again from the outbox"},
		"restarted": {func(_ *teller, r *Report) { r.Started = noon + 1 }, "handler judge on clue-1: its end is not known; the node was started again at"},
		"fell out":  {func(_ *teller, r *Report) { r.Since = noon + 1 }, "handler judge on clue-1: its end is not known; its end fell out of the recorder"},
		"shed": {func(t *teller, _ *Report) {
			r := submitted
			r.Rule = "queue-full"
			r.Count = 1024
			t.tell("clue-1", r, stats.Shed, "handler judge", ms, 0, "")
		}, "handler judge on clue-1: shed by rule queue-full, one of 1024 such events\n"},
	} {
		t.Run(name, func(t *testing.T) {
			told := newTeller()
			told.tell("clue-1", submitted, stats.Admitted, "", 0, 0, "")
			c.change(told, told.reports["clue-1"])
			if text := Explain(submitted.Event, told.of("clue-1")...).String(); !strings.Contains(text, c.want) || strings.Count(text, "\n   handler judge") != 1 {
				t.Errorf("it lacks %q:\n%s", c.want, text)
			}
		})
	}
}

// Of many events that came to the same the first stands for all; one that came to something else,
// or that is asked for, is shown.
func TestManyAlikeAreOneLine(t *testing.T) {
	told := newTeller()
	told.tell("clue-1", submitted, stats.Admitted, "", 0, 0, "")
	told.tell("clue-1", submitted, stats.Handled, "handler judge", 1*ms, ms, "")
	for i := range byte(100) {
		r, rule := solved, "few"
		r.Event, r.Emitted, r.Rule = idOf(2*ms, 10+i), solved.Emitted+int64(i)*int64(ms), rule
		if i == 50 {
			r.Rule = "other"
		}
		told.tell("clue-1", r, stats.Refused, "emit", time.Duration(2+i)*ms, 0, "")
	}
	id := func(n byte) string { return idOf(2*ms, 10+n).String() }
	want := `
clue.clue.solved (key otters), emit on clue-1: refused by rule few
99 steps more went wrong.

clue.answer.submitted (key otters) from clue-1 at 2026-11-28 12:00:00.000  ` + submitted.Event.String() + `
│  handler judge on clue-1: handled in 1ms, waited 1ms
├─ clue.clue.solved (key otters) from clue-1 +2ms  ` + id(0) + `
│     emit on clue-1: refused by rule few
│  … and 49 more of which the same became, the last +51ms
├─ clue.clue.solved (key otters) from clue-1 +52ms  ` + id(50) + `
│     emit on clue-1: refused by rule other
├─ clue.clue.solved (key otters) from clue-1 +53ms  ` + id(51) + `
│     emit on clue-1: refused by rule few
│  … and 46 more of which the same became, the last +99ms
├─ clue.clue.solved (key otters) from clue-1 +100ms  ` + id(98) + `  ← asked for
│     emit on clue-1: refused by rule few
└─ clue.clue.solved (key otters) from clue-1 +101ms  ` + id(99) + `
      emit on clue-1: refused by rule few
`
	wantText(t, Explain(idOf(2*ms, 10+98), told.of("clue-1")...), want)
}

// The explanation does not depend on the order of reports and records, nor on what is told twice.
func TestOrderAndRepeatsDoNotMatter(t *testing.T) {
	reports := failing().of("clue-1", "score-1")
	want := Explain(awarded.Event, reports...).String()
	for range 100 {
		for i := range reports {
			r := slices.Clone(reports[i].Records)
			r = append(r, r[rand.IntN(len(r))])
			rand.Shuffle(len(r), func(i, j int) { r[i], r[j] = r[j], r[i] })
			reports[i].Records = r
		}
		slices.Reverse(reports)
		if got := Explain(awarded.Event, reports...).String(); got != want {
			t.Fatalf("got\n%s\nwant\n%s", got, want)
		}
	}
}

// A report goes through JSON.
func TestReportsTravel(t *testing.T) {
	reports := failing().of("clue-1", "score-1")
	text, err := json.Marshal(reports)
	if err != nil {
		t.Fatal(err)
	}
	var back []Report
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if got, want := Explain(awarded.Event, back...).String(), Explain(awarded.Event, reports...).String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestLinked(t *testing.T) {
	told := failing()
	fresh := Record{Event: idOf(12*ms, 9), Root: idOf(12*ms, 9), Parent: awarded.Event, Type: "score.report.begun"}
	told.tell("score-1", fresh, stats.Admitted, "", 12*ms, 0, "")
	got := Linked([]cause.ID{fresh.Event}, told.of("clue-1", "score-1")...)
	if want := []cause.ID{awarded.Root, awarded.Event}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if more := Linked(append(got, fresh.Event), told.of("clue-1", "score-1")...); len(more) != 0 {
		t.Errorf("%v once more", more)
	}
}

func TestNothingIsKnown(t *testing.T) {
	x := Explain(awarded.Event, Report{Node: "clue-1", Started: noon}, Report{Node: "hunt-1", Problem: "it has no recorder"})
	wantText(t, x, `
Nothing is known of `+awarded.Event.String()+`.

Not known:
  hunt-1: it has no recorder
  `+awarded.Event.String()+` is not known: clue-1 knows all since 2026-11-28 12:00:00.000, hunt-1: it has no recorder. Of older cascades a node keeps those in which something went wrong, and one in 10000 of the others
`)
	if x.Found {
		t.Error("found")
	}
}

// Hostile records make no endless tree: an event that is its own cause, or two that are each
// other's.
func TestCirclesEnd(t *testing.T) {
	told := newTeller()
	a, b := submitted, solved
	a.Root, b.Root = idOf(0, 8), idOf(0, 8)
	a.Parent, b.Parent = b.Event, a.Event
	told.tell("clue-1", a, stats.Admitted, "", 0, 0, "")
	told.tell("clue-1", b, stats.Admitted, "", 0, 0, "")
	c := awarded
	c.Parent = c.Event
	told.tell("score-1", c, stats.Admitted, "", 0, 0, "")
	x := Explain(a.Event, told.of("clue-1", "score-1")...)
	for _, id := range []cause.ID{a.Event, b.Event, c.Event} {
		if n := strings.Count(x.String(), id.String()); n != 1 {
			t.Errorf("%s is there %d times:\n%s", id, n, x)
		}
	}
}

func TestIDs(t *testing.T) {
	event, root := submitted.Event, awarded.Event
	for text, want := range map[string][]cause.ID{
		"":                             nil,
		event.String():                 {event},
		"no id: " + event.String()[1:]: nil,
		strings.ReplaceAll(event.String(), "-", "") + "-0123456789abcdef":                                                                 {event}, // a letter's key
		strings.ReplaceAll(event.String(), "-", "") + "-0123456789abcde":                                                                  nil,
		"x" + strings.ReplaceAll(event.String(), "-", "") + "-0123456789abcdef":                                                           nil,
		`time=12:00 level=WARN msg="handler failed" root=` + root.String() + ` event=` + event.String() + ` key=` + solved.Event.String(): {event, root, solved.Event},
		`{"root":"` + root.String() + `","event":"` + event.String() + `"}`:                                                               {event, root},
	} {
		if got := IDs(text); !slices.Equal(got, want) {
			t.Errorf("%q has %v, want %v", text, got, want)
		}
	}
}

// An event leaves its node before it comes to another one, whatever their clocks say.
func TestAnEventLeavesBeforeItComes(t *testing.T) {
	for _, came := range []time.Duration{ms, 3 * ms, -time.Hour} {
		told := newTeller()
		told.tell("clue-1", solved, stats.Handled, "handler hints", 2*ms, 0, "")
		told.tell("score-1", solved, stats.Imported, "", came, 0, "")
		told.tell("clue-1", solved, stats.Exported, "export", 4*ms, 0, "")
		var order []string
		for _, s := range Explain(solved.Event, told.of("clue-1", "score-1")...).Cascades[0].Effects[0].Steps {
			order = append(order, s.Place)
		}
		if left, arrived := slices.Index(order, "export"), slices.Index(order, "import"); left < 0 || arrived < left {
			t.Errorf("came at %v: %q", came, order)
		}
	}
}

// Nodes that did not answer do not vouch that nothing went wrong.
func TestTheVerdictIsOfWhoAnswered(t *testing.T) {
	id := cause.NewID(1)
	x := Explain(id, Report{Node: "hunt-1", Problem: "its link is down"}, Report{Node: "clue-1", Now: 5, Records: []Record{
		{Root: id, Event: id, Type: "clue.answer.given", Node: "clue-1", Place: "handler judge", Outcome: stats.Handled, At: 1, Emitted: 1, Took: 1}}})
	if want := "Nothing went wrong in this cascade, as far as clue-1 knows."; x.Verdict() != want || len(x.Nodes) != 2 {
		t.Errorf("%s; asked were %v", x.Verdict(), x.Nodes)
	}
}
