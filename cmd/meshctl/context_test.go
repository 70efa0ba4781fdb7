package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"leafmesh/cmd/meshctl/internal/contexts"
	"leafmesh/cmd/meshctl/internal/faketap"
	"leafmesh/mesh/stats"
)

// A context says where to ask, from wherever meshctl is run; its file has no secret and is nobody
// else's.
func TestContext(t *testing.T) {
	servers, failed := openMesh(t)
	home, here := t.TempDir(), t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", home)
	t.Setenv("HOME", home)
	t.Chdir(here)
	write(t, "score.tap", "HT4KCKDU6GDQSHZO5XR6QWKTYA\n")
	address := strings.Replace(servers[1], ":HT4KCKDU6GDQSHZO5XR6QWKTYA", "", 1)
	_, at, _ := strings.Cut(servers[0], "@")
	write(t, "clue.yaml", "name: clue-1\ntap: {listen: \""+at+"\", user: operator, password: {file: score.tap}}\n")
	for _, step := range []struct {
		args           string
		code           int
		stdout, stderr string
	}{
		{"context list", 0, "No contexts: meshctl context add makes one.\n", ""},
		{"context add files -f clue.yaml", 0, "", ""},
		{"context add tap -s " + address + " --password-file score.tap", 0, "", ""},
		{"context add tap -f clue.yaml", 1, "", `meshctl: context "tap" is there already: remove it first, or choose another name`},
		{"context add none", 1, "", "meshctl: a context needs a node to ask: give --file with a node's file, or --server with its tap"},
		{"context add bare -s " + address, 1, "", "meshctl: name the file with the tap's password with --password-file"},
		{"context add secret -s " + servers[1], 1, "", "meshctl: a password does not go into the file of contexts: put it into a file of mode 0600"},
		{"context add odd -s 127.0.0.1 --password-file x", 1, "", "meshctl: a server of a context is given as nats://USER@HOST:PORT"},
		{"context add gone -f gone.yaml", 1, "", "meshctl: read configuration: stat gone.yaml"},
		{"context add stray -f clue.yaml --password-file x", 1, "", "meshctl: --password-file is the password of a --server, and there is none"},
		{"nodes", 0, "clue-1  unknown", ""}, // the first is the current one
		{"context use tap", 0, "", ""},
		{"nodes", 0, "score-1  unknown", ""},
		{"nodes -c files", 0, "clue-1  unknown", ""},
		{"nodes -c files -f clue.yaml", 1, "", "meshctl: --context names the nodes to ask, and so do --file and --server: give one of them"},
		{"nodes -f clue.yaml", 0, "clue-1  unknown", ""},
		{"why " + failed.ID.String(), 0, "no such team", ""},
		{"nodes -c other", 1, "", `meshctl: context "other": there is no such context: meshctl context list shows all`},
		{"context use other", 1, "", `meshctl: context "other": there is no such context`},
		{"context list -o json", 0, "\"name\": \"tap\",\n    \"current\": true,\n    \"servers\": [\n      \"nats://127.0.0.1:", ""},
		{"context list", 0, "*  tap    nats://127.0.0.1:", ""},
		{"context rm tap", 0, "", ""},
		{"context rm tap", 1, "", `meshctl: context "tap": there is no such context`},
		{"nodes", 1, "", "meshctl: no node to ask: give --file"},
	} {
		stdout, stderr, code := meshctl(strings.Fields(step.args)...)
		if code != step.code || !strings.Contains(stdout, step.stdout) || !strings.HasPrefix(stderr, step.stderr) || (stderr == "") != (step.stderr == "") {
			t.Errorf("%s: exit %d, stdout %q, stderr %q", step.args, code, stdout, stderr)
		}
		t.Chdir(here) // files are found from elsewhere too
		if strings.HasPrefix(step.args, "context use") {
			t.Chdir(home)
		}
	}
	path, err := contexts.Path()
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 || strings.Contains(read(t, path), "HT4K") || filepath.Dir(path) != filepath.Join(home, "meshctl") {
		t.Errorf("%s: %v, %v\n%s", path, info.Mode(), err, read(t, path))
	}
	write(t, path, "contexts:\n  - {name: a, fles: [x]}\n")
	if _, stderr, code := meshctl("context", "list"); code != 1 || !strings.Contains(stderr, "contexts.yaml:2: contexts[0].fles: unknown key; did you mean files?") {
		t.Errorf("a damaged file: exit %d, %s", code, stderr)
	}
}

// The variable says where to ask if no flag does.
func TestServerVariable(t *testing.T) {
	servers, _ := openMesh(t)
	t.Setenv(serverVariable, servers[0])
	if stdout, stderr, code := meshctl("nodes"); code != 0 || !strings.Contains(stdout, "clue-1") {
		t.Errorf("exit %d, %q, %q", code, stdout, stderr)
	}
	if stdout, stderr, code := meshctl("nodes", "-s", servers[1]); code != 0 || strings.Contains(stdout, "clue-1") {
		t.Errorf("exit %d, %q, %q", code, stdout, stderr)
	}
}

// One file that is not good hides no other node: it is named, the others are asked, and scripts can
// tell.
func TestAContextWithABadFile(t *testing.T) {
	tap := func(name string) string {
		server := faketap.Open(t, name, answerAt(map[string]string{"stats": encoded(t, stats.Stats{Node: name}), "all.stats": `{"answers":[{"node":"clue-1","answer":{"node":"clue-1"}}]}`,
			"reload": "[]", "retrying": "[]", "rules": "[]", "health": "{}", "graph": "{}"}))
		_, at, _ := strings.Cut(server, "@")
		return at
	}
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	here := t.TempDir()
	t.Chdir(here)
	write(t, "tap", "secret\n")
	for _, name := range []string{"clue", "hunt", "score"} {
		write(t, name+".yaml", "name: "+name+"-1\ntap: {listen: \""+tap(name+"-1")+"\", user: operator, password: {file: tap}}\n")
	}
	if _, stderr, code := meshctl("context", "add", "home", "-f", "hunt.yaml", "-f", "score.yaml", "-f", "clue.yaml"); code != 0 {
		t.Fatal(stderr)
	}
	write(t, "hunt.yaml", "name: hunt-1\njunk: {\n")
	if err := os.Remove("score.yaml"); err != nil {
		t.Fatal(err)
	}
	bad, gone, seed := "meshctl: "+filepath.Join(here, "hunt.yaml")+":2: not YAML", "meshctl: "+filepath.Join(here, "score.yaml")+": read configuration: stat ", seedFile(t)
	for _, args := range []string{"nodes", "retrying", "limits", "links", "nodes --operator " + seed, "nodes -f hunt.yaml -f score.yaml -f clue.yaml"} {
		stdout, stderr, code := meshctl(strings.Fields(args)...)
		named := strings.Contains(stderr, bad) && strings.Contains(stderr, gone) || strings.Contains(args, "-f") && strings.HasPrefix(stderr, "meshctl: hunt.yaml:2: ")
		if code != 1 || !named || strings.HasPrefix(args, "nodes") && !strings.Contains(stdout, "clue-1") {
			t.Errorf("%s: exit %d, %s\n%s", args, code, stderr, stdout)
		}
	}
	if stdout, _, code := meshctl("doctor", "--no-secrets"); code != 1 || !strings.Contains(stdout, "hunt.yaml:2: not YAML") || !strings.Contains(stdout, "? unused-exports: ") {
		t.Errorf("exit %d\n%s", code, stdout)
	}
	if stdout, stderr, code := meshctl("reload", "clue-1"); code != 0 || stdout != "Nothing has changed.\n" {
		t.Errorf("a change of one node: exit %d, %s\n%s", code, stderr, stdout)
	}
	if _, stderr, code := meshctl("reload", "hunt-1"); code != 1 || !strings.Contains(stderr, "hunt.yaml:2: not YAML") {
		t.Errorf("a change of the node whose file is bad: exit %d, %s", code, stderr)
	}
	if _, stderr, code := meshctl("nodes", "-f", "hunt.yaml"); code != 1 || !strings.HasPrefix(stderr, "meshctl: hunt.yaml:2: not YAML") {
		t.Errorf("none is good: exit %d, %s", code, stderr)
	}
}
