package graph

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func alarmsText(alarms []Alarm) string {
	var parts []string
	for _, a := range alarms {
		parts = append(parts, fmt.Sprintf("%s(%s)=%s+%d", strings.Join(a.Types, ">"), a.Handler, number(a.Value), a.Repeats))
	}
	return strings.Join(parts, " ")
}

// Each step gives the counts so far, a second after the one before.
func TestWatch(t *testing.T) {
	edge := func(from, to string, count, handled uint64) Sample {
		return Sample{From: from, To: to, By: "h", Count: count, Handled: handled, Workers: 1}
	}
	type check struct {
		samples []Sample
		want    string
	}
	for _, test := range []struct {
		name   string
		checks []check
	}{
		{"below", []check{{[]Sample{edge("a", "b", 100, 10)}, ""}}},
		{"over", []check{{[]Sample{edge("a", "b", 1100, 99)}, "a>b(h)=11+0"}}},
		{"one event is no trend", []check{{[]Sample{edge("a", "b", 900, 1)}, ""}, {[]Sample{edge("a", "b", 900, 9)}, ""},
			{[]Sample{edge("a", "b", 900, 10)}, "a>b(h)=81.82+0"}}},
		{"slowly", []check{{[]Sample{edge("a", "b", 80, 4)}, ""}, {[]Sample{edge("a", "b", 160, 8)}, ""}, {[]Sample{edge("a", "b", 240, 12)}, "a>b(h)=18.46+0"}}},
		{"a change after a long time", []check{{[]Sample{edge("a", "b", 1e6, 1e6)}, ""}, {[]Sample{edge("a", "b", 1e6+2000, 1e6+99)}, "a>b(h)=20+0"}}},
		{"over once and no more", []check{{[]Sample{edge("a", "b", 1100, 99)}, "a>b(h)=11+0"}, {[]Sample{edge("a", "b", 1200, 199)}, ""}}},
		{"many workers", []check{{[]Sample{{"a", "b", "h", 1000, 39, 4}}, ""}, {[]Sample{{"a", "b", "h", 1000, 46, 4}}, "a>b(h)=20+0"}}},
		{"a loop that passes one on", []check{{[]Sample{edge("a", "a", 101, 100)}, ""}, {[]Sample{edge("a", "a", 201, 200)}, ""}}},
		{"a loop that grows", []check{{[]Sample{edge("a", "a", 202, 100)}, "a()=2+0"}}},
		{"a loop of two", []check{{[]Sample{edge("a", "b", 404, 100), edge("b", "a", 50, 99)}, "a>b()=2+0"}}},
		{"a loop that dies out", []check{{[]Sample{edge("a", "b", 404, 100), edge("b", "a", 20, 99)}, ""}}},
		{"a loop over two handlers", []check{{[]Sample{edge("a", "a", 60, 99), {"a", "a", "i", 60, 99, 1}}, "a()=1.2+0"}}},
		{"the highest first", []check{{[]Sample{edge("a", "b", 1200, 99), edge("a", "c", 1300, 99), edge("c", "a", 100, 99)},
			"a>c(h)=13+0 a>c()=13+0 a>b(h)=12+0"}}},
	} {
		w := NewWatch(10, 1)
		for i, c := range test.checks {
			if got := alarmsText(w.Check(c.samples, noon.Add(time.Duration(i)*time.Second))); got != c.want {
				t.Errorf("%s, check %d: %q, want %q", test.name, i, got, c.want)
			}
		}
	}
}

func TestAnAlarmIsRepeatedOnceAMinute(t *testing.T) {
	w := NewWatch(10, 1)
	var said []string
	for second := range 200 {
		n := uint64(second+1) * 100
		if text := alarmsText(w.Check([]Sample{{"a", "b", "h", n * 20, n, 1}}, noon.Add(time.Duration(second)*time.Second))); text != "" {
			said = append(said, fmt.Sprint(second, " ", text))
		}
	}
	if got, want := strings.Join(said, ", "), "0 a>b(h)=19.8+0, 60 a>b(h)=19.8+59, 120 a>b(h)=19.8+59, 180 a>b(h)=19.8+59"; got != want {
		t.Errorf("said %s, want %s", got, want)
	}
}

func TestWhatAWatchSaysIsBounded(t *testing.T) {
	w := NewWatch(10, 1)
	var most int
	for second := range 300 {
		var samples []Sample
		for i := range 1000 {
			n := uint64(second+1) * 100
			samples = append(samples, Sample{From: fmt.Sprint("a", i), To: "b", By: "h", Count: n * 20, Handled: n, Workers: 1})
		}
		if alarms := w.Check(samples, noon.Add(time.Duration(second)*time.Second)); len(alarms) > maxAlarms {
			t.Fatalf("%d alarms at once", len(alarms))
		}
		most = max(most, len(w.said))
	}
	if bound := maxAlarms * 121; most > bound {
		t.Errorf("it remembers %d alarms, more than %d", most, bound)
	}
	w.Check(nil, noon.Add(300*time.Second+2*silence))
	if len(w.said) > 0 {
		t.Errorf("it remembers %d alarms after all was quiet", len(w.said))
	}
}

func TestACycleIsToldOnlyWhileEventsGoRound(t *testing.T) {
	w := NewWatch(10, 1)
	loop := Sample{From: "a", To: "a", By: "h", Count: 202, Handled: 100, Workers: 1}
	other := Sample{From: "x", To: "y", By: "h", Count: 100, Handled: 100, Workers: 1}
	if got := alarmsText(w.Check([]Sample{loop, other}, noon)); got != "a()=2+0" {
		t.Fatalf("alarms %q", got)
	}
	other.Count, other.Handled = 200, 200
	if got := alarmsText(w.Check([]Sample{loop, other}, noon.Add(time.Hour))); got != "" {
		t.Errorf("alarms %q of a cycle that stands still", got)
	}
}

// Whatever the order in which a worker's counts are read, a handler that emits
// one event for each never seems to emit more, and one that emits twice the
// threshold is always found.
func TestWatchAgainstWorkersReadAtAnyMoment(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		workers := rapid.IntRange(1, 8).Draw(t, "workers")
		each := rapid.SampledFrom([]uint64{1, 2}).Draw(t, "each")
		w := NewWatch(1, 1e9)
		busy := make([]bool, workers) // has emitted, is not counted as handled yet
		var s Sample
		s.From, s.To, s.By, s.Workers = "a", "b", "h", workers
		alarmed := false
		for range 40 {
			for range rapid.IntRange(1, 100).Draw(t, "steps") {
				if i := rapid.IntRange(0, workers-1).Draw(t, "worker"); busy[i] {
					s.Handled++
					busy[i] = false
				} else {
					s.Count += each
					busy[i] = true
				}
			}
			alarmed = len(w.Check([]Sample{s}, noon)) > 0 || alarmed
		}
		enough := s.Handled >= 2*minHandled*uint64(workers)
		if alarmed && each == 1 || !alarmed && each == 2 && enough {
			t.Fatalf("each emits %d, alarmed: %v, of %+v", each, alarmed, s)
		}
	})
}
