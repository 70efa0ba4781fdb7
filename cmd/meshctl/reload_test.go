package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"

	"leafmesh/cmd/meshctl/internal/faketap"
	"leafmesh/mesh/config"
)

// A reload prints what changed; with --dry-run the node is only asked what would.
func TestReload(t *testing.T) {
	changes := config.Changes{{Field: "alarms.slow", Old: "5s", New: "1s", Live: true}, {Field: "listen", Old: "a:1", New: "a:2"}}
	tap := faketap.Open(t, "clue-1", answerAt(map[string]string{"reload": encoded(t, changes)}))
	for _, args := range [][]string{{"reload", "clue-1", "--dry-run", "-s", tap}, {"reload", "clue-1", "-s", tap}} {
		stdout, stderr, code := meshctl(args...)
		if want := "FIELD        OLD  NEW  NEEDS\nalarms.slow  5s   1s   a reload\nlisten       a:1  a:2  a restart\n"; code != 0 || stdout != want {
			t.Errorf("%v: exit %d, %s\n%s", args, code, stderr, stdout)
		}
	}
	if _, stderr, code := meshctl("reload", "hunt-1", "-s", tap); code != 1 || !strings.HasPrefix(stderr, "meshctl: hunt-1: ") || !strings.HasSuffix(stderr, "; those that answer are clue-1\n") {
		t.Errorf("another node: exit %d, %s", code, stderr)
	}
	nodes, servers, _ := openNodes(t)
	if _, stderr, code := meshctl("reload", nodes[0].Name(), "-s", servers[0]); code != 1 || !strings.Contains(stderr, "is configured by its program, and has no file") {
		t.Errorf("a node without a file: exit %d, %s", code, stderr)
	}
}

// A file with mistakes leads to its node all the same, which refuses it with its reasons. What is
// wrong with the way there is said.
func TestReloadOfAFileWithMistakes(t *testing.T) {
	tap := faketap.Open(t, "clue-1", answerAt(map[string]string{"reload": "409 reload clue.yaml: clue.yaml:3: importz: unknown key"}))
	_, address, _ := strings.Cut(tap, "@")
	t.Chdir(t.TempDir())
	if _, stderr, code := meshctl("password", "clue-1.tap"); code != 0 {
		t.Fatal(stderr)
	}
	at := "tap: {listen: \"" + address + "\", user: operator, password: {file: clue-1.tap}}"
	for text, want := range map[string]string{
		"name: clue-1\n" + at + "\nimportz: []\n":                             "meshctl: clue-1: reload clue.yaml: clue.yaml:3: importz: unknown key\n",
		"name: clue\n" + at + "\npeers: 7\n":                                  "meshctl: clue-1: reload clue.yaml: clue.yaml:3: importz: unknown key\n",
		"http: [\"a:1\"]\nmesh:\n  name: clue-1\n  " + at + "\n  exports: no": "meshctl: clue-1: reload clue.yaml: clue.yaml:3: importz: unknown key\n",
		"name: clue-1\ntap: {listen: 7, user: operator}\n":                    "meshctl: clue.yaml:2: tap.listen: ",
		"name: clue-1\ntap: [\n":                                              "not YAML",
		"name: clue-1\nimportz: []\n":                                         "meshctl: clue.yaml:2: importz: unknown key",
	} {
		write(t, "clue.yaml", text)
		if _, stderr, code := meshctl("reload", "clue-1", "-f", "clue.yaml"); code != 1 || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit %d, %s, want %s", text, code, stderr, want)
		}
	}
	_, servers, _ := openNodes(t)
	user, host, _ := strings.Cut(servers[0], "@")
	wrong := user[:strings.LastIndex(user, ":")] + ":not-its-password@" + host
	_, stderr, code := meshctl("reload", "clue-1", "-s", wrong)
	if want := "nats://" + host + ": the tap at nats://" + host + " does not take this user and password"; code != 1 || !strings.Contains(stderr, want) || strings.Contains(stderr, "not-its-password") {
		t.Errorf("a wrong password: exit %d, %s, want %s", code, stderr, want)
	}
}

// A reload that closes the link which its answer takes is told as done if it is: the node is asked
// again when the link is back.
func TestReloadThatClosesTheLinkOfItsAnswer(t *testing.T) {
	changes := encoded(t, config.Changes{{Field: "peers[clue-1].key_file", Old: "a.pub", New: "b.pub", Live: true}})
	const silent = `{"answers":[],"silent":["hunt-1"]}`
	answer := func(changes string) string {
		return `{"answers":[{"node":"hunt-1","answer":` + changes + `}]}`
	}
	for name, test := range map[string]struct {
		answers []string // to one question after the other, from the second on
		code    int
		says    string
	}{
		"done":     {[]string{silent, silent, silent, answer("[]")}, 0, "peers[clue-1].key_file  a.pub  b.pub  a reload"},
		"not done": {[]string{silent, answer(changes)}, 1, "hunt-1: it did not answer in time, or no link leads there, and it has not reloaded"},
		"refused":  {[]string{silent, `{"answers":[{"node":"hunt-1","error":"no more","code":403}]}`}, 1, "whether it has reloaded is not known: ask with --dry-run at its own tap: no more"},
		"answered": {[]string{answer("[]")}, 0, "Nothing has changed."},
	} {
		answers := append([]string{answer(changes)}, test.answers...)
		var mu sync.Mutex
		tap := faketap.Open(t, "clue-1", func(m *nats.Msg) *nats.Msg {
			mu.Lock()
			defer mu.Unlock()
			if len(answers) == 0 {
				return faketap.Fail(500, "asked once more")
			}
			data := answers[0]
			answers = answers[1:]
			return &nats.Msg{Data: []byte(data)}
		})
		stdout, stderr, code := meshctl("reload", "hunt-1", "-s", tap, "--operator", seedFile(t))
		mu.Lock()
		left := len(answers)
		mu.Unlock()
		if code != test.code || !strings.Contains(stdout+stderr, test.says) || left > 0 {
			t.Errorf("%s: exit %d, %s\n%s; %d answers left", name, code, stderr, stdout, left)
		}
	}
}

func TestDiffOfFiles(t *testing.T) {
	write := func(text string) string {
		t.Helper()
		path := filepath.Join(t.TempDir(), "clue.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	old := write("mesh:\n  name: clue-1\n  seed: {file: /a.nk}\nhttp: a:1\nmetrics: {listen: a, token: hush-hush, pprof: true}\nhunt: a\n")
	next := write("mesh:\n  name: clue-1\n  seed: {file: /b.nk}\n  alarms: {slow: 1s}\n  max_payload: 128KiB\nhttp: a:2\nmetrics: {pprof: true, listen: a, token: hush}\nlog: {level: debug}\nhunt: a\n")
	stdout, stderr, code := meshctl("diff", old, next)
	want := "FIELD        OLD            NEW            NEEDS\nseed         {file: /a.nk}  {file: /b.nk}  a reload\nalarms.slow  5s             1s             a reload\n" +
		"max_payload  64KiB          128KiB         a restart\n"
	for _, own := range []string{"http         ", "log          ", "metrics.token"} {
		want += own + "  (not shown)    (not shown)    what the program says\n"
	}
	want = regexp.MustCompile("(?m)^(FIELD      |seed       |alarms.slow|max_payload)").ReplaceAllString(want, "$1  ")
	if code != 0 || stdout != want {
		t.Errorf("exit %d, %s\n%s\nwant\n%s", code, stderr, stdout, want)
	}
	if stdout, _, code := meshctl("diff", old, old); code != 0 || stdout != "Nothing has changed.\n" {
		t.Errorf("exit %d, %s", code, stdout)
	}
	if stdout, _, code := meshctl("diff", "-o", "json", old, next); code != 0 || strings.Count(stdout, `"own": true`) != 3 || strings.Contains(stdout, "hush") {
		t.Errorf("exit %d, %s", code, stdout)
	}
	text := "name: clue-1\nlisten: \"127.0.0.1:7401\"\nseed: {file: keys/clue-1.nk}\ndata: ../data\npeers: [{name: hunt-1, key_file: keys/hunt-1.pub, may_import: all}]\n"
	if stdout, stderr, code := meshctl("diff", write(text), write(text)); code != 0 || stdout != "Nothing has changed.\n" {
		t.Errorf("the same text in another folder: exit %d, %s\n%s", code, stderr, stdout)
	}
	if _, stderr, code := meshctl("diff", old, write("mesh: {name: clue}\n")); code != 1 || !strings.Contains(stderr, ":1: mesh.name: ") {
		t.Errorf("a bad file: exit %d, %s", code, stderr)
	}
}
