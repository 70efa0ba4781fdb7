package leafmesh_test

import (
	"go/format"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

var (
	goBlock   = regexp.MustCompile("(?s)```go\n(.*?)```")
	textBlock = regexp.MustCompile("(?s)```text\n(.*?)```")
)

// The service in the README is a program that prints what the README says.
func TestReadmeServiceRuns(t *testing.T) {
	readme, err := fs.ReadFile(root, "README.md")
	if err != nil {
		t.Fatal(err)
	}
	program, printed := goBlock.FindSubmatch(readme), textBlock.FindSubmatch(readme)
	if program == nil || printed == nil {
		t.Fatal("README.md has no go block or no text block")
	}
	formatted, err := format.Source(program[1])
	if err != nil || string(formatted) != string(program[1]) {
		t.Errorf("the program is not as gofmt writes it: %v\n%s", err, formatted)
	}
	file := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(file, program[1], 0o600); err != nil {
		t.Fatal(err)
	}
	output, err := exec.Command("go", "run", file).CombinedOutput()
	if err != nil || string(output) != string(printed[1]) {
		t.Errorf("it prints %q, %v; the README says %q", output, err, printed[1])
	}
}
