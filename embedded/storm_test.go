package main

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"leafmesh/embedded/measure"
	"leafmesh/embedded/storm"
)

func TestStormPrintsJSONAlone(t *testing.T) {
	defer goleak.VerifyNone(t)
	status, out, err := run(t.Context(), "storm", "-json", "-rate", "20", "-for", "200ms")
	if status != 0 {
		t.Fatalf("status %d: %s", status, err)
	}
	var result storm.Result
	decoder := json.NewDecoder(strings.NewReader(out))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&result); err != nil || decoder.More() {
		t.Fatalf("the output is no JSON object alone: %v\n%s", err, out)
	}
	checkStormKeys(t, out)
	if result.Rate != 20 || result.Seconds != 0.2 || result.Cap != storm.DefaultCap || result.Summary == "" {
		t.Errorf("the result is %+v", result)
	}
	if on := result.On; on.Roots == 0 || on.Handled == 0 || on.Handled > on.Allowed ||
		on.Refused["cascade-loop"] == 0 || !strings.Contains(on.Examples["cascade-loop"], " → ") {
		t.Errorf("with the guard on: %+v", on)
	}
	if off := result.Off; off.Roots == 0 || off.Handled == 0 || off.EndedBy != storm.Time {
		t.Errorf("with the guard off: %+v", off)
	}
}

// checkStormKeys checks the names that programs read.
func checkStormKeys(t *testing.T, out string) {
	t.Helper()
	var top, trial map[string]json.RawMessage
	if err := json.Unmarshal([]byte(out), &top); err != nil {
		t.Fatal(err)
	}
	wantKeys(t, "the result", top, "rate", "for_seconds", "cap", "off", "on", "held", "summary")
	for _, name := range []string{"off", "on"} {
		trial = nil
		if err := json.Unmarshal(top[name], &trial); err != nil {
			t.Fatal(err)
		}
		wantKeys(t, name, trial, "bounds", "roots", "handled", "allowed", "refused", "lost", "examples", "ended_by",
			"quiet", "storm", "factor", "quiet_heap_bytes", "peak_heap_bytes")
		for part, keys := range map[string][]string{
			"quiet": {"events", "mean_us", "p99_us"}, "storm": {"events", "mean_us", "p99_us"},
			"bounds": {"depth", "loops", "descendants", "deadline_seconds"},
		} {
			var values map[string]json.RawMessage
			if err := json.Unmarshal(trial[part], &values); err != nil {
				t.Fatal(err)
			}
			wantKeys(t, name+"."+part, values, keys...)
		}
	}
}

func wantKeys(t *testing.T, name string, got map[string]json.RawMessage, want ...string) {
	t.Helper()
	for _, key := range want {
		if _, found := got[key]; !found {
			t.Errorf("no %q in %s", key, name)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s has %d keys, want %d", name, len(got), len(want))
	}
}

func TestPrintStorm(t *testing.T) {
	var out strings.Builder
	if err := printStorm(&out, storm.Result{
		Off: storm.Trial{Bounds: storm.Bounds{Depth: 31, Loops: 31, Descendants: 1_000_000}, Roots: 125, Handled: 12_887_328,
			Refused: map[string]uint64{"queue-full": 10_974_445}, Examples: map[string]string{"queue-full": "not shown"},
			EndedBy: storm.Time, Storm: measure.Handling{Mean: 32_076.4, P99: 124_999.1}, PeakHeap: 265_800_000},
		On: storm.Trial{Handled: 374_750, Allowed: 375_125, Refused: map[string]uint64{"cascade-loop": 125},
			Examples: map[string]string{"cascade-loop": "a → b → a"}, EndedBy: storm.Itself},
		Summary: "It held.",
	}); err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(out.String()), " ")
	for _, want := range []string{"guard off guard on", "depth 31, loops 31, descendants 1,000,000", "root events 125 0",
		"events handled 12,887,328 374,750", "allowed at most 0 375,125", "refused by cascade-loop 0 125", "refused by queue-full 10,974,445 0",
		"ended by time itself", "mean 32.1 ms, p99 125.0 ms", "largest heap 265.8 MB", "a → b → a", "It held."} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	if strings.Contains(text, "not shown") {
		t.Errorf("an example of the run without a guard is printed:\n%s", out.String())
	}
}

// An interrupted storm leaves nothing running and prints no result.
func TestStormStopsWhenInterrupted(t *testing.T) {
	defer goleak.VerifyNone(t)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	status, out, err := run(ctx, "storm", "-json", "-for", "10m")
	if status != 1 || out != "" || !strings.Contains(err, "stopped before there was a result") {
		t.Errorf("status %d, output %q, error %q", status, out, err)
	}
}
