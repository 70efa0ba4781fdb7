package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What may come next, out of the grammar.
func TestComplete(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Setenv("HOME", os.Getenv("XDG_CONFIG_HOME"))
	if _, stderr, code := meshctl("context", "add", "home", "-s", "nats://operator@127.0.0.1:4221", "--password-file", "tap"); code != 0 {
		t.Fatal(stderr)
	}
	for line, want := range map[string]string{
		"lett":                   "letters",
		"letters ":               "list show replay drop",
		"letters re":             "replay",
		"letters --old":          "--older",
		"letters replay --d":     "--dry-run",
		"letters -o ":            "table json yaml",
		"letters --output = ya":  "yaml",
		"why --output=j":         "--output=json",
		"why -f a.yaml --fi":     "--file",
		"nodes -o json --out":    "",
		"check ":                 "",
		"completion ":            "bash zsh fish",
		"completion bash ":       "",
		"context use ":           "home",
		"nodes -c ":              "home",
		"complet":                "completion",
		"nonsense ":              "",
		"nodes --file ":          "",
		"key a.nk --he":          "--help",
		"letters replay --all -": "--file --server --context --operator --type --handler --key --node --older --dry-run --help --version",
	} {
		typed := strings.Split(line, " ")
		stdout, stderr, code := meshctl(append([]string{"complete", "--"}, typed...)...)
		var got []string
		for l := range strings.Lines(stdout) {
			word, _, _ := strings.Cut(l, "\t")
			got = append(got, word)
		}
		if strings.Join(got, " ") != want || code != 0 || stderr != "" {
			t.Errorf("%q: exit %d, %q, %v, want %s", line, code, stderr, got, want)
		}
	}
}

// The shells complete by the scripts. One that is not installed is skipped, but not in CI.
func TestShellsComplete(t *testing.T) {
	dir := t.TempDir()
	program := "#!/bin/sh\n" + asProgram + "=1 exec '" + os.Args[0] + "' \"$@\"\n"
	if err := os.WriteFile(filepath.Join(dir, "meshctl"), []byte(program), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	for shell, script := range map[string]string{
		"bash": `source <(meshctl completion bash)
			COMP_WORDS=(meshctl letters --output = "") COMP_CWORD=4; _meshctl; echo "${COMPREPLY[@]}"
			COMP_WORDS=(meshctl letters re) COMP_CWORD=2; _meshctl; echo "${COMPREPLY[@]}"`,
		"zsh": `autoload -U compinit; compinit -D; source <(meshctl completion zsh)
			_describe() { print -r -- ${(j: :)${(@)found%%:*}} }
			words=(meshctl letters --output ""); CURRENT=4; _meshctl; words=(meshctl letters re); CURRENT=3; _meshctl`,
		"fish": `meshctl completion fish | source
			echo (complete -C 'meshctl letters --output ' | cut -f1); echo (complete -C 'meshctl letters re' | cut -f1)`,
	} {
		t.Run(shell, func(t *testing.T) {
			path, err := exec.LookPath(shell)
			if err != nil && os.Getenv("CI") == "true" {
				t.Fatalf("there is no %s: in CI it is installed by .ci/run", shell)
			}
			if err != nil {
				t.Skipf("there is no %s: install it for this test", shell)
			}
			got, err := exec.Command(path, "-c", script).CombinedOutput()
			if want := "table json yaml\nreplay\n"; err != nil || string(got) != want {
				t.Errorf("%v, %s, want %s", err, got, want)
			}
		})
	}
}
