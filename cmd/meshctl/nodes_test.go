package main

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"leafmesh/cmd/meshctl/internal/faketap"
	"leafmesh/mesh/stats"
)

// answerAt gives answers as nodes do, by the question: JSON, or an error as "404 text".
func answerAt(answers map[string]string) faketap.Answer {
	return func(m *nats.Msg) *nats.Msg {
		answer, known := answers[strings.TrimPrefix(m.Subject, "mesh.ops.")]
		if !known {
			answer = "404 nothing is known as that"
		}
		var code int
		if n, _ := fmt.Sscan(answer, &code); n == 1 && code >= 400 {
			return faketap.Fail(code, answer[4:])
		}
		return &nats.Msg{Data: []byte(answer)}
	}
}

func encoded(t *testing.T, value any) string {
	t.Helper()
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// seedFile makes the key of an operator.
func seedFile(t *testing.T) string {
	t.Helper()
	file := t.TempDir() + "/anna.nk"
	if _, stderr, code := meshctl("key", file); code != 0 {
		t.Fatal(stderr)
	}
	return file
}

// Through one tap an operator sees all nodes, with their health and clocks, and who is silent.
func TestNodesOfAnOperator(t *testing.T) {
	at := func(ahead time.Duration) int64 { return time.Now().Add(ahead).UnixNano() }
	tap := faketap.Open(t, "clue-1", func(m *nats.Msg) *nats.Msg {
		return answerAt(map[string]string{
			"all.stats": fmt.Sprintf(`{"answers":[{"node":"clue-1","answer":%s},{"node":"score-1","answer":%s}],"silent":["hunt-1"]}`,
				encoded(t, stats.Stats{Node: "clue-1", At: at(0), Waiting: 3, Letters: stats.Letters{Count: 2}, Links: []stats.Link{{Peer: "score-1", Direction: "imports", Connected: true}, {Peer: "hunt-1", Direction: "imports"}, {Peer: "score-1", Direction: "exports"}}}), encoded(t, stats.Stats{Node: "score-1", At: at(-time.Hour)})),
			"all.health": `{"answers":[{"node":"clue-1","answer":{"node":"clue-1","version":"1.2.3","wire":2,"up_since":"2026-11-29T03:00:00Z","ready":true}},
				{"node":"score-1","answer":{"node":"score-1","version":"1.2.2","wire":2,"up_since":"2026-11-29T04:00:00.5+01:00","ready":false,"problems":["its link to hunt-1 is down"]}}]}`,
		})(m)
	})
	stdout, stderr, code := meshctl("nodes", "-s", tap, "--operator", seedFile(t))
	lines := strings.Split(stdout, "\n")
	if code != 1 || stderr != "meshctl: hunt-1: it did not answer in time, or no link leads there\n" || len(lines) != 4 {
		t.Fatalf("exit %d, %q\n%s", code, stderr, stdout)
	}
	// The two times of the answers were read one after the other, so the hour is not exact.
	if !strings.HasPrefix(lines[1], "clue-1   1.2.3    2026-11-29 03:00:00  ready                                  1/2 up  3        2        same ±") ||
		!regexp.MustCompile(`^score-1  1\.2\.2    2026-11-29 03:00:00  not ready: its link to hunt-1 is down  0/0 up  0        0        -(1h0m0(\.0\d*)?|59m59\.9\d*)s ±`).MatchString(lines[2]) {
		t.Errorf("\n%s", stdout)
	}
}

// Real nodes are listed without an operator, each at its tap.
func TestNodes(t *testing.T) {
	servers, _ := openMesh(t)
	var rows []nodeRow
	stdout, stderr, code := meshctl("nodes", "-o", "json", "-s", servers[1], "-s", servers[0])
	if err := json.Unmarshal([]byte(stdout), &rows); err != nil || code != 0 || len(rows) != 2 {
		t.Fatalf("exit %d, %q, %v\n%s", code, stderr, err, stdout)
	}
	if r := rows[0]; r.Node != "clue-1" || r.Links != 1 || r.LinksUp != 1 || r.Clock.Abs() > r.ClockWithin+time.Second || r.ClockWithin <= 0 {
		t.Errorf("%+v", r)
	}
	if stdout, stderr, code := meshctl("nodes", "-s", "nats://a:b@127.0.0.1:1"); code != 1 || stdout != "" || !strings.HasPrefix(stderr, "meshctl: nats://127.0.0.1:1: could not be asked at ") {
		t.Errorf("exit %d, %q, %q", code, stdout, stderr)
	}
}

func TestOperatorWithoutASeed(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "wide.nk", "SUAFYWM2VGCHYHVKVFKQWTQT7SYZCHOQ6EJKMSMMBB5PU3WBY4BB3MLXYE\n")
	if err := os.Chmod("wide.nk", 0o644); err != nil {
		t.Fatal(err)
	}
	write(t, "none.nk", "no seed\n")
	for file, want := range map[string]string{
		"gone.nk": "meshctl: gone.nk: the operator's seed: file: ",
		"wide.nk": "meshctl: wide.nk: the operator's seed: file: ",
		"none.nk": "meshctl: none.nk: it holds no seed, as meshctl key makes one\n",
	} {
		if _, stderr, code := meshctl("nodes", "-s", "nats://a:b@127.0.0.1:1", "--operator", file); code != 1 || !strings.HasPrefix(stderr, want) || strings.Contains(stderr, "SUAF") {
			t.Errorf("%s: exit %d, %s", file, code, stderr)
		}
	}
}

// pagesOf answers with one of all entries at a time, but for the first ones that the data says.
func pagesOf(t *testing.T, all []string) faketap.Answer {
	return func(m *nats.Msg) *nats.Msg {
		skip, err := strconv.Atoi(string(m.Data))
		if err != nil {
			t.Errorf("%s: %v", m.Subject, err)
		}
		rest := all[min(skip, len(all)):]
		return &nats.Msg{Data: []byte("[" + strings.Join(rest[:min(1, len(rest))], ",") + "]")}
	}
}
