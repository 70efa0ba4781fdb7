//go:build unix

package main

import (
	"syscall"
	"testing"
)

// Nobody writes to the pipe: to open it would take for ever.
func TestCheckOfAPipe(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := syscall.Mkfifo("pipe.yaml", 0o600); err != nil {
		t.Fatal(err)
	}
	stdout, stderr, code := meshctl("check", "pipe.yaml")
	if want := "pipe.yaml: it is a pipe, and not a regular file; name a file\n"; code != 1 || stdout != "" || stderr != want {
		t.Errorf("exit %d, stdout %q, stderr %q, want %q", code, stdout, stderr, want)
	}
}
