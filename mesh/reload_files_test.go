package mesh

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nkeys"
)

// freshKeys are a seed, and its public key.
func freshKeys(t *testing.T) (seed, public string) {
	t.Helper()
	pair, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	secret, err := pair.Seed()
	if err != nil {
		t.Fatal(err)
	}
	if public, err = pair.PublicKey(); err != nil {
		t.Fatal(err)
	}
	return string(secret), public
}

// openFor opens a node that is closed at the test's end.
func openFor(t *testing.T, c Config) *Node {
	t.Helper()
	n, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := n.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return n
}

// put writes a file that only its owner may read.
func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// What a program changes while the node runs does not make a file count as read of which nothing
// was applied: the next reload still finds what is new in it.
func TestOnlyWhatWasAppliedCountsAsRead(t *testing.T) {
	folder := t.TempDir()
	seedFile, peerFile := filepath.Join(folder, "own.nk"), filepath.Join(folder, "score-1.pub")
	seed, _ := freshKeys(t)
	_, scoreKey := freshKeys(t)
	put(t, seedFile, seed)
	put(t, peerFile, scoreKey)
	type thing struct{}
	event := NewEvent[thing]("clue.files.read")
	file := Config{Name: "clue-1", Listen: "127.0.0.1:0", Seed: Secret{File: seedFile}, Exports: []Export{event.Export(Limit{})},
		Peers: []Peer{{Name: "score-1", KeyFile: peerFile, MayImport: AllExports()}}}
	n := openFor(t, file)

	next, nextKey := freshKeys(t)
	put(t, seedFile, next)
	if err := n.SetPeers(n.Peers()); err != nil {
		t.Fatal(err)
	}
	if changes, err := n.Reload(t.Context(), file); err != nil || len(changes) != 1 || changes[0].New != nextKey || n.leaf.Seed() != next {
		t.Errorf("the seed's file, after SetPeers: %v, %v; the new seed is proved: %v", changes, err, n.leaf.Seed() == next)
	}
	_, scoreNext := freshKeys(t)
	put(t, peerFile, scoreNext)
	if err := n.SetSeed(Secret{File: seedFile}); err != nil {
		t.Fatal(err)
	}
	changes, err := n.Reload(t.Context(), file)
	if _, importers := n.leaf.Peers(); err != nil || len(changes) != 1 || changes[0].New != scoreNext || importers[0].Keys[0] != scoreNext {
		t.Errorf("the peer's file, after SetSeed: %v, %v; importers %v", changes, err, importers)
	}
	put(t, peerFile, scoreKey)
	if err := n.SetPeers(n.Peers()); err != nil {
		t.Fatal(err)
	}
	if changes, err := n.Reload(t.Context(), file); err != nil || len(changes) != 0 {
		t.Errorf("the peer's file, after SetPeers took it: %v, %v", changes, err)
	}
}

// The seed of plain links changes while the node runs, by the program and by the file.
func TestThePlainSeedIsLive(t *testing.T) {
	path := filepath.Join(t.TempDir(), "plain.nk")
	seed, _ := freshKeys(t)
	put(t, path, seed)
	file := Config{Name: "clue-1", Links: Links{Plain: true, PlainSeed: Secret{File: path}}}
	n := openFor(t, file)
	byProgram, _ := freshKeys(t)
	if err := n.SetSeed(NewSecret(byProgram)); err != nil || n.leaf.Seed() != byProgram {
		t.Fatalf("by the program: %v", err)
	}
	if changes, err := n.Reload(t.Context(), file); err != nil || len(changes) == 0 || n.leaf.Seed() != seed {
		t.Errorf("back to the file's: %v, %v", changes, err)
	}
	next, _ := freshKeys(t)
	put(t, path, next)
	if changes, err := n.Reload(t.Context(), file); err != nil || len(changes) != 1 || n.leaf.Seed() != next {
		t.Errorf("by the file: %v, %v", changes, err)
	}
}

// The order of limits is no change: what an operator has set for an hour outlives a reload that
// brings the same limits in another order, and something else.
func TestTheOrderOfLimitsEndsNothing(t *testing.T) {
	type thing struct{}
	first, second := NewEvent[thing]("clue.order.first"), NewEvent[thing]("clue.order.second")
	file := Config{Name: "clue-1", Limits: []Rule{{Event: first.Subject(), Limit: Limit{Rate: 1}}, {Event: second.Subject(), Limit: Limit{Rate: 2}}}}
	n := openFor(t, file)
	if err := n.changes.SetRulesFor([]Rule{{Event: first.Subject(), Limit: Limit{Rate: 9}}}, time.Hour, "ada"); err != nil {
		t.Fatal(err)
	}
	set := n.Rules()
	file.Limits = []Rule{file.Limits[1], file.Limits[0]}
	file.Alarms.Slow = time.Second
	changes, err := n.Reload(t.Context(), file)
	if err != nil || changes.String() != "alarms.slow: 5s → 1s" {
		t.Errorf("changes %v, %v", changes, err)
	}
	if got := n.Rules(); !slices.Equal(got, set) || len(n.changes.List()) != 1 {
		t.Errorf("rules %+v, of which %d are to end", got, len(n.changes.List()))
	}
}
