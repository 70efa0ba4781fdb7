package main

import (
	"encoding/json"
	"strings"
	"testing"

	"leafmesh/mesh/graph"
)

// The graph has what all nodes have seen, and each edge once.
func TestGraph(t *testing.T) {
	servers, _ := openMesh(t)
	stdout, stderr, code := meshctl("graph", "-s", servers[1], "-s", servers[0])
	for _, part := range []string{"flowchart LR\n", `["clue.clue.solved (exported, imported)"]`, `|"clue/judge ×1"|`, `|"score/award ×1"|`} {
		if code != 0 || stderr != "" || strings.Count(stdout, part) != 1 {
			t.Errorf("exit %d, %q, not once %q in\n%s", code, stderr, part, stdout)
		}
	}
	asJSON, _, _ := meshctl("graph", "-o", "json", "-s", servers[1], "-s", servers[0])
	var g graph.Graph
	if err := json.Unmarshal([]byte(asJSON), &g); err != nil || strings.Join(g.Nodes, " ") != "clue-1 score-1" || g.Mermaid() != stdout {
		t.Errorf("%v: %+v", err, g)
	}
	if part, stderr, code := meshctl("graph", "-s", servers[0], "-s", "nats://a:b@127.0.0.1:1"); code != 1 || !strings.Contains(part, "judge") || !strings.Contains(stderr, "could not be asked") {
		t.Errorf("exit %d, %q\n%s", code, stderr, part)
	}
}
