package main

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"leafmesh/cmd/meshctl/internal/nodes"
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
	opened, servers, _ := openNodes(t)
	stop := make(chan struct{})
	var emitting sync.WaitGroup
	emitting.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
				_ = given.Emit(opened[0].Context(context.Background()), solved{"otters"})
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

// twice is a mesh that is asked twice.
type twice struct {
	nodes.Mesh
	answers [][]nodes.Answer
}

func (m *twice) Ask(context.Context, string, []byte) []nodes.Answer {
	now := m.answers[0]
	m.answers = m.answers[1:]
	return now
}

// Rates are each node's own. Of one that did not answer both times there are none, and that is
// said.
func TestRatesOfNodes(t *testing.T) {
	begun := time.Now()
	answer := func(node string, count, second int) nodes.Answer {
		text := fmt.Sprintf(`{"nodes": [%q], "edges": [{"from": "a.b.c", "to": "a.b.d", "handler": "go", "service": "clue", "count": %d}]}`, node, count)
		return nodes.Answer{Node: node, Data: []byte(text), Asked: begun.Add(time.Duration(second) * time.Second)}
	}
	silent := nodes.Answer{Node: "clue-2", Err: nodes.ErrSilent}
	for _, test := range []struct {
		name       string
		first, now nodes.Answer
		rate       float64
		complaint  string
	}{
		{"started again", answer("clue-2", 5_000_000, 0), answer("clue-2", 10, 1), 110, ""},
		{"silent before", silent, answer("clue-2", 5_000_000, 1), 100, "meshctl: clue-2: its rates are missing"},
		{"silent now", answer("clue-2", 5_000_000, 0), silent, 100, "meshctl: clue-2: it did not answer in time"},
		{"silent", silent, silent, 100, "meshctl: clue-2: it did not answer in time"},
	} {
		var problems bytes.Buffer
		m := &twice{answers: [][]nodes.Answer{{answer("clue-1", 1_000_000, 0), test.first}, {answer("clue-1", 1_000_100, 1), test.now}}}
		g, err := graphCommand{Every: time.Nanosecond}.whole(t.Context(), output{problems: &problems}, m)
		if len(g.Edges) != 1 || g.Edges[0].Rate != test.rate || (err == nil) != (test.complaint == "") {
			t.Errorf("%s: %+v, %v, want %v/s", test.name, g.Edges, err, test.rate)
		}
		if got := problems.String(); !strings.HasPrefix(got, test.complaint) || strings.Count(got, "meshctl:") != strings.Count(test.complaint, "meshctl:") {
			t.Errorf("%s: it says %q", test.name, got)
		}
	}
}
