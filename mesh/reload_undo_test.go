package mesh

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/undo"
)

// linkedTo are the peers that a node lets in, and those that it dials.
func linkedTo(n *Node) (importers, remotes []string) {
	dialed, let := n.leaf.Peers()
	for _, i := range let {
		if !i.Shut {
			importers = append(importers, i.Name)
		}
	}
	for _, r := range dialed {
		if !r.Shut {
			remotes = append(remotes, r.Name)
		}
	}
	slices.Sort(importers)
	slices.Sort(remotes)
	return importers, remotes
}

// A reload that is undone puts peers back although the files of their keys have gone, and takes
// back those that it brought.
func TestAnUndoNeedsNoFiles(t *testing.T) {
	folder := t.TempDir()
	seed, _ := freshKeys(t)
	key := func(name string) string {
		_, public := freshKeys(t)
		path := filepath.Join(folder, name+".pub")
		put(t, path, public)
		return path
	}
	type thing struct{}
	exported, imported := NewEvent[thing]("clue.undo.tried"), NewEvent[thing]("hunt.undo.tried")
	file := Config{Name: "clue-1", Listen: "127.0.0.1:0", Seed: NewSecret(seed), Exports: []Export{exported.Export(Limit{})}, Imports: []Import{imported.Import(Limit{}, Shared)},
		Handlers: []Handler{imported.Handle("count", func(context.Context, thing) error { return nil })},
		Peers: []Peer{{Name: "score-1", KeyFile: key("score-1"), MayImport: AllExports()}, {Name: "score-2", KeyFile: key("score-2"), MayImport: AllExports()},
			{Name: "hunt-1", URL: "nats-leaf://127.0.0.1:1", KeyFile: key("hunt-1")}, {Name: "hunt-2", URL: "nats-leaf://127.0.0.1:2", KeyFile: key("hunt-2")}}}
	n := openFor(t, file)
	next := file
	next.Peers = []Peer{file.Peers[0], file.Peers[2], {Name: "score-3", KeyFile: key("score-3"), MayImport: AllExports()}}
	for _, gone := range []string{"score-2", "hunt-2"} {
		if err := os.Remove(filepath.Join(folder, gone+".pub")); err != nil {
			t.Fatal(err)
		}
	}
	n.configuring.Lock()
	defer n.configuring.Unlock()
	plan, err := n.planLocked(next)
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	err = undo.All(append(n.partsLocked(plan), undo.Part{What: "what fails", Do: func() (func() error, error) { return nil, broken }}))
	if !errors.Is(err, broken) || errors.Is(err, config.ErrNotUndone) {
		t.Errorf("error: %v", err)
	}
	importers, remotes := linkedTo(n)
	if !slices.Equal(importers, []string{"score-1", "score-2"}) || !slices.Equal(remotes, []string{"hunt-1", "hunt-2"}) {
		t.Errorf("importers %v, remotes %v", importers, remotes)
	}
	for name, want := range map[string]bool{"score-1": true, "score-2": true, "score-3": false} {
		if err := n.peers.Readers.Send(name, nil); (err == nil) != want {
			t.Errorf("a message to reader %s: %v", name, err)
		}
	}
	if !n.peers.Inlets.Expects("hunt-2") {
		t.Error("the exporter is not back")
	}
}

// A peer that is to be reached by the hub in place of a direct link needs a restart, as a field of
// the file. One that may import no longer is only taken back.
func TestAnotherWayToAPeerNeedsARestart(t *testing.T) {
	seed, _ := freshKeys(t)
	hubSeed, _ := freshKeys(t)
	_, scoreKey := freshKeys(t)
	_, huntKey := freshKeys(t)
	type thing struct{}
	exported, imported := NewEvent[thing]("clue.way.tried"), NewEvent[thing]("hunt.way.tried")
	file := Config{Name: "clue-1", Listen: "127.0.0.1:0", Seed: NewSecret(seed), Exports: []Export{exported.Export(Limit{})}, Imports: []Import{imported.Import(Limit{}, Shared)},
		Hub:      &Hub{URLs: []string{"nats-leaf://127.0.0.1:1"}, Seed: NewSecret(hubSeed)},
		Handlers: []Handler{imported.Handle("count", func(context.Context, thing) error { return nil })},
		Peers: []Peer{{Name: "hunt-1", URL: "nats-leaf://127.0.0.1:1", Key: huntKey}, {Name: "score-1", Key: scoreKey, MayImport: AllExports()},
			{Name: "score-2", MayImport: AllExports()}}}
	n := openFor(t, file)
	_, otherKey := freshKeys(t)
	for _, test := range []struct {
		name  string
		at    int
		peer  Peer
		field string // "" if it needs no restart
	}{
		{"an exporter by the hub", 0, Peer{Name: "hunt-1"}, "peers[0].url"},
		{"a reader by the hub alone", 1, Peer{Name: "score-1", MayImport: AllExports()}, "peers[1].may_import"},
		{"a reader by a direct link", 2, Peer{Name: "score-2", Key: otherKey, MayImport: AllExports()}, "peers[2].may_import"},
		{"a reader that may read no longer", 1, Peer{Name: "score-1", Key: scoreKey}, ""},
	} {
		next := file
		next.Peers = slices.Clone(file.Peers)
		next.Peers[test.at] = test.peer
		changes, compared := n.Compare(next)
		_, err := n.Reload(t.Context(), next)
		problems := config.FieldErrors(err)
		switch {
		case compared != nil || len(changes) == 0:
			t.Errorf("%s: compared: %v, %v", test.name, changes, compared)
		case test.field == "" && err != nil:
			t.Errorf("%s: %v", test.name, err)
		case test.field != "" && (len(problems) != 1 || problems[0].Field != test.field || !errors.Is(err, config.ErrNeedsRestart)):
			t.Errorf("%s: %v", test.name, err)
		}
		if set := n.SetPeers(next.Peers); errors.Is(set, config.ErrNeedsRestart) != (test.field != "") {
			t.Errorf("%s: SetPeers: %v", test.name, set)
		}
	}
}
