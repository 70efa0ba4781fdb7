package mesh_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"leafmesh/mesh"
	"leafmesh/mesh/inproc"
	"leafmesh/mesh/stats"
)

// logged is a log that tests read.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// copyFolder copies the files of a folder that nobody writes to.
func copyFolder(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// A peer whose outbox is not as this node left it is told of, and its events
// come nevertheless.
func TestDurablePeerThatIsNotWhatItWas(t *testing.T) {
	tests := map[string]struct {
		// change does it to the peer between two runs; old is its data before its last event.
		change func(t *testing.T, clue *mesh.Config, old string)
		rule   string
		says   string
	}{
		"unchanged": {func(*testing.T, *mesh.Config, string) {}, "", ""},
		"wiped": {func(t *testing.T, clue *mesh.Config, _ string) {
			clue.Data = mesh.Path(t.TempDir())
		}, "wiped", "clue-1"},
		"restored from an old copy": {func(_ *testing.T, clue *mesh.Config, old string) {
			clue.Data = mesh.Path(old)
		}, "restored", "clue-1"},
		"renamed": {func(_ *testing.T, clue *mesh.Config, _ string) {
			clue.Name = "clue-2"
		}, "renamed", "clue-2"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var got seen
			clue, score := durableClue(t), durableScore(t, got.add)
			var log logged
			score.Logger = slog.New(slog.NewTextHandler(&log, nil))
			old := filepath.Join(t.TempDir(), "old")
			for run := range 3 {
				if run == 1 {
					copyFolder(t, string(clue.Data), old)
				}
				if run == 2 {
					test.change(t, &clue, old)
				}
				nodes, err := inproc.Open(within(t), clue, score)
				if err != nil {
					t.Fatal(err)
				}
				if err := nodes.Ready(within(t)); err != nil { // or new events could hide that old ones are gone
					t.Fatal(err)
				}
				if err := clueSolved.Emit(nodes[0].Context(t.Context()), solved{"owls", "a", int64(run)}); err != nil {
					t.Fatal(err)
				}
				await(t, "the event", func() bool { return got.count() > 0 && got.all()[got.count()-1].At == int64(run) })
				seen := nodes.Node("score-1").Stats()
				if err := nodes.Close(within(t)); err != nil {
					t.Fatal(err)
				}
				rule := ""
				for _, c := range seen.Counts {
					if c.Outcome == stats.OutboxChanged {
						rule = c.Rule
					}
				}
				if want := test.rule; run == 2 && rule != want || run < 2 && rule != "" {
					t.Errorf("run %d: counted under %q, want %q", run, rule, want)
				}
			}
			if told := strings.Contains(log.String(), "not as this node left it"); told != (test.rule != "") || !strings.Contains(log.String(), test.says) {
				t.Errorf("the log: %s", &log)
			}
		})
	}
}

// A damaged outbox does not open, and what is said names file and remedy.
func TestDurableDamagedOutbox(t *testing.T) {
	clue := durableClue(t)
	nodes := openAll(t, clue)
	for i := range 10 {
		if err := clueSolved.Emit(nodes[0].Context(t.Context()), solved{"owls", "a", int64(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := nodes.Close(within(t)); err != nil {
		t.Fatal(err)
	}
	var block string
	err := filepath.WalkDir(string(clue.Data), func(path string, _ os.DirEntry, err error) error {
		if filepath.Ext(path) == ".blk" {
			block = path
		}
		return err
	})
	if err != nil || block == "" {
		t.Fatalf("no block file: %v", err)
	}
	if err := os.Truncate(block, 100); err != nil {
		t.Fatal(err)
	}
	nodes, err = inproc.Open(within(t), clue)
	if err == nil {
		nodes.Close(within(t))
		t.Fatal("it opened")
	}
	for _, part := range []string{string(clue.Data), "restore", "remove"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
}

// Nobody shares a data directory.
func TestDurableDataInUse(t *testing.T) {
	score := durableScore(t, func(context.Context, solved) error { return nil })
	clue := durableClue(t)
	openAll(t, clue, score)
	other := score
	other.Name = "score-2"
	if nodes, err := inproc.Open(within(t), durableClue(t), other); err == nil {
		nodes.Close(within(t))
		t.Error("two importers share a directory")
	}
	another := clue
	another.Name = "clue-2"
	if nodes, err := inproc.Open(within(t), another); err == nil {
		nodes.Close(within(t))
		t.Error("two exporters share a directory")
	}
}

// A node that is given the directory of another service's drops nothing there.
func TestDurableDataOfAnotherService(t *testing.T) {
	clue := durableClue(t)
	n := openAll(t, clue)[0]
	emit(t, n, clueSolved, solved{"owls", "a", 1})
	finish(t, n)
	hunt := mesh.Config{Name: "hunt-1", Data: clue.Data, Exports: []mesh.Export{{Event: "hunt.team.finished", KeptFor: []string{"score"}}}}
	nodes, err := inproc.Open(within(t), hunt)
	if err == nil {
		nodes.Close(within(t))
		t.Fatal("it opened")
	}
	for _, part := range []string{string(clue.Data), "service \"clue\"", "hunt-1"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
	var got seen
	openAll(t, clue, durableScore(t, got.add))
	await(t, "the event", func() bool { return got.count() == 1 })
}

// Events larger than a reader takes are lost for that reader alone, by name: its link stays, the
// small ones beside them arrive, and a reader that takes them gets all.
func TestEventsLargerThanAReaderTakes(t *testing.T) {
	for _, durable := range []bool{false, true} {
		t.Run(fmt.Sprintf("durable %v", durable), func(t *testing.T) {
			var small, all seen
			clue, score, board := durableClue(t), durableScore(t, small.add), durableScore(t, all.add)
			if !durable {
				clue, score, board = clueNode("clue-1"), scoreNode("score-1", mesh.Shared, small.add), scoreNode("board-1", mesh.Shared, all.add)
			}
			if durable {
				clue.Exports[0].KeptFor = append(clue.Exports[0].KeptFor, "board")
			}
			board.Name, score.MaxPayload = "board-1", 1024
			nodes := openAll(t, clue, score, board)
			before := nodes.Node("clue-1").Stats().Links
			const events, large = 200, 20
			for i := range events {
				value := solved{Team: fmt.Sprint(i), At: int64(i)}
				if i%(events/large) == 0 {
					value.Clue = strings.Repeat("x", 2000)
				}
				emit(t, nodes.Node("clue-1"), clueSolved, value)
			}
			await(t, "all at the one that takes them", func() bool { return all.count() == events })
			await(t, "the small ones at the other", func() bool { return small.count() == events-large })
			await(t, "the loss to be counted", func() bool {
				s := nodes.Node("clue-1").Stats()
				if durable {
					i := slices.IndexFunc(s.Outbox.Readers, func(r stats.OutboxReader) bool { return r.Service == "score" })
					return s.Outbox.Readers[i].Lost == large && s.Outbox.Readers[1-i].Lost == 0
				}
				return s.Of(clueSolved.Subject(), stats.Lost) == large
			})
			for i, l := range nodes.Node("clue-1").Stats().Links {
				if !l.Connected || l.MessagesOut < before[i].MessagesOut {
					t.Errorf("a link was cut: %+v, then %+v", before[i], l)
				}
			}
		})
	}
}
