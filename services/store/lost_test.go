package store

import (
	"bufio"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// reopenFile names, in the environment, the database that this program is to open, write to and
// close until it is killed.
const reopenFile = "STORE_TEST_REOPEN_FILE"

func reopenUntilKilled(path string) {
	for i := 0; ; i++ {
		db, err := Open(path, []string{testSchema})
		if err == nil {
			err = errors.Join(put(db, fmt.Sprintf("%d-%d", os.Getpid(), i), i), db.Close())
		}
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("closed")
	}
}

// files are those of one database, by their suffix.
type files map[string]string

func readFiles(t *testing.T, path string) files {
	t.Helper()
	found := files{}
	for _, suffix := range []string{"", "-wal", "-shm", madeSuffix} {
		data, err := os.ReadFile(path + suffix)
		if err == nil {
			found[suffix] = string(data)
		} else if !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	return found
}

// write puts them into a new directory.
func (f files) write(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "test.db")
	for suffix, data := range f {
		if err := os.WriteFile(path+suffix, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// killed are the files of a database whose process was killed: they are copied while it is open,
// which is what a kill leaves. Its notes are "a" and "b", and both are in the -wal file alone.
func killed(t *testing.T) files {
	t.Helper()
	db, path := openTest(t)
	for i, name := range []string{"a", "b"} {
		if err := put(db, name, i); err != nil {
			t.Fatal(err)
		}
	}
	return readFiles(t, path)
}

func TestAttackWhatWasInTheWAL(t *testing.T) {
	const note = 2 * (frameHeader + 4096) // one page of the table and one of its index
	cut := func(suffix string, length int) func(files) {
		return func(f files) { f[suffix] = f[suffix][:length] }
	}
	flip := func(at int) func(files) {
		return func(f files) { f["-wal"] = f["-wal"][:at] + string(f["-wal"][at]^1) + f["-wal"][at+1:] }
	}
	powerCut := func(change func(files)) func(files) {
		return func(f files) {
			f[madeSuffix] = strings.Replace(f[madeSuffix], "boot ", "boot 0", 1)
			change(f)
		}
	}
	tests := []struct {
		name    string
		change  func(files)
		problem string // "": it opens
		want    string // the notes then, also after the loss was accepted
	}{
		{"killed", func(files) {}, "", "a b"},
		{"killed in a former boot", powerCut(func(files) {}), "", "a b"},
		{"no -shm", func(f files) { delete(f, "-shm") }, "", "a b"},
		{"half a -shm", cut("-shm", 100), "", "a b"},
		{"no -wal", func(f files) { delete(f, "-wal") }, "-wal file is gone", ""},
		{"no -wal and no -shm", func(f files) { delete(f, "-wal"); delete(f, "-shm") }, "-wal file is gone", ""},
		{"-wal emptied", cut("-wal", 0), "-wal file is cut", ""},
		{"-wal without a whole header", cut("-wal", walHeader-1), "-wal file is cut", ""},
		{"-wal cut to its header", cut("-wal", walHeader), "0 of 4 frames are whole", ""},
		{"-wal cut between frames", cut("-wal", walHeader+note), "2 of 4 frames are whole", "a"},
		{"-wal cut in a frame", cut("-wal", walHeader+2*note-1), "3 of 4 frames are whole", "a"},
		{"-wal's header damaged", flip(20), "-wal file is damaged", ""},
		{"-wal's first frame damaged", flip(walHeader + note/4), "0 of 4 frames are whole", ""},
		{"-wal's last frame damaged", flip(walHeader + 2*note - 1), "3 of 4 frames are whole", "a"},
		{"no -wal after a power cut", powerCut(func(f files) { delete(f, "-wal") }), "-wal file is gone", ""},
		{"-wal's end lost with the power", powerCut(cut("-wal", walHeader+note+7)), "", "a"},
		{"-wal's frames lost with the power", powerCut(cut("-wal", walHeader)), "", ""},
		{"-wal's page lost with the power", powerCut(flip(walHeader + 100)), "", ""},
		{"mark damaged", func(f files) { f[madeSuffix] = "oops" }, ".made file is damaged", "a b"},
		{"mark of a former version", func(f files) { f[madeSuffix] = "" }, "", "a b"},
	}
	left := killed(t)
	if got := len(left["-wal"]); got < walHeader+2*note {
		t.Fatalf("the -wal file has %d bytes, want two notes", got)
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := maps.Clone(left)
			test.change(f)
			path := f.write(t)
			for range 2 { // refusing changes nothing
				if test.problem == "" {
					break
				}
				wantLost(t, path, test.problem)
			}
			if test.problem != "" { // the remedy
				if err := os.Remove(path + madeSuffix); err != nil {
					t.Fatal(err)
				}
			}
			db, err := Open(path, []string{testSchema})
			if err != nil {
				t.Fatal(err)
			}
			if got := notes(t, db); got != test.want {
				t.Errorf("notes are %q, want %q", got, test.want)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func wantLost(t *testing.T, path, problem string) {
	t.Helper()
	db, err := Open(path, []string{testSchema})
	if err == nil {
		db.Close()
	}
	var corrupt *CorruptError
	if !errors.As(err, &corrupt) || !corrupt.Lost || !strings.Contains(err.Error(), problem) || !strings.Contains(err.Error(), "remove "+path+".made") {
		t.Fatalf("error is %v, want a CorruptError with %q and the remedy", err, problem)
	}
}

// All that was there when a database was closed is in the file itself, and so is what a migration
// did.
func TestAttackAnOlderDatabase(t *testing.T) {
	db, path := openTest(t)
	older := readFiles(t, path)[""]
	for range 2 {
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		var err error
		if db, err = Open(path, []string{testSchema}); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	closed := readFiles(t, path)
	if len(closed) != 2 {
		t.Errorf("%d files are left after Close, want the database and its mark", len(closed))
	}
	closed[""] = older
	wantLost(t, closed.write(t), "it has checkpoint 1, and had 3")
}

// Whatever a kill meets, opening, migrating or closing, the next Open takes what it leaves.
func TestAKillWhileOpeningOrClosingIsNoLoss(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	for i := range 40 {
		child := exec.CommandContext(t.Context(), os.Args[0])
		child.Env = append(os.Environ(), reopenFile+"="+path)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		if i > 0 && !lines.Scan() { // the first is killed in its first moments
			t.Fatal("the process said nothing")
		}
		if got := lines.Text(); i > 0 && got != "closed" {
			t.Fatal(got)
		}
		time.Sleep(time.Duration(i) * 331 * time.Microsecond) // somewhere in the next rounds
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = child.Wait() // it was killed
	}
	db, err := Open(path, []string{testSchema})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

// A new program that cannot migrate, and one that is too old, leave the database of a killed
// process as it was.
func TestARefusedOpenAfterAKillLosesNothing(t *testing.T) {
	path := killed(t).write(t)
	for _, schema := range [][]string{{}, {testSchema, "NO SQL"}} {
		if _, err := Open(path, schema); err == nil {
			t.Fatalf("schema %q was taken", schema)
		}
	}
	db, err := Open(path, []string{testSchema})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if got := notes(t, db); got != "a b" {
		t.Errorf("notes are %q, want both", got)
	}
}
