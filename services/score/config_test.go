package score

import (
	"strings"
	"testing"

	"leafmesh/services/servicetest"
)

func TestConfig(t *testing.T) {
	const limits = "mesh:\n  name: score-1\n  limits:\n" +
		"  - {event: score.leaderboard.changed, limit: {rate: 1/s, policy: wait}}\n" +
		"  - {event: score.points.awarded, limit: {rate: 1/s, policy: POLICY}}\n"
	for _, policy := range []string{"refuse", "shed"} {
		if _, err := servicetest.LoadYAML(t, strings.ReplaceAll(limits, "POLICY", policy)+"data: data\nhunt: hunt.yaml\n", new(Config)); err != nil {
			t.Errorf("policy %s: %v", policy, err)
		}
	}
	_, err := servicetest.LoadYAML(t, strings.ReplaceAll(limits, "POLICY", "wait")+"hunt: hunt.yaml\n", new(Config))
	for _, want := range []string{":5: mesh.limits[1].limit.policy: ", "data: it is missing"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	if err != nil && strings.Contains(err.Error(), "limits[0]") {
		t.Errorf("the limit of another event was refused: %v", err)
	}
	// A pattern stands for the event too.
	for pattern, refused := range map[string]bool{">": true, "score.*.awarded": true, "*.points.*": true, "clue.>": false} {
		yaml := strings.Replace(strings.ReplaceAll(limits, "POLICY", "wait"), "score.points.awarded", `"`+pattern+`"`, 1)
		_, err := servicetest.LoadYAML(t, yaml+"data: data\nhunt: hunt.yaml\n", new(Config))
		if got := err != nil && strings.Contains(err.Error(), "limits[1].limit.policy"); got != refused {
			t.Errorf("pattern %s: %v", pattern, err)
		}
	}
}
