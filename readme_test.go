//go:build unix

package leafmesh_test

import (
	"go/format"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The service in the README is made as the README says, from an empty folder outside the
// repository, and prints what the README shows.
func TestFirstServiceOfReadmeRuns(t *testing.T) {
	readme, err := fs.ReadFile(root, "README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range pageBlock.FindAllStringSubmatch(string(readme), -1) {
		if formatted, err := format.Source([]byte(block[3])); block[1] == "go" && (err != nil || string(formatted) != block[3]) {
			t.Errorf("%s is not as gofmt writes it: %v\n%s", block[2], err, formatted)
		}
	}
	runPage(t, "README.md", "porter")
}

// Whoever runs make the first time is told that the build takes a while. The build itself is left
// out.
func TestMakeRunSaysWhatTheFirstBuildTakes(t *testing.T) {
	makefile, err := filepath.Abs("Makefile")
	if err != nil {
		t.Fatal(err)
	}
	run := exec.Command("make", "-f", makefile, "run", "GO=false")
	run.Dir = t.TempDir()
	said, _ := run.CombinedOutput() // it fails, as false builds nothing
	if !strings.Contains(string(said), "two minutes and 0.8 GB") {
		t.Errorf("make run says %q", said)
	}
}
