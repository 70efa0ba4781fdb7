//go:build unix

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The configuration of the servers in configs/hub is what its script writes from the node files
// beside it.
func TestTheExampleOfAHubIsWhatItsScriptWrites(t *testing.T) {
	t.Parallel()
	hub, dir := newHubSite(t, 0), t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../configs/hub")); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.conf"))
	if err != nil || len(files) != 3 {
		t.Fatalf("%q, %v; want three servers", files, err)
	}
	for _, file := range files {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	script := exec.Command("./generate.sh")
	script.Dir, script.Env = dir, append(os.Environ(), "PATH="+hub.programs+":"+os.Getenv("PATH"))
	if out, err := script.CombinedOutput(); err != nil {
		t.Fatalf("generate.sh: %v\n%s", err, out)
	}
	for _, file := range files {
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join("../configs/hub", filepath.Base(file)))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is\n%s\nwant\n%s", file, got, want)
		}
	}
}
