package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"leafmesh/cmd/meshctl/internal/faketap"
	"leafmesh/mesh/stats"
)

// Both ends tell of a link; of one that is down, what is known of why.
func TestLinks(t *testing.T) {
	nodes, servers, _ := openNodes(t)
	var rows []linkRow
	stdout, stderr, code := meshctl("links", "-o", "json", "-s", servers[0], "-s", servers[1])
	if err := json.Unmarshal([]byte(stdout), &rows); err != nil || code != 0 || len(rows) != 2 {
		t.Fatalf("exit %d, %q, %v in %s", code, stderr, err, stdout)
	}
	for i, want := range []linkRow{{Node: "clue-1", Link: stats.Link{Peer: "score-1", Direction: "exports"}}, {Node: "score-1", Link: stats.Link{Peer: "clue-1", Direction: "imports"}}} {
		if r := rows[i]; r.Node != want.Node || r.Peer != want.Peer || r.Direction != want.Direction || !r.Connected || r.ClockWithin <= 0 || r.Clock.Abs() > r.ClockWithin+time.Second || r.Why != "" {
			t.Errorf("%+v", r)
		}
	}
	if stdout, _, code := meshctl("links", "--down", "-s", servers[1]); code != 0 || stdout != "No links.\n" {
		t.Errorf("exit %d, %s", code, stdout)
	}
	if err := nodes[0].Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for nodes[1].Stats().Links[0].Connected {
		if time.Now().After(deadline) {
			t.Fatal("the link is still up")
		}
		time.Sleep(time.Millisecond)
	}
	stdout, stderr, code = meshctl("links", "-s", servers[0], "-s", servers[1])
	if code != 1 || !strings.Contains(stdout, "score-1  imports from  clue-1  down") || !strings.Contains(stderr, "could not be asked at") {
		t.Errorf("exit %d, %q\n%s", code, stderr, stdout)
	}
}

func TestWhyALinkIsDown(t *testing.T) {
	down := func(peer, direction string) stats.Link { return stats.Link{Peer: peer, Direction: direction} }
	s := stats.Stats{Node: "score-1", At: time.Now().UnixNano(), Links: []stats.Link{down("clue-1", "imports"), down("hunt-1", "imports"), down("hunt-2", "imports"), down("hunt-3", "imports"), down("hunt-4", "exports")},
		DurableImports: []stats.DurableImport{{Peer: "hunt-1", Problem: "hunt-1 does not let score-1 import it"}}}
	s.Links[0].Why = "there is no TLS at clue-1"
	tap := faketap.Open(t, "score-1", answerAt(map[string]string{
		"all.stats": fmt.Sprintf(`{"answers":[{"node":"score-1","answer":%s}],"silent":["hunt-2"]}`, encoded(t, s)),
	}))
	stdout, _, code := meshctl("links", "-s", tap, "--operator", seedFile(t))
	for _, part := range []string{"score-1  imports from  clue-1  down     0         0 B    unknown  there is no TLS at clue-1\n",
		"hunt-1  down     0         0 B    unknown  hunt-1 does not let score-1 import it\n", "hunt-2: it did not answer in time",
		"unknown  not known here: the log of score-1 says why it cannot dial hunt-3\n", "exports to    hunt-4  unknown  0         0 B    unknown  not known here: hunt-4 has not dialed; it was not asked whether it imports anything, or its log says why not\n"} {
		if code != 1 || !strings.Contains(stdout, part) {
			t.Errorf("exit %d, no %q in\n%s", code, part, stdout)
		}
	}
}

// What a node knows of a link that was up stands there, also if the peer cannot be asked; and the
// two links of a pair of nodes are not taken for each other.
func TestALinkThatIsKnownToBeDown(t *testing.T) {
	since := time.Date(2026, 11, 29, 13, 0, 1, 0, time.UTC)
	down := func(peer, direction string, state stats.LinkState) stats.Link {
		return stats.Link{Peer: peer, Direction: direction, LinkState: state}
	}
	s := stats.Stats{Node: "clue-1", At: time.Now().UnixNano(), Links: []stats.Link{
		down("score-1", "exports", stats.LinkState{Since: since, Cause: stats.Ended, Why: "EOF"}),
		down("score-1", "imports", stats.LinkState{Since: since, Cause: stats.Dead, Why: "connection refused"}),
		down("hunt-1", "exports", stats.LinkState{Cause: stats.Unknown}), down("hunt-1", "imports", stats.LinkState{Why: "no route to host"}),
		{Peer: "hunt-2", Direction: "exports", Missed: true}}}
	tap := faketap.Open(t, "clue-1", answerAt(map[string]string{"stats": encoded(t, s)}))
	stdout, _, code := meshctl("links", "-s", tap)
	for _, part := range []string{"exports to    score-1  down     0         0 B    unknown  ended since 2026-11-29 13:00:01: EOF\n",
		"imports from  score-1  down     0         0 B    unknown  dead since 2026-11-29 13:00:01: connection refused\n",
		"exports to    hunt-2   down     0         0 B    unknown  hunt-2 imports from this node, and is not linked\n",
		"exports to    hunt-1   unknown  0         0 B    unknown  not known here: hunt-1 has not dialed", "imports from  hunt-1   down     0         0 B    unknown  no route to host\n"} {
		if code != 1 || !strings.Contains(stdout, part) {
			t.Errorf("exit %d, no %q in\n%s", code, part, stdout)
		}
	}
}

// What is retried is listed in all its pages, the next to come first.
func TestRetrying(t *testing.T) {
	entry := func(i int, next string) string {
		return fmt.Sprintf(`{"type":"clue.clue.solved","key":"otters","handler":"award","event":"0199b2c4-1234-7abc-8def-0123456789a%d","root":"0199b2c4-1234-7abc-8def-0123456789a%d","try":2,"of":15,"next_at":%q,"error":"no such team"}`, i, i, next)
	}
	all := []string{entry(1, "2026-11-29T03:00:02Z"), entry(2, "2026-11-29T03:00:01Z"), entry(3, "2026-11-29T03:00:03Z")}
	score := faketap.Open(t, "score-1", pagesOf(t, all))
	hunt := faketap.Open(t, "hunt-1", answerAt(map[string]string{"retrying": "[]"}))
	old := faketap.Open(t, "old-1", answerAt(nil))
	stdout, stderr, code := meshctl("retrying", "-s", hunt, "-s", score)
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	if code != 0 || stderr != "" || len(lines) != 4 || !strings.HasPrefix(lines[1], "score-1  2026-11-29 03:00:01  2 of 15  clue.clue.solved  otters  award    no such team  0199b2c4-1234-7abc-8def-0123456789a2") {
		t.Errorf("exit %d, %q\n%s", code, stderr, stdout)
	}
	if stdout, stderr, code := meshctl("retrying", "-s", hunt, "-s", old); code != 1 || stdout != "" || stderr != "meshctl: old-1: nothing is known as that\n" {
		t.Errorf("exit %d, %q, %q", code, stdout, stderr)
	}
}
