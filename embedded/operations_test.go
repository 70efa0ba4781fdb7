package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"leafmesh/services/clue"
)

// TestOperations runs the commands of docs/operations.md against three daemons, as they stand
// there. What they are to act on is the type and the handler of guesses.
func TestOperations(t *testing.T) {
	t.Parallel()
	w := newInvestigation(t)
	page, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	run := func(args ...string) string {
		t.Helper()
		command := exec.CommandContext(t.Context(), w.meshctl, args...)
		command.Dir, command.Env = w.fleet.dir, append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME="+home)
		out, err := command.CombinedOutput()
		if err != nil {
			t.Errorf("meshctl %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	run("context", "add", "home", "-f", w.fleet.file("clue"), "-f", w.fleet.file("hunt"), "-f", w.fleet.file("score"))
	if err := os.MkdirAll(filepath.Join(w.fleet.dir, "keys"), 0o700); err != nil {
		t.Fatal(err)
	}
	says := map[string]string{"nodes": "score-1", "links": "clue-1", "top": "clue-1", "limits get": clue.Submitted.Subject(), "reload clue-1": ""}
	ran := map[string]bool{}
	for _, match := range regexp.MustCompile("(?m)`meshctl ([^`]+)`|^    meshctl (.+)$").FindAllStringSubmatch(string(page), -1) {
		line := strings.NewReplacer("TYPE", clue.Submitted.Subject(), "NAME", "judge", "configs/hunt.yaml", w.fleet.file("hunt")).Replace(match[1] + match[2])
		bare := slices.Contains([]string{"why", "hub", "check", "password FILE"}, line) // with what follows in words
		if bare || ran[line] {
			continue
		}
		ran[line] = true
		args := strings.Fields(line)
		if line == "top" { // else it goes on
			args = append(args, "--once")
		}
		if out := run(args...); !strings.Contains(out, says[line]) {
			t.Errorf("meshctl %s does not say %q:\n%s", line, says[line], out)
		}
	}
	if len(ran) < 12 {
		t.Errorf("%d commands were run", len(ran))
	}
}
