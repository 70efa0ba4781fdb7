package sick

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"leafmesh/embedded/measure"
)

// A short run: each sickness was one, by the nodes' counters, and the report is whole. How fast
// anything was is not asked.
func TestEachSicknessIsOne(t *testing.T) {
	defer goleak.VerifyNone(t)
	r, err := Run(t.Context(), Options{For: MinFor})
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string][]string{
		"handler":           {"timed_out", "shed", "log_lines", "slow_seen"},
		"failing-key":       {"retried"},
		"hot-key":           {"delayed"},
		"waiting-rule":      {"hung_up", "passed"},
		"wall-clock":        {"ahead", "behind"},
		"importing-handler": {"timed_out", "shed", "log_lines", "slow_seen"},
	}
	if r.Rounds != 1 || r.Seconds != MinFor.Seconds() || len(r.Sicknesses) != len(shown) || r.Summary == "" {
		t.Errorf("the result is %+v", r)
	}
	held := true
	for _, s := range r.Sicknesses {
		held = held && s.Held
		if len(s.Counts) != len(shown[s.Name]) || s.What == "" || !strings.Contains(s.Line(), s.What) {
			t.Errorf("%+v", s)
		}
		for _, name := range shown[s.Name] {
			if s.Counts[name] == 0 {
				t.Errorf("%s: %s is 0", s.Name, name)
			}
		}
		var where []string
		for _, h := range s.Healthy {
			where = append(where, h.Where)
			if h.Quiet.PerSecond <= 0 || h.Sick.PerSecond <= 0 || h.Quiet.P99 <= 0 || h.Sick.P99 <= 0 || h.Kept <= 0 || h.Factor <= 0 {
				t.Errorf("%s, %s: %+v", s.Name, h.Where, h)
			}
		}
		if !slices.Equal(where, []string{SameNode, OtherNodes, Links}) {
			t.Errorf("%s: %v", s.Name, where)
		}
	}
	if r.Held != held {
		t.Errorf("held %v, want %v", r.Held, held)
	}
}

// In a quiet time nothing is sick.
func TestAQuietTimeIsWell(t *testing.T) {
	defer goleak.VerifyNone(t)
	w := newWard()
	if err := w.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range sicknesses {
		if sicknesses[i].least > 0 {
			continue // of the clock, which is long
		}
		if _, err := w.phase(t.Context(), &sicknesses[i], false, 100*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, s := range []int{0, 1, 5} { // of the others, a busy machine may count some
		counts := sicknesses[s].counts(w)
		if counts["timed_out"] != 0 || counts["retried"] != 0 {
			t.Errorf("%s: %v", sicknesses[s].name, counts)
		}
	}
}

func TestARunStopsWhenInterrupted(t *testing.T) {
	defer goleak.VerifyNone(t)
	cause := errors.New("interrupted")
	for _, after := range []time.Duration{0, 800 * time.Millisecond} {
		ctx, cancel := context.WithTimeoutCause(t.Context(), after, cause)
		_, err := Run(ctx, Options{For: time.Hour})
		cancel()
		if err == nil || !strings.Contains(err.Error(), "stopped before there was a result") || after > 0 && !errors.Is(err, cause) {
			t.Errorf("after %v: %v", after, err)
		}
	}
}

func TestASicknessThatNoCounterShowsIsAnError(t *testing.T) {
	s := Sickness{Name: "hot-key", Counts: map[string]uint64{"delayed": 0, "other": 1}}
	if err := s.check(); err == nil || !strings.Contains(err.Error(), "hot-key: it was not sick, as delayed is 0") {
		t.Error(err)
	}
	if s.Counts["delayed"] = 1; s.check() != nil {
		t.Error(s.check())
	}
}

// Events handled after the end of a phase count for the percentile alone.
func TestMeasuredOf(t *testing.T) {
	const ms = time.Millisecond
	seen := []handled{{0, 1 * ms}, {10 * ms, 12 * ms}, {90 * ms, 100 * ms}, {95 * ms, 195 * ms}}
	if m := measuredOf(seen, 100*ms, 100*ms); m != (Measured{PerSecond: 30, P99: 100_000}) {
		t.Errorf("%+v", m)
	}
	if m := measuredOf(nil, 100*ms, 100*ms); m != (Measured{}) {
		t.Errorf("of nothing: %+v", m)
	}
}

// The factors are medians of each round's own, and not of different rounds.
func TestHealthyOf(t *testing.T) {
	at := func(rate float64, p99 measure.Microseconds) map[string]Measured {
		return map[string]Measured{Links: {rate, p99}}
	}
	h := healthyOf(Links, []round{{at(100, 10), at(90, 10)}, {at(200, 1000), at(200, 3000)}, {at(100, 20), at(98, 50)}})
	if h.Kept != 0.98 || h.Factor != 2.5 || h.Quiet != (Measured{100, 20}) || h.Sick != (Measured{98, 50}) || h.held() {
		t.Errorf("%+v", h)
	}
	for _, c := range []struct {
		kept, factor float64
		held         bool
	}{{MinKept, MaxFactor, true}, {0.94, 1, false}, {1, 2.1, false}, {1, 0, false}} {
		if h := (&Healthy{Kept: c.kept, Factor: c.factor}); h.held() != c.held {
			t.Errorf("%+v: %v", c, h.held())
		}
	}
	if h := healthyOf(Links, []round{{at(0, 0), at(1, 1)}}); h.Kept != 0 || h.Factor != 0 {
		t.Errorf("beside nothing: %+v", h)
	}
}

func TestRounds(t *testing.T) {
	for of, want := range map[time.Duration]struct {
		count  int
		length time.Duration
	}{
		MinFor: {1, MinFor}, time.Second: {1, time.Second}, 1500 * time.Millisecond: {1, 1500 * time.Millisecond},
		DefaultFor: {5, time.Second}, time.Minute: {60, time.Second},
	} {
		if count, length := (Options{For: of}).rounds(); count != want.count || length != want.length {
			t.Errorf("%v: %d of %v", of, count, length)
		}
	}
}

func TestSummary(t *testing.T) {
	r := Result{Held: true, Sicknesses: []Sickness{{Name: "hot-key", Held: true}, {Name: "failing-key"}}}
	if got := r.summarize(); got != "Beside each sickness the aim, at least 95 % of the throughput and at most 2 times the p99, held." {
		t.Error(got)
	}
	r.Held = false
	if got := r.summarize(); got != "Of 2 sicknesses 1 missed the aim, at least 95 % of the throughput and at most 2 times the p99, namely failing-key." {
		t.Error(got)
	}
	s := Sickness{What: "it is sick", Node: "a-1", Healthy: []Healthy{{Kept: 0.99, Factor: 3}, {Kept: 0.8, Factor: 1}}}
	if got := s.Line(); got != "it is sick on a-1: the healthy kept at least 80 % of their throughput, with at most 3.0 times their quiet p99: MISSED" {
		t.Error(got)
	}
}
