package storage

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"leafmesh/mesh/config"
)

// durable is a node with a durable export that keeps its things in data.
func durable(data string) (config.Node, string) {
	return config.Node{Name: "clue-1", Data: config.Path(data), Exports: []config.Export{{Event: "clue.clue.solved", KeptFor: []string{"score"}}}},
		filepath.Join(data, "outbox")
}

// open opens and closes the storage of a node.
func open(t *testing.T, data string, made bool) error {
	t.Helper()
	var s Storage
	c, outbox := durable(data)
	err := s.Open(t.Context(), c, outbox)
	if err == nil && made {
		err = s.OutboxMade(data)
	}
	if closed := s.Close(); closed != nil {
		t.Error(closed)
	}
	return err
}

// A data directory is new until a node of the service had it.
func TestIsNew(t *testing.T) {
	c, outbox := durable(filepath.Join(t.TempDir(), "data"))
	for start, want := range []bool{true, false} {
		var s Storage
		if s.IsNew() {
			t.Error("what is not open is new")
		}
		if err := s.Open(t.Context(), c, outbox); err != nil || s.IsNew() != want {
			t.Errorf("start %d: new %v, %v; want %v", start, s.IsNew(), err, want)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// An outbox that is gone while other data is there is refused; each remedy works.
func TestAttackAnOutboxThatIsGone(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	_, outbox := durable(data)
	if err := open(t, data, false); err != nil { // killed before the outbox was there
		t.Fatal(err)
	}
	if err := os.Mkdir(outbox, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := open(t, data, true); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(outbox); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		err := open(t, data, false)
		if err == nil || !strings.Contains(err.Error(), outbox+" is gone") || !strings.Contains(err.Error(), "empty directory") {
			t.Fatalf("without its outbox: %v", err)
		}
	}
	if err := os.Mkdir(outbox, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := open(t, data, false); err != nil {
		t.Errorf("with an empty directory: %v", err)
	}
	if err := os.RemoveAll(data); err != nil {
		t.Fatal(err)
	}
	if err := open(t, data, false); err != nil {
		t.Errorf("with nothing at all: %v", err)
	}
}

// Who may write into the directory of others can give a node what it takes for its own.
func TestAttackADirectoryThatAllMayWrite(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a directory has no such mode")
	}
	for mode, want := range map[os.FileMode]string{
		0o700: "", 0o755: "", 0o775: "", 0o777: "chmod o-w ", 0o702: "chmod o-w ", 0o777 | os.ModeSticky: "chmod o-w ",
	} {
		data := t.TempDir()
		if err := os.Chmod(data, mode); err != nil {
			t.Fatal(err)
		}
		err := open(t, data, false)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want+data)) {
			t.Errorf("mode %o: %v, want %q", mode, err, want)
		}
	}
}
