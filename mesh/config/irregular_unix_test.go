//go:build unix

package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"leafmesh/mesh/internal/configtest"
)

// What is no regular file is refused by name at once, as a configuration and as a file that one
// names. Nobody writes to the pipe: who opens it waits for ever.
func TestOnlyRegularFilesAreRead(t *testing.T) {
	folder, _ := configtest.NewFolder(t)
	pipe, huge := filepath.Join(folder, "pipe"), filepath.Join(folder, "huge")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	configtest.WriteFile(t, huge, "", 0o600)
	if err := os.Truncate(huge, 1<<33); err != nil {
		t.Fatal(err) // it has no block: a file system of any size takes it
	}
	for path, want := range map[string]string{
		pipe:        "it is a pipe, and not a regular file; name a file",
		folder:      "it is a directory, and not a regular file; name a file",
		"/dev/zero": "it is a device, and not a regular file; name a file",
		huge:        "the file is larger than 1048576 bytes; make it smaller",
	} {
		for _, use := range []struct {
			name string
			load func() error
			want string
		}{
			{"configuration", func() error { return LoadYAML(path, &Node{}) }, want},
			{"seed", func() error {
				return loadText(t, folder, strings.Replace(configtest.Good, "clue-1.nk", path, 1), &Node{})
			},
				strings.Replace(want, "the file is larger than 1048576 bytes; make it smaller", "has more than 4096 bytes; name the right file", 1)},
			{"key file", func() error {
				return loadText(t, folder, strings.Replace(configtest.Good, "score-2.pub", path, 1), &Node{})
			},
				strings.Replace(want, "the file is larger than 1048576 bytes; make it smaller", "has more than 4096 bytes; name the right file", 1)},
		} {
			answer := make(chan error, 1)
			go func() { answer <- use.load() }()
			select {
			case err := <-answer:
				if _, ok := errors.AsType[*FieldError](err); !ok || !strings.Contains(err.Error(), path) || !strings.HasSuffix(err.Error(), use.want) {
					t.Errorf("%s as a %s: %v, want %s", path, use.name, err, use.want)
				}
			case <-time.After(20 * time.Second):
				t.Fatalf("%s as a %s holds up the process", path, use.name)
			}
		}
	}
}

// A pipe that takes the place of a file after Validate holds up nobody who reads what the
// configuration names.
func TestAPipeIsNoContent(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	n := Node{Links: Links{CA: Path(pipe), Certificate: Path(pipe), Key: Path(pipe)}, Hub: &Hub{CA: Path(pipe), Credentials: Path(pipe)}, Peers: []Peer{{Name: "a-1", KeyFile: pipe}}}
	answer := make(chan error, 1)
	go func() { _, err := n.Contents(); answer <- err }()
	select {
	case err := <-answer:
		if problems := FieldErrors(err); len(problems) != 6 || problems[0].Field != "peers[0].key_file" || !strings.Contains(problems[0].Problem, "it is a pipe") {
			t.Errorf("error: %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the pipe holds up the process")
	}
}
