package main

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"leafmesh/mesh/graph"
)

// The graph has what all nodes have seen, and each edge once.
func TestGraph(t *testing.T) {
	servers, _ := openMesh(t)
	stdout, stderr, code := meshctl("graph", "--every", "0", "-s", servers[1], "-s", servers[0])
	for _, part := range []string{"flowchart LR\n", `"nodes: clue-1, score-1"`, `["clue.clue.solved (exported, imported)"]`, `|"clue/judge ×1"|`, `|"score/award ×1"|`} {
		if code != 0 || stderr != "" || strings.Count(stdout, part) != 1 {
			t.Errorf("exit %d, %q, not once %q in\n%s", code, stderr, part, stdout)
		}
	}
	asJSON, _, _ := meshctl("graph", "--every", "0", "-o", "json", "-s", servers[1], "-s", servers[0])
	var g graph.Graph
	if err := json.Unmarshal([]byte(asJSON), &g); err != nil || strings.Join(g.Nodes, " ") != "clue-1 score-1" || g.Mermaid() != stdout {
		t.Errorf("%v: %+v", err, g)
	}
	if part, stderr, code := meshctl("graph", "--every", "0", "-s", servers[0], "-s", "nats://a:b@127.0.0.1:1"); code != 1 || !strings.Contains(part, "judge") || !strings.Contains(stderr, "could not be asked") {
		t.Errorf("exit %d, %q\n%s", code, stderr, part)
	}
}

// While events come, the arrows have their rates; an image is one that viewers read.
func TestGraphWithRates(t *testing.T) {
	nodes, servers, _ := openNodes(t)
	stop := make(chan struct{})
	var emitting sync.WaitGroup
	emitting.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
				_ = given.Emit(nodes[0].Context(context.Background()), solved{"otters"})
			}
		}
	})
	stdout, stderr, code := meshctl("graph", "--every", "300ms", "-o", "svg", "-s", servers[0], "-s", servers[1])
	close(stop)
	emitting.Wait()
	if code != 0 || stderr != "" || !regexp.MustCompile(`>clue/judge ×1, [1-9][0-9.]*/s<`).MatchString(stdout) || !regexp.MustCompile(`>score/award ×1, [1-9]`).MatchString(stdout) {
		t.Errorf("exit %d, %q\n%s", code, stderr, stdout)
	}
	if err := xml.Unmarshal([]byte(stdout), new(struct{})); err != nil {
		t.Error(err)
	}
	if _, stderr, code := meshctl("graph", "--every=-1s", "-s", servers[0]); code == 0 || !strings.Contains(stderr, "--every") {
		t.Errorf("exit %d, %q", code, stderr)
	}
}
