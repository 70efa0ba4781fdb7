package outbox

import (
	"bytes"
	"errors"
	"leafmesh/mesh/internal/wire"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A disk that is full, or a file that may not grow, is told at once, costs nothing that
// was stored, leaves the rest of the node alone, and storing goes on by itself.
//
// Each case runs in a process of its own: the limit on the size of files is one of
// the process, and a small file system needs a mount name space of its own. Where
// neither root nor an unprivileged user may have one, as in many containers, the
// limit on files stands for it; that case runs everywhere.
func TestFullDisk(t *testing.T) {
	for name, attributes := range map[string][]*syscall.SysProcAttr{
		"limit":  {{}},
		"mount":  mounting,
		"itself": mounting,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var output []byte
			var err error
			for _, attribute := range attributes {
				c := exec.Command(os.Args[0], "-test.run", "^TestFullDiskChild$", "-test.v")
				c.Env = append(os.Environ(), childVariable+"=", diskVariable+"="+name)
				c.SysProcAttr = attribute
				output, err = c.CombinedOutput()
				if err == nil || !errors.Is(err, syscall.EPERM) && !bytes.Contains(output, []byte(noMount)) {
					break
				}
			}
			switch {
			case err == nil && bytes.Contains(output, []byte("--- PASS: TestFullDiskChild")):
			case name != "limit" && (errors.Is(err, syscall.EPERM) || bytes.Contains(output, []byte(noMount))):
				t.Logf("no small file system can be mounted here, so only the case \"limit\" tells: %v\n%s", err, output)
			default:
				t.Errorf("%v\n%s", err, output)
			}
		})
	}
}

const (
	diskVariable = "OUTBOX_TEST_DISK"
	noMount      = "cannot mount"
)

// mounting are the ways to a mount name space: as root, and as anybody.
var mounting = []*syscall.SysProcAttr{
	{Cloneflags: syscall.CLONE_NEWNS},
	{
		Cloneflags:  syscall.CLONE_NEWNS | syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	},
}

// fillable is a disk that a test can fill and give room again.
type fillable struct {
	dir  string
	fill func(t *testing.T)
	free func(t *testing.T)
}

// TestFullDiskChild is the program of TestFullDisk's processes, and does nothing else.
func TestFullDiskChild(t *testing.T) {
	switch os.Getenv(diskVariable) {
	case "":
		return
	case "limit":
		survivesFullDisk(t, limitedFiles(t))
	case "mount":
		survivesFullDisk(t, smallMount(t))
	case "itself":
		freesItself(t, smallMount(t))
	}
}

func limitedFiles(t *testing.T) fillable {
	signal.Ignore(syscall.SIGXFSZ)
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	limit := func(bytes uint64) func(*testing.T) {
		return func(t *testing.T) {
			if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: bytes, Max: old.Max}); err != nil {
				t.Fatal(err)
			}
		}
	}
	return fillable{dir: t.TempDir(), fill: limit(300_000), free: limit(old.Cur)}
}

func smallMount(t *testing.T) fillable {
	dir := t.TempDir()
	// Without this the mount would be seen, and stay, in the name space of the parent.
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		t.Fatal(noMount, err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); err != nil {
		t.Fatal(noMount, err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	filler := filepath.Join(dir, "filler")
	return fillable{
		dir: dir,
		fill: func(t *testing.T) {
			if err := os.WriteFile(filler, make([]byte, 2<<20), 0o600); err != nil {
				t.Fatal(err)
			}
		},
		free: func(t *testing.T) {
			if err := os.Remove(filler); err != nil {
				t.Fatal(err)
			}
		},
	}
}

func diskSite(t *testing.T, disk fillable) *site {
	return newSite(t, func(s *site) {
		s.config.Dir = filepath.Join(disk.dir, "outbox")
		s.spec.Outbox.Dir = s.config.Dir
		s.config.Types = s.config.Types[1:]
	}).open(t)
}

// storeUntil stores numbered messages of 20 KB until one fails, and returns how many were stored.
func (s *site) storeUntil(t *testing.T, from int) (stored []string, err error) {
	t.Helper()
	for n := from; n < from+1000; n++ {
		number := strconv.Itoa(n)
		p, err := s.Store(timeout(t), taken+".t1", id(n), eventOf(n, "t1", number+strings.Repeat(" ", 20_000)))
		if err == nil {
			err = p.Wait(timeout(t))
		}
		if err != nil {
			return stored, err
		}
		stored = append(stored, number)
	}
	t.Fatal("the disk was never full")
	return nil, nil
}

// numbersUpTo takes messages, of which some may come twice, until the one with a number has come.
func numbersUpTo(t *testing.T, s *site, last string) string {
	t.Helper()
	p := s.reader(t, "score", taken)
	var got []string
	for !slices.Contains(got, last) {
		e := p.get(t, 1)[0]
		if number, _, _ := strings.Cut(string(e.Message), " "); !slices.Contains(got, number) {
			got = append(got, number)
		}
		p.answer(t, wire.Handled, e)
	}
	return strings.Join(got, " ")
}

func survivesFullDisk(t *testing.T, disk fillable) {
	s := diskSite(t, disk)
	s.store(t, taken, 1, 3)
	disk.fill(t)
	stored, err := s.storeUntil(t, 10)
	failed := time.Now()
	if !errors.Is(err, ErrDisk) {
		t.Fatalf("after %d: %v", len(stored), err)
	}
	if _, err := s.Store(timeout(t), taken+".t1", id(1), nil); !errors.Is(err, ErrDisk) {
		t.Errorf("while it is full: %v", err)
	}
	others, err := s.conn.SubscribeSync("clue.answer.judged.*")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.conn.Publish("clue.answer.judged.t1", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := others.NextMsgWithContext(timeout(t)); err != nil {
		t.Errorf("the rest of the node does not go on: %v", err)
	}
	eventually(t, "a look at the files read anew", func() bool { return s.Stats().At.After(failed) })
	if got := numbersUpTo(t, s, "3"); got != "1 2 3" {
		t.Errorf("while it is full, score got %q", got)
	}
	disk.free(t)
	eventually(t, "room", func() bool { return s.diskError() == nil })
	s.store(t, taken, 5000, 5001)
	s.reopen(t)
	s.store(t, taken, 5002, 5002)
	// The event whose write failed may have been stored after all.
	uncertain, later := strconv.Itoa(10+len(stored)), "5000 5001 5002"
	without, with := strings.Join(append(stored, later), " "), strings.Join(append(stored, uncertain, later), " ")
	if got := numbersUpTo(t, s, "5002"); got != without && got != with {
		t.Errorf("got %q\nwant %q\nor %q", got, without, with)
	}
	eventually(t, "all are removed", func() bool { return s.events(t) == 0 })
}

// An outbox that filled the disk by itself goes on when its messages were taken.
func freesItself(t *testing.T, disk fillable) {
	s := diskSite(t, disk)
	s.stop(t)
	// A second message of an id is to be known for an hour, but not at the price of new ones.
	s.config.Duplicates = time.Hour
	s.open(t)
	stored, err := s.storeUntil(t, 10)
	if !errors.Is(err, ErrDisk) {
		t.Fatalf("after %d: %v", len(stored), err)
	}
	s.stop(t) // a node that starts on a full disk
	s.open(t)
	if _, err := s.Store(timeout(t), taken+".t1", id(1), nil); !errors.Is(err, ErrDisk) {
		t.Errorf("after a start on a full disk: %v", err)
	}
	if got := numbersUpTo(t, s, stored[len(stored)-1]); got != strings.Join(stored, " ") {
		t.Errorf("got %q\nwant %q", got, stored)
	}
	eventually(t, "room", func() bool { return s.diskError() == nil })
	s.store(t, taken, 5000, 5001)
	uncertain := strconv.Itoa(10 + len(stored))
	if got := strings.TrimPrefix(numbersUpTo(t, s, "5001"), uncertain+" "); got != "5000 5001" {
		t.Errorf("got %q", got)
	}
}
