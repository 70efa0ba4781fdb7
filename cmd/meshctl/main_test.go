package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/nats-io/nkeys"
)

// asProgram makes the test's program be meshctl: for shells, which need one.
const asProgram = "MESHCTL_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(isolated(m))
}

// isolated runs the tests with the contexts of nobody.
func isolated(m *testing.M) int {
	home, err := os.MkdirTemp("", "meshctl")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(home) }()                // what is left there harms nobody
	for _, name := range []string{"GOCACHE", "GOMODCACHE"} { // which lie at home, and cost minutes to fill
		if kept, err := exec.Command("go", "env", name).Output(); err == nil {
			if err := os.Setenv(name, strings.TrimSpace(string(kept))); err != nil {
				panic(err)
			}
		}
	}
	for _, name := range []string{"HOME", "XDG_CONFIG_HOME", "AppData"} {
		if err := os.Setenv(name, home); err != nil {
			panic(err)
		}
	}
	if err := os.Unsetenv(serverVariable); err != nil {
		panic(err)
	}
	return m.Run()
}

// meshctl runs the command line.
func meshctl(args ...string) (stdout, stderr string, code int) {
	var out, problems bytes.Buffer
	code = run(context.Background(), args, input{strings.NewReader("")}, output{results: &out, problems: &problems})
	return out.String(), problems.String(), code
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestUsage(t *testing.T) {
	for _, test := range []struct {
		args           string
		code           int
		stdout, stderr string
	}{
		{"--help", 0, "Usage: meshctl <command>", ""},
		{"--version", 0, ", wire version 2\n", ""},
		{"key --help", 0, "Usage: meshctl key <file>", ""},
		{"check --help", 0, "--no-secrets", ""},
		{"", 2, "", `meshctl: expected one of "doctor", `},
		{"chekc x", 2, "", "meshctl: unexpected argument chekc"},
		{"key", 2, "", `meshctl: expected "<file>"`},
		{"key a b", 2, "", "meshctl: unexpected argument b"},
		{"check", 2, "", `meshctl: expected "<file> ..."`},
		{"new mesh", 2, "", `meshctl: expected "<names> ..."`},
		{"check --fix x", 2, "", "meshctl: unknown flag --fix"},
	} {
		stdout, stderr, code := meshctl(strings.Fields(test.args)...)
		if code != test.code || !strings.Contains(stdout, test.stdout) || !strings.Contains(stderr, test.stderr) ||
			(stdout == "") != (test.stdout == "") || (stderr == "") != (test.stderr == "") {
			t.Errorf("meshctl %s: exit %d, stdout %q, stderr %q", test.args, code, stdout, stderr)
		}
	}
}

// Each command has a help with an example that names it and can be parsed.
func TestEveryCommandHasAnExample(t *testing.T) {
	parser, err := newParser(output{results: io.Discard, problems: io.Discard}, func() {})
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range parser.Model.Leaves(false) {
		stdout, _, code := meshctl(append(strings.Fields(command.FullPath())[1:], "--help")...)
		examples := 0
		for line := range strings.Lines(stdout) {
			line, _, _ = strings.Cut(strings.TrimSpace(line), "  #")
			for _, end := range []string{" | ", " < ", " > "} {
				line, _, _ = strings.Cut(line, end)
			}
			if !strings.HasPrefix(line, command.FullPath()+" ") && line != command.FullPath() {
				continue
			}
			examples++
			anew, err := newParser(output{results: io.Discard, problems: io.Discard}, func() {}) // a parser remembers flags
			if err != nil {
				t.Fatal(err)
			}
			if _, err := anew.Parse(words(line)[1:]); err != nil {
				t.Errorf("%s: %v", line, err)
			}
		}
		if code != 0 || examples == 0 {
			t.Errorf("%s --help: exit %d, no example in\n%s", command.FullPath(), code, stdout)
		}
	}
}

// words splits a line as a shell does, as far as the examples need it.
func words(line string) (list []string) {
	for _, word := range regexp.MustCompile(`'[^']*'|"[^"]*"|[^\s'"]+`).FindAllString(line, -1) {
		list = append(list, strings.Trim(word, `'"`)) // none has both kinds at its ends
	}
	return list
}

func TestKeyMakesAPair(t *testing.T) {
	t.Chdir(t.TempDir())
	stdout, stderr, code := meshctl("key", "clue-1.nk")
	if code != 0 || stderr != "" {
		t.Fatalf("exit %d, stderr %q", code, stderr)
	}
	pair, err := nkeys.FromSeed([]byte(strings.TrimSpace(read(t, "clue-1.nk"))))
	if err != nil {
		t.Fatal("the file holds no seed:", err)
	}
	public, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	if !nkeys.IsValidPublicUserKey(public) || read(t, "clue-1.pub") != public+"\n" || stdout != public+"\n" {
		t.Errorf("the public key is %s, its file holds %q, printed is %q", public, read(t, "clue-1.pub"), stdout)
	}
	info, err := os.Stat("clue-1.nk")
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the seed's file has mode %v", info.Mode())
	}
	if _, _, code := meshctl("key", "plain"); code != 0 || read(t, "plain.pub") == public+"\n" {
		t.Errorf("a name without .nk: exit %d, public key %q", code, read(t, "plain.pub"))
	}
}

func TestKeyOverwritesNothing(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "a.nk", "old seed")
	write(t, "b.pub", "old key")
	if err := os.Symlink("elsewhere", "c.nk"); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ file, problem string }{
		{"a.nk", "meshctl: a.nk exists and is not overwritten"},
		{"b.nk", "meshctl: b.pub exists and is not overwritten"},
		{"c.nk", "meshctl: c.nk exists and is not overwritten"},
		{"d.pub", "meshctl: d.pub: the seed cannot be in a .pub file, which is for the public key; name it d.nk"},
		{"none/e.nk", "meshctl: make a key file: open none/e.nk: no such file or directory"},
	} {
		stdout, stderr, code := meshctl("key", test.file)
		if code != 1 || stdout != "" || !strings.HasPrefix(stderr, test.problem) {
			t.Errorf("key %s: exit %d, stdout %q, stderr %q", test.file, code, stdout, stderr)
		}
	}
	left, err := filepath.Glob("*")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(left, " "); got != "a.nk b.pub c.nk" || read(t, "a.nk") != "old seed" || read(t, "b.pub") != "old key" {
		t.Errorf("left are %s, with %q and %q", got, read(t, "a.nk"), read(t, "b.pub"))
	}
}

const node = `name: clue-1
seed: {file: clue-1.nk}
peers:
  - {name: hunt-1, url: "nats-leaf://127.0.0.1:7402", key: UDQAFUQGA6CIIISYTXIY43JBXK7HECE2UEO2WOQGLNOVJY2Z7AG3KNGJ}
imports:
  - {event: hunt.clue.unlocked}
`

func TestCheck(t *testing.T) {
	t.Chdir(t.TempDir())
	if _, stderr, code := meshctl("key", "clue-1.nk"); code != 0 {
		t.Fatal(stderr)
	}
	nested := "http: 127.0.0.1:8080\nlimits: [1]\nmesh:\n  " + strings.ReplaceAll(strings.TrimSpace(node), "\n", "\n  ") + "\n"
	write(t, "bare.yaml", node)
	write(t, "service.yaml", nested)
	write(t, "bad.yaml", strings.Replace(node, "hunt.clue", "hint.clue", 1))
	write(t, "bad-service.yaml", "http: x\nhttp: y\n"+strings.Replace(nested, "event:", "evnt:", 1)[len("http: 127.0.0.1:8080\n"):])
	write(t, "away.yaml", strings.Replace(node, "clue-1.nk", "elsewhere.nk", 1))
	write(t, "broken.yaml", "name: [")
	write(t, "misspelt.yaml", strings.Replace(nested, "mesh:", "messh:", 1))
	write(t, "halves.yaml", node+"mesh:\n  data: mesh\n  exports: [{event: clue.clue.solved, kept_for: [hunt]}]\n")
	write(t, "outdented.yaml", "http: 127.0.0.1:8080\ndata: ../data\nmesh:\n"+node+"data: mesh\n")
	for _, test := range []struct {
		args           string
		code           int
		stdout, stderr string
	}{
		{"bare.yaml service.yaml", 0, "bare.yaml: ok\nservice.yaml: ok, for a program that reads its node under mesh; one made by meshctl new reads it at the top level\n", ""},
		{"bad.yaml bare.yaml", 1, "bare.yaml: ok\n",
			"bad.yaml:6: imports[0].event: \"hint.clue.unlocked\": no peer of service hint has a url; add one to the peers, or correct the event's name\n"},
		{"bad-service.yaml", 1, "", "bad-service.yaml:2: http: the key already stands on line 1; keep one of the two\n" +
			"bad-service.yaml:10: mesh.imports[0].evnt: unknown key; did you mean event?\n"},
		{"away.yaml", 1, "", "away.yaml:2: seed.file: stat FOLDER/elsewhere.nk: no such file or directory; make it with: meshctl key FOLDER/elsewhere.nk, or name another\n"},
		{"--no-secrets away.yaml", 0, "away.yaml: ok\n", ""},
		{"broken.yaml", 1, "", "broken.yaml:1: not YAML: sequence end token ']' not found; check the indentation, quotes and brackets\n"},
		{"misspelt.yaml", 1, "", "misspelt.yaml:3: messh: unknown key, with a node's configuration under it; did you mean mesh?\n"},
		{"outdented.yaml", 1, "", "outdented.yaml:3: mesh: nothing stands under the key, and beside it data, name, seed and more; indent what belongs under it by two spaces\n"},
		{"halves.yaml", 1, "", "halves.yaml:7: mesh: a part of the node stands under this key, and the rest of it at the top level; move these keys out of mesh, " +
			"for a program that reads its node at the top level, as those of meshctl new do; or move all others of the node into it\n"},
		{"no.yaml", 1, "", "read configuration: stat no.yaml: no such file or directory\n"},
	} {
		stdout, stderr, code := meshctl(append([]string{"check"}, strings.Fields(test.args)...)...)
		folder, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		stderr = strings.ReplaceAll(stderr, folder, "FOLDER")
		if code != test.code || stdout != test.stdout || stderr != test.stderr {
			t.Errorf("check %s: exit %d\nstdout %q\nwant   %q\nstderr %q\nwant   %q", test.args, code, stdout, test.stdout, stderr, test.stderr)
		}
	}
}

func TestCheckNeverShowsASeed(t *testing.T) {
	t.Chdir(t.TempDir())
	if _, stderr, code := meshctl("key", "clue-1.nk"); code != 0 {
		t.Fatal(stderr)
	}
	seed := strings.TrimSpace(read(t, "clue-1.nk"))
	for _, instead := range []string{seed, "{" + seed + ": x}", "{file: " + seed + "}", "{env: " + seed + "}", "[" + seed + "]"} {
		write(t, "node.yaml", strings.Replace(node, "{file: clue-1.nk}", instead, 1))
		stdout, stderr, code := meshctl("check", "node.yaml")
		if code != 1 || strings.Contains(stdout+stderr, seed) {
			t.Errorf("exit %d; or the seed is in the output", code)
		}
	}
}

func TestPassword(t *testing.T) {
	t.Chdir(t.TempDir())
	stdout, stderr, code := meshctl("password", "clue-1.tap")
	if code != 0 || stdout+stderr != "" {
		t.Fatalf("exit %d, %q, %q", code, stdout, stderr)
	}
	write(t, "clue-1.yaml", "name: clue-1\ntap: {listen: \"127.0.0.1:0\", user: operator, password: {file: clue-1.tap}}\n")
	if _, stderr, code := meshctl("check", "clue-1.yaml"); code != 0 {
		t.Errorf("a node does not take it: %s", stderr)
	}
	if info, err := os.Stat("clue-1.tap"); err != nil || info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if _, stderr, code := meshctl("password", "clue-1.tap"); code != 1 || !strings.Contains(stderr, "is not overwritten") {
		t.Errorf("once more: exit %d, %s", code, stderr)
	}
}
