package metrics

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/internal/race"
	"leafmesh/mesh/stats"
)

// A million keys and a million types that a program makes up while it runs have no series of their
// own, and no event is left out.
func TestAMillionKeysAndTypes(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes some seconds")
	}
	// A program never forgets its event types: those of other tests would be made beside a million.
	const own = "METRICS_TEST_OWN_PROCESS"
	if os.Getenv(own) == "" {
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		child.Env = append(os.Environ(), own+"=yes")
		out, err := child.CombinedOutput()
		if err != nil || !bytes.Contains(out, []byte("--- PASS: "+t.Name())) {
			t.Errorf("in a process of its own: %v\n%s", err, out)
		}
		return
	}
	million := 1_000_000
	if race.Enabled {
		million = 200_000
	}
	node := open(t, mesh.Config{Name: "core-1", Handlers: []mesh.Handler{
		mesh.HandleAll("core.>", "all", func(context.Context, mesh.Any) error { return nil })}})[0]
	c := NewCollector(node)
	ctx := node.Context(t.Context())
	for i := range million {
		if err := stepTaken.Emit(ctx, step{Team: fmt.Sprint("team ", i)}); err != nil {
			t.Fatal(err)
		}
	}
	refused := 0
	for i := range million {
		made := mesh.NewEvent[step](fmt.Sprintf("core.made.up%d", i))
		if err := made.Emit(ctx, step{}); err != nil {
			refused++
		}
	}
	await(t, "the node is at rest", func() bool { return node.Stats().Waiting == 0 })
	var admitted, turnedAway float64
	series, bytes := 0, 0
	for name, f := range gather(t, c) {
		series += len(f.GetMetric())
		if len(f.GetMetric()) > maxSets+25 {
			t.Errorf("%s has %d series", name, len(f.GetMetric()))
		}
		for _, m := range f.GetMetric() {
			labels := labelsOf(m)
			bytes += len(labels)
			if strings.Contains(labels, "team") {
				t.Fatalf("a key is a label: %s %s", name, labels)
			}
			switch {
			case name == "leafmesh_events_total" && strings.Contains(labels, "outcome=admitted"):
				admitted += m.GetCounter().GetValue()
			case name == "leafmesh_events_total" && strings.Contains(labels, "outcome=refused"):
				turnedAway += m.GetCounter().GetValue()
			}
		}
	}
	if admitted+turnedAway != float64(2*million) || turnedAway != float64(refused) {
		t.Errorf("%v admitted and %v refused, %d of them by Emit", admitted, turnedAway, refused)
	}
	if series > 5000 {
		t.Errorf("%d series, with %d bytes of labels", series, bytes)
	}
	t.Logf("%d series", series)
}

// Whatever sets of labels come up, those that were there first keep their series, the others share
// one for each outcome, and no counter falls.
func TestSetsOfLabelsAreBounded(t *testing.T) {
	from := &fixed{}
	c := newCollector("core-1", from)
	before := map[string]float64{}
	for round := range 4 {
		from.counts.Counts = nil
		for i := range 1500 * (round + 1) {
			i = (i + 700*round) % (1500 * (round + 1)) // in another order each time
			from.counts.Counts = append(from.counts.Counts, stats.Count{Type: fmt.Sprint("a.b.c", i), Outcome: stats.Admitted, Count: uint64(1 + i%7)},
				stats.Count{Type: fmt.Sprint("a.b.c", i), Outcome: stats.Lost, Place: "emit", Count: uint64(round + 1)})
		}
		var want, got float64
		for _, count := range from.counts.Counts {
			want += float64(count.Count)
		}
		now := map[string]float64{}
		for _, m := range gather(t, c)["leafmesh_events_total"].GetMetric() {
			now[labelsOf(m)] = m.GetCounter().GetValue()
			got += m.GetCounter().GetValue()
		}
		for labels, value := range before {
			if now[labels] < value {
				t.Fatalf("round %d: %s fell from %v to %v", round, labels, value, now[labels])
			}
		}
		if before = now; got != want || len(now) > maxSets+2 {
			t.Errorf("round %d: %v events in %d series, want %v in %d at most", round, got, len(now), want, maxSets+2)
		}
	}
	for _, outcome := range []string{"admitted", "lost"} {
		if labels := "node=core-1 outcome=" + outcome + " place=other rule=other type=other"; before[labels] == 0 {
			t.Errorf("nothing is under %s", labels)
		}
	}
}

// Of times that are counted together the longest counts, and of links the one that is down.
func TestWhatIsCountedTogetherTellsTheWorst(t *testing.T) {
	from := &fixed{}
	for i := range maxSets + 3 {
		from.counts.Lines = append(from.counts.Lines, stats.Line{Type: fmt.Sprint(i), Waiting: 1, Oldest: time.Duration(i) * time.Second})
		from.counts.Links = append(from.counts.Links, stats.Link{Peer: fmt.Sprint(i), Connected: i != maxSets+1})
	}
	got := gather(t, newCollector("core-1", from))
	for name, want := range map[string]float64{"leafmesh_line_oldest_seconds": maxSets + 2, "leafmesh_line_waiting_events": 3, "leafmesh_link_up": 0} {
		found := false
		for _, m := range got[name].GetMetric() {
			if strings.Contains(labelsOf(m), "=other") {
				if found = true; m.GetGauge().GetValue() != want {
					t.Errorf("%s: %v, want %v", name, m.GetGauge().GetValue(), want)
				}
			}
		}
		if !found {
			t.Errorf("%s: nothing is counted together", name)
		}
	}
}

// A name that is no UTF-8 harms no scrape.
func TestAnyNameCanBeALabel(t *testing.T) {
	from := &fixed{counts: stats.Stats{Counts: []stats.Count{{Type: "a.b.c", Outcome: stats.Lost, Place: "handler \xff", Count: 1}}}}
	from.durations = []stats.Durations{{Of: stats.MeasuredWait, Type: "a.b.c", Place: "handler \xff", Histogram: stats.Histogram{Classic: make([]uint64, 15)}}}
	got := gather(t, newCollector("core-1", from))
	for _, name := range []string{"leafmesh_events_total", "leafmesh_wait_seconds"} {
		if labels := labelsOf(got[name].GetMetric()[0]); !strings.Contains(labels, "place=handler \uFFFD") {
			t.Errorf("%s: %q", name, labels)
		}
	}
}

// Checks of one name have one series, that of the worst, and beyond the bound they have one
// together.
func TestChecksAreBounded(t *testing.T) {
	fine := func(context.Context) error { return nil }
	checks := []Check{{"database", func(context.Context) error { return errors.New("disk full") }}, {"database", fine}}
	for i := range maxSets {
		checks = append(checks, Check{fmt.Sprint("check ", i), fine})
	}
	c := newCollector("core-1", &fixed{})
	c.ready = newReadiness(checks)
	series := gather(t, c)["leafmesh_ready"].GetMetric()
	failing := ""
	for _, m := range series {
		if m.GetGauge().GetValue() == 0 {
			failing += labelsOf(m)
		}
	}
	if len(series) != maxSets+1 || failing != "check=database node=core-1" {
		t.Errorf("%d series, those that fail: %s", len(series), failing)
	}
}
