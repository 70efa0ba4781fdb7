package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"leafmesh/cmd/meshctl/internal/checkup"
	"leafmesh/cmd/meshctl/internal/faketap"
	"leafmesh/mesh/stats"
)

// A mesh that works is well, but for what one node alone cannot tell; what fails is found with its
// remedy, and the exit code says so.
func TestDoctor(t *testing.T) {
	nodes, servers, _ := openNodes(t)
	stdout, stderr, code := meshctl("doctor", "-s", servers[0], "-s", servers[1])
	if code != 0 || stderr != "" || !strings.Contains(stdout, "√ links: all links are up\n") || !strings.HasSuffix(stdout, "\nAll is well.\n") || strings.Contains(stdout, "\x1b") {
		t.Errorf("exit %d, %q\n%s", code, stderr, stdout)
	}
	stdout, stderr, code = meshctl("doctor", "-s", servers[1])
	if code != 0 || stderr != "" || !strings.Contains(stdout, "? nodes: all nodes answer\n    not known: clue-1 was not asked\n") ||
		!strings.HasSuffix(stdout, "\nNothing is found, but not all could be looked at.\n") {
		t.Errorf("exit %d, %q\n%s", code, stderr, stdout)
	}
	if err := nodes[0].Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	stdout, stderr, code = meshctl("doctor", "-s", servers[0], "-s", servers[1])
	for _, part := range []string{"× nodes: all nodes answer\n    nats://127.0.0.1:", "      → look whether it runs, and whether its tap is where its file says\n", " to look at.\n",
		"? versions: all nodes run one version\n    not known: nats://127.0.0.1:", "? letters: ", "? losses: ", "? unused-exports: every export is imported by some node\n    not known: "} {
		if code != 1 || stderr != "" || !strings.Contains(stdout, part) {
			t.Errorf("exit %d, %q, no %q in\n%s", code, stderr, part, stdout)
		}
	}
}

// What is cut has a note, with until when and how to undo it, on however many pages it stands. With
// nobody but one who does not say, it is not known. Who lists the nodes, or what comes again, sees
// it, too.
func TestCutsAreShown(t *testing.T) {
	until := time.Date(2026, 11, 29, 13, 0, 1, 0, time.UTC)
	answers := map[string]string{"graph": "{}", "health": `{"node":"score-1","ready":true}`,
		"stats": encoded(t, stats.Stats{Node: "score-1", Changes: []stats.Change{{What: "cut", Type: "clue.clue.solved", Place: "handler award", By: "ada", Until: until}}})}
	pages := map[string]string{"0": `{"list":[{"type":"a.b.c","place":"handler x"},{"type":"clue.clue.solved","place":"handler award","cut":true}],"more":1}`,
		"2": `{"list":[{"type":"score.points.awarded","place":"export","cut":true}]}`}
	tap := faketap.Open(t, "score-1", func(m *nats.Msg) *nats.Msg {
		if m.Subject == "mesh.ops.places" {
			return &nats.Msg{Data: []byte(pages[string(m.Data)])}
		}
		return answerAt(answers)(m)
	})
	small := faketap.Open(t, "clue-1", answerAt(map[string]string{"graph": "{}", "health": `{"node":"clue-1","ready":true}`, "stats": `{"node":"clue-1"}`,
		"places": `{"list":[{"type":"a.b.c","place":"handler y"}]}`}))
	stdout, stderr, code := meshctl("doctor", "-s", tap, "-s", small)
	for _, part := range []string{"i cuts: ", "    score-1: handler award gets no clue.clue.solved: cut by ada until 2026-11-29 13:00:01\n      → meshctl restore clue.clue.solved --handler award --node score-1 undoes it\n",
		"    score-1: export gets no score.points.awarded: cut until somebody restores it, or the node is started again\n      → meshctl restore score.points.awarded --export --node score-1 undoes it\n"} {
		if code != 0 || stderr != "" || !strings.Contains(stdout, part) {
			t.Errorf("exit %d, %q, no %q in\n%s", code, stderr, part, stdout)
		}
	}
	const cut = "handler award gets no clue.clue.solved: cut by ada until 2026-11-29 13:00:01"
	stdout, stderr, code = meshctl("nodes", "-s", tap, "-s", small)
	if code != 0 || stderr != "" || !strings.Contains(stdout, "ready: "+cut+"; export gets no score.points.awarded: cut until somebody restores it, or the node is started again ") {
		t.Errorf("nodes: exit %d, %q\n%s", code, stderr, stdout)
	}
	if stdout, _, _ := meshctl("nodes", "-s", tap, "-o", "json"); !strings.Contains(stdout, `"`+cut+`"`) {
		t.Error(stdout)
	}
	answers["retrying"] = "[]"
	stdout, stderr, code = meshctl("retrying", "-s", tap)
	if want := "meshctl: score-1: " + cut + "; meshctl restore clue.clue.solved --handler award --node score-1 undoes it\n"; code != 0 || stdout != "Nothing fails and comes again.\n" || !strings.HasPrefix(stderr, want) || strings.Count(stderr, "\n") != 2 {
		t.Errorf("retrying: exit %d, %q\n%s", code, stderr, stdout)
	}
	old := faketap.Open(t, "score-1", answerAt(answers))
	if stdout, _, _ := meshctl("doctor", "-s", old); !strings.Contains(stdout, "? cuts: ") || !strings.Contains(stdout, "not known: score-1 does not say: it runs an older version\n") {
		t.Error(stdout)
	}
}

// Findings can be left out by name, and are there for programs.
func TestDoctorOfFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "clue.yaml", "name: clue-1\nlisten: \"127.0.0.1:7401\"\nseed: {file: clue-1.nk}\nexports: [{event: clue.clue.solved}]\npeers: [{name: score-1, key: UDQAFUQGA6CIIISYTXIY43JBXK7HECE2UEO2WOQGLNOVJY2Z7AG3KNGJ, may_import: all}]\n")
	write(t, "score.yaml", "name: score-1\nmax_payload: 1KiB\n")
	var checks []checkup.Check
	stdout, _, code := meshctl("doctor", "--no-secrets", "-o", "json", "clue.yaml", "score.yaml")
	if err := json.Unmarshal([]byte(stdout), &checks); err != nil || code != 1 {
		t.Fatalf("exit %d, %v in %s", code, err, stdout)
	}
	found := ""
	for _, c := range checks {
		for range c.Findings {
			found += c.Name + " "
		}
	}
	if found != "payload-limits " || !strings.Contains(stdout, "clue.yaml exports clue.clue.solved, and none of these files imports it") {
		t.Errorf("%s in %s", found, stdout)
	}
	for args, want := range map[string]struct {
		code int
		text string
	}{
		"--no-secrets --ignore payload-limits clue.yaml score.yaml":                         {0, "i unused-exports: every export is imported by some file\n    clue.yaml exports clue.clue.solved, and none of these files imports it\n"},
		"--no-secrets --ignore payload-limits --ignore unused-exports clue.yaml score.yaml": {0, "All is well."},
		"clue.yaml score.yaml":              {1, "clue.yaml:3: seed.file: "},
		"none.yaml":                         {1, "read configuration: stat none.yaml"},
		"--no-secrets --ignore x clue.yaml": {1, `meshctl: there is no check "x" to ignore: there are files, payload-limits, names, keys, exchange, unused-exports`},
		"-f clue.yaml score.yaml":           {1, "meshctl: node files without a flag are judged alone"},
		"":                                  {1, "meshctl: no node to ask"},
	} {
		stdout, stderr, code := meshctl(append([]string{"doctor"}, strings.Fields(args)...)...)
		if code != want.code || !strings.Contains(stdout+stderr, want.text) {
			t.Errorf("%s: exit %d\n%s%s", args, code, stdout, stderr)
		}
	}
}

// What could not be read is not judged together with the others: it is neither well nor a finding.
func TestDoctorOfBrokenFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "clue.yaml", "name: clue-1\nmax_payload: 1 apple\n")
	write(t, "hunt.yaml", "name: hunt-1\njunk: {\n")
	write(t, "score.yaml", "name: score-1\nlisten: \"127.0.0.1:7401\"\nseed: {file: score-1.nk}\nexports: [{event: score.points.awarded}]\npeers: [{name: hunt-1, key: UDQAFUQGA6CIIISYTXIY43JBXK7HECE2UEO2WOQGLNOVJY2Z7AG3KNGJ, may_import: all}]\n")
	for _, files := range []string{"clue.yaml hunt.yaml score.yaml", "clue.yaml hunt.yaml"} {
		stdout, stderr, code := meshctl(append([]string{"doctor", "--no-secrets"}, strings.Fields(files)...)...)
		for _, part := range []string{"clue.yaml:2: max_payload: ", "hunt.yaml:2: not YAML", "? names: no two nodes have one name\n    not known: clue.yaml is not good",
			"? payload-limits: ", "? keys: ", "? exchange: ", "? unused-exports: ", "\n2 to look at.\n"} {
			if code != 1 || stderr != "" || !strings.Contains(stdout, part) {
				t.Errorf("%s: exit %d, %q, no %q in\n%s", files, code, stderr, part, stdout)
			}
		}
	}
}

// In an outage a file alone does not tell who imports what is kept: nobody is told to keep it no
// longer.
func TestDoctorWithOneFile(t *testing.T) {
	t.Chdir(t.TempDir())
	stat := stats.Stats{Node: "clue-1", Outbox: &stats.Outbox{Readers: []stats.OutboxReader{{Service: "score", Type: "clue.clue.solved", Known: true}}}}
	server := faketap.Open(t, "clue-1", answerAt(map[string]string{"stats": encoded(t, stat), "health": `{"node":"clue-1","ready":true}`, "graph": `{"types":[{"type":"clue.clue.solved","exported":true}]}`}))
	_, at, _ := strings.Cut(server, "@")
	write(t, "tap", "HT4KCKDU6GDQSHZO5XR6QWKTYA\n")
	write(t, "clue.yaml", "name: clue-1\nlisten: \"127.0.0.1:7401\"\nseed: {file: clue-1.nk}\ndata: data\nexports: [{event: clue.clue.solved, kept_for: [score]}]\ntap: {listen: \""+at+"\", user: operator, password: {file: tap}}\n"+
		"peers: [{name: score-1, key: UDQAFUQGA6CIIISYTXIY43JBXK7HECE2UEO2WOQGLNOVJY2Z7AG3KNGJ, may_import: all}]\n")
	for args, reason := range map[string]string{"-f clue.yaml": "score-1 did not answer", "clue.yaml": "the file of score-1 is not among these"} {
		stdout, stderr, _ := meshctl(append([]string{"doctor", "--no-secrets"}, strings.Fields(args)...)...)
		if strings.Contains(stdout, "take kept_for away") || strings.Count(stdout, " unused-exports: ") != 1 || !strings.Contains(stdout, "    not known: "+reason+", and may import what others do not\n") {
			t.Errorf("%s: %s\n%s", args, stderr, stdout)
		}
	}
}

// The files that ship with the project are well, with the note that nobody imports the leaderboard.
func TestDoctorOfTheSample(t *testing.T) {
	stdout, stderr, code := meshctl("doctor", "--no-secrets", "../../configs/clue.yaml", "../../configs/hunt.yaml", "../../configs/score.yaml")
	if code != 0 || stderr != "" || strings.Contains(stdout, "to look at.\n") || !strings.Contains(stdout, "exports score.leaderboard.changed, and none of these files imports it\n") {
		t.Errorf("exit %d, %q\n%s", code, stderr, stdout)
	}
}

// Colours are for screens, unless somebody does without.
func TestDoctorInColour(t *testing.T) {
	checks := []checkup.Check{{Name: "a", About: "b"}}
	for _, test := range []struct {
		terminal bool
		variable string
		coloured bool
	}{{true, "", true}, {true, "1", false}, {false, "", false}} {
		t.Setenv("NO_COLOR", test.variable)
		var b strings.Builder
		if err := printChecks(output{results: &b, terminal: test.terminal}, checks); err != nil || strings.Contains(b.String(), "\x1b[") != test.coloured {
			t.Errorf("%+v: %q, %v", test, b.String(), err)
		}
	}
}

// While a node hangs, an interruption ends a command at once, and blames nobody.
func TestInterrupted(t *testing.T) {
	well := faketap.Open(t, "clue-1", answerAt(map[string]string{"stats": "{}", "health": "{}", "graph": "{}"}))
	for _, command := range []string{"doctor", "nodes", "links", "graph", "tap"} {
		ctx, interrupt := context.WithCancel(t.Context())
		hangs := faketap.Hang(t, func(net.Conn) { interrupt() })
		var stdout, stderr bytes.Buffer
		began := time.Now()
		code := run(ctx, []string{command, "-s", well, "-s", hangs}, input{strings.NewReader("")}, output{results: &stdout, problems: &stderr})
		if took := time.Since(began); code != 1 || took > 4*time.Second || strings.Contains(stderr.String(), "1:") || strings.Contains(stdout.String(), "no answer") ||
			!strings.Contains(stderr.String(), "interrupted before all nodes had answered") {
			t.Errorf("%s: exit %d after %v\n%s\n%s", command, code, took, stdout.String(), stderr.String())
		}
	}
}
