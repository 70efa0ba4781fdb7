package archive

import (
	"bytes"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/why"
)

const diskVariable = "ARCHIVE_TEST_DISK"

// A full disk costs what comes while it is full, and nothing else: what was kept can be read, has
// its room, and makes way for nothing that was not written; no file is left of what was not. When
// there is room the next one is kept.
//
// A limit on the size of files stands for the disk, as the beginning of a page fits there too. It
// is one of the process, so the test runs in one of its own.
func TestFullDisk(t *testing.T) {
	c := exec.Command(os.Args[0], "-test.run", "^TestFullDiskChild$", "-test.v")
	c.Env = append(os.Environ(), diskVariable+"=full")
	if output, err := c.CombinedOutput(); err != nil || !bytes.Contains(output, []byte("--- PASS: TestFullDiskChild")) {
		t.Errorf("%v\n%s", err, output)
	}
}

// TestFullDiskChild is the program of TestFullDisk's process, and does nothing else.
func TestFullDiskChild(t *testing.T) {
	if os.Getenv(diskVariable) == "" {
		return
	}
	signal.Ignore(syscall.SIGXFSZ)
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	limit := func(bytes uint64) {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: bytes, Max: old.Max}); err != nil {
			t.Fatal(err)
		}
	}
	for name, before := range map[string][]string{"nothing was kept": nil, "something was": {"old"}} {
		folder := t.TempDir()
		var s shelf
		if err := s.open(folder, "faults", 64<<10, 1); err != nil {
			t.Fatal(err)
		}
		put := func(key string) error { return s.put(cause.ID{1}, []why.Record{{Key: key}}, 1) }
		for _, key := range before {
			if err := put(key); err != nil {
				t.Fatal(err)
			}
		}
		limit(400)
		for range 200 { // as many bytes as would take the room of all
			if put(strings.Repeat("x", 1000)) == nil {
				t.Fatalf("%s: the disk is not full", name)
			}
		}
		limit(old.Cur)
		check := func(want ...string) {
			t.Helper()
			var keys []string
			if err := s.each(func(r why.Record) { keys = append(keys, r.Key) }); err != nil || !slices.Equal(keys, want) {
				t.Errorf("%s: kept are %q, want %q; %v", name, keys, want, err)
			}
			files, sum := sizeOf(t, folder)
			if files != min(len(want), 1) || sum != s.bytes() {
				t.Errorf("%s: %d files with %d bytes, counted %d", name, files, sum, s.bytes())
			}
		}
		check(before...)
		if err := put("new"); err != nil {
			t.Error(err)
		}
		check(append(before, "new")...)
		if err := s.close(); err != nil {
			t.Error(err)
		}
	}
}
