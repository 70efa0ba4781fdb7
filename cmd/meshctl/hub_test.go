package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// nodeAtHub writes a node file with a hub, and the hub's key beside it.
func nodeAtHub(t *testing.T, dir, name, rest string) string {
	t.Helper()
	seed := filepath.Join(dir, name+".hub")
	if _, stderr, code := meshctl("key", seed); code != 0 {
		t.Fatal(stderr)
	}
	file := filepath.Join(dir, name+".yaml")
	text := "name: " + name + "\nhub:\n  urls: [\"nats-leaf://127.0.0.1:7422\"]\n  seed: {file: " + seed + "}\n" + rest
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// The configuration of a hub lets each node say what it has to, and no more; the seed itself need
// not be there.
func TestHub(t *testing.T) {
	dir := t.TempDir()
	clue := nodeAtHub(t, dir, "clue-1", "exports:\n  - event: clue.clue.solved\npeers:\n  - {name: score-1, may_import: all}\n")
	score := nodeAtHub(t, dir, "score-1", "imports:\n  - event: clue.clue.solved\npeers:\n  - {name: clue-1}\n")
	public, err := os.ReadFile(filepath.Join(dir, "score-1.hub.pub"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "score-1.hub")); err != nil {
		t.Fatal(err)
	}
	stdout, stderr, code := meshctl("hub", "--name", "hub-a", "--listen", "127.0.0.1:7422", clue, score)
	if code != 0 || stderr != "" {
		t.Fatalf("exit %d, %s", code, stderr)
	}
	for _, want := range []string{`server_name: "hub-a"`, "restart the hub's servers one after the other", "limits: {max_subscriptions: 4096}", strings.TrimSpace(string(public)), `publish: {allow: ["mesh.from.score-1.*", "mesh.to.*.score-1", "mesh.to.*.score-1.>"]}`,
		`subscribe: {allow: ["mesh.from.*.score-1", "mesh.to.score-1.*", "mesh.to.score-1.*.>"]}`} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%s\nlacks %s", stdout, want)
		}
	}
	for name, test := range map[string]struct {
		arguments []string
		want      string
	}{
		"users and a server":     {[]string{"--jwt", "mesh", clue, score}, "give no flag of a server with it"},
		"an exporter is missing": {[]string{score}, "score-1 imports clue.clue.solved, and no node that is given exports it"},
		"no CA for the cluster":  {[]string{"--cluster", "127.0.0.1:6222", clue, score}, "--cluster needs --certificate, --key and --ca"},
		"half a certificate":     {[]string{"--key", "k.pem", clue}, "give both --certificate and --key"},
		"a route of no cluster":  {[]string{"--route", "127.0.0.1:6222", clue}, "--route needs --cluster"},
	} {
		_, stderr, code := meshctl(append([]string{"hub", "--name", "hub-a", "--listen", "127.0.0.1:7422"}, test.arguments...)...)
		if code == 0 || !strings.Contains(stderr, test.want) {
			t.Errorf("%s: exit %d, %q lacks %q", name, code, stderr, test.want)
		}
	}
}

// For a hub with JWT accounts come the commands that make the nodes' users, whose credentials need
// not be there yet.
func TestHubWithJWTAccounts(t *testing.T) {
	dir := t.TempDir()
	node := func(name, signIn, rest string) string {
		file := filepath.Join(dir, name+".yaml")
		text := "name: " + name + "\nhub:\n  urls: [\"nats-leaf://127.0.0.1:7422\"]\n  " + signIn + "\n" + rest
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	clue := node("clue-1", "credentials: hub.creds", "exports:\n  - event: clue.clue.solved\npeers:\n  - {name: score-1, may_import: all}\n")
	score := node("score-1", "credentials: hub.creds", "imports:\n  - event: clue.clue.solved\npeers:\n  - {name: clue-1}\n")
	byKey := node("hunt-1", "seed: {file: hub.nk}", "")
	stdout, stderr, code := meshctl("hub", "--jwt", "it's", clue, score)
	if code != 0 || stderr != "" {
		t.Fatalf("exit %d, %s", code, stderr)
	}
	for _, want := range []string{`nsc add user --account 'it'\''s' --name score-1 \`, `--allow-pub 'mesh.from.score-1.*,mesh.to.*.score-1,mesh.to.*.score-1.>' \`,
		"--allow-sub 'mesh.from.*.score-1,mesh.to.score-1.*,mesh.to.score-1.*.>' &&", "--name clue-1 --conn-type LEAFNODE --subs 4096 --payload 65664 &&",
		"--name clue-1 --output-file clue-1.creds"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%s\nlacks %s", stdout, want)
		}
	}
	for name, test := range map[string]struct {
		arguments []string
		want      string
	}{
		"an exporter is missing": {[]string{"--jwt", "mesh", score}, "score-1 imports clue.clue.solved, and no node that is given exports it"},
		"a node with a seed":     {[]string{"--jwt", "mesh", clue, byKey}, "hunt-1.yaml: hub.seed: a hub with JWT accounts takes none; write credentials: hunt-1.creds"},
		"no account":             {[]string{"--name", "hub-a", "--listen", "127.0.0.1:7422", clue}, "clue-1.yaml: hub.credentials: they are for a hub with JWT accounts; give --jwt"},
		"neither":                {[]string{clue}, "give --name and --listen of the server; or --jwt"},
	} {
		if _, stderr, code := meshctl(append([]string{"hub"}, test.arguments...)...); code == 0 || !strings.Contains(stderr, test.want) {
			t.Errorf("%s: exit %d, %q lacks %q", name, code, stderr, test.want)
		}
	}
}
