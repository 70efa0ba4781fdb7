package main

import (
	"encoding/json"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"leafmesh/embedded/measure"
	"leafmesh/embedded/sick"
)

func TestStormSickPrintsJSONAlone(t *testing.T) {
	defer goleak.VerifyNone(t)
	status, out, err := run(t.Context(), "storm", "-sick", "-json", "-for", "400ms")
	if status != 0 {
		t.Fatalf("status %d: %s", status, err)
	}
	var result sick.Result
	decoder := json.NewDecoder(strings.NewReader(out))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&result); err != nil || decoder.More() {
		t.Fatalf("the output is no JSON object alone: %v\n%s", err, out)
	}
	var top map[string]json.RawMessage
	var list, places []map[string]json.RawMessage
	if err := json.Unmarshal([]byte(out), &top); err != nil {
		t.Fatal(err)
	}
	wantKeys(t, "the result", top, "for_seconds", "rounds", "sicknesses", "held", "summary")
	if err := json.Unmarshal(top["sicknesses"], &list); err != nil {
		t.Fatal(err)
	}
	wantKeys(t, "a sickness", list[0], "name", "what", "node", "counts", "healthy", "held")
	if err := json.Unmarshal(list[0]["healthy"], &places); err != nil {
		t.Fatal(err)
	}
	wantKeys(t, "a place", places[0], "where", "quiet", "sick", "kept", "factor")
}

func TestPrintSick(t *testing.T) {
	var out strings.Builder
	if err := printSick(&out, sick.Result{Summary: "It held.", Sicknesses: []sick.Sickness{{
		Name: "hot-key", What: "a key is hot", Node: "a-1", Counts: map[string]uint64{"delayed": 4894, "a": 1}, Held: true,
		Healthy: []sick.Healthy{
			{Where: sick.SameNode, Quiet: sick.Measured{PerSecond: 500, P99: 1300}, Sick: sick.Measured{PerSecond: 499, P99: measure.Microseconds(1400)}, Kept: 0.998, Factor: 1.08},
			{Where: sick.Links, Kept: 0.97, Factor: 1.5},
		}}}}); err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(out.String()), " ")
	for _, want := range []string{"hot-key same-node 500 499 1.00 1.3 ms 1.4 ms 1.1 links", "a 1, delayed 4,894", "It held.",
		"a key is hot on a-1: the healthy kept at least 97 % of their throughput, with at most 1.5 times their quiet p99: held"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}
