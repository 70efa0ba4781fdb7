package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"leafmesh/cmd/meshctl/internal/contexts"
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
