package mesh_test

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"leafmesh/mesh"
)

// openAlone opens a node without peers, at a port that is given.
func openAlone(t *testing.T, c mesh.Config, listen string) (*mesh.Node, error) {
	t.Helper()
	seed, _ := keyPair(t)
	_, public := keyPair(t)
	c.Seed, c.Listen = mesh.NewSecret(seed), listen
	c.Peers = []mesh.Peer{{Name: "score-1", Key: public, MayImport: mesh.AllExports()}}
	n, err := mesh.Open(within(t), c)
	if err == nil {
		t.Cleanup(func() { _ = n.Close(within(t)) })
	}
	return n, err
}

// An outbox that somebody removed does not begin anew in silence, and the remedy works.
func TestAttackAnOutboxThatIsRemoved(t *testing.T) {
	c := durableClue(t)
	n, err := openAlone(t, c, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Close(within(t)); err != nil {
		t.Fatal(err)
	}
	outbox := filepath.Join(string(c.Data), "outbox")
	if err := os.RemoveAll(outbox); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := openAlone(t, c, "127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), outbox+" is gone") {
			t.Fatalf("without its outbox: %v", err)
		}
	}
	if err := os.Mkdir(outbox, 0o700); err != nil {
		t.Fatal(err)
	}
	if n, err = openAlone(t, c, "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	if err := n.Close(within(t)); err != nil {
		t.Error(err)
	}
}

// A data directory that is removed under a running node costs the emits of a moment: JetStream
// itself goes on to say that all is stored.
func TestAttackADataDirectoryRemovedWhileRunning(t *testing.T) {
	c := durableClue(t)
	n, err := openAlone(t, c, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	emit(t, n, clueSolved, solved{Team: "owls", At: 1})
	if err := os.RemoveAll(string(c.Data)); err != nil {
		t.Fatal(err)
	}
	await(t, "that it is noticed", func() bool { return n.Writable() != nil })
	if err := clueSolved.Emit(n.Context(within(t)), solved{Team: "owls", At: 2}); !errors.Is(err, mesh.ErrOutboxDisk) {
		t.Errorf("an emit into nothing: %v", err)
	}
}

// A node that may not have its data opens no port, not even for a moment: who reads it would speak
// to nobody.
func TestAttackDataThatAnotherHas(t *testing.T) {
	c := durableClue(t)
	n, err := openAlone(t, c, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	// The port is taken: an error about it would say that it was tried first.
	if _, err := openAlone(t, c, n.ListenAddr()); err == nil || !strings.Contains(err.Error(), "is in use by another process: node clue-1 may be running already") {
		t.Errorf("with the data of another: %v", err)
	}
}

// The log of a first start does not read like a loss. Where there was data, an empty outbox may be
// one.
func TestBeginningOfAnOutbox(t *testing.T) {
	c := durableClue(t)
	for _, start := range []struct{ says, leavesOut string }{{"first start: the data directory and its outbox are new", "an empty outbox begins"}, {"an empty outbox begins", "first start"}} {
		log := &logged{}
		c.Logger = slog.New(slog.NewTextHandler(log, nil))
		n, err := openAlone(t, c, "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if err := n.Close(within(t)); err != nil {
			t.Fatal(err)
		}
		if said := log.String(); !strings.Contains(said, start.says) || strings.Contains(said, start.leavesOut) {
			t.Errorf("want %q, and not %q, in\n%s", start.says, start.leavesOut, said)
		}
		for _, gone := range []string{"outbox", "outbox.made"} {
			if err := os.RemoveAll(filepath.Join(string(c.Data), gone)); err != nil {
				t.Fatal(err)
			}
		}
	}
}
