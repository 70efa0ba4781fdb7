package storage

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/bookmark"
)

// database is a State in memory.
type database struct {
	marks map[string]uint64
	fails error
}

func (d *database) Mark(_ context.Context, node string) (uint64, error) { return d.marks[node], nil }

func (d *database) SetMark(_ context.Context, node string, mark uint64) error {
	if d.fails == nil {
		d.marks[node] = mark
	}
	return d.fails
}

// importer is a node with a durable import whose state is in a database.
func importer(data string, d *database) config.Node {
	return config.Node{Name: "score-1", Data: config.Path(data), State: d, Imports: []config.Import{{Event: "clue.clue.solved", Durable: true}}}
}

// run opens and closes the storage of a node, and gives its log.
func run(t *testing.T, c config.Node) (log string, err error) {
	t.Helper()
	var written bytes.Buffer
	s := Storage{Log: slog.New(slog.NewTextHandler(&written, nil))}
	err = s.Open(t.Context(), c, "")
	return written.String(), errors.Join(err, s.Close())
}

// A database may be ahead of the directory, as after a crash, and never behind.
func TestADatabaseIsNeverBehindItsDirectory(t *testing.T) {
	data, d := t.TempDir(), &database{marks: map[string]uint64{}}
	open := func(what, want string) {
		t.Helper()
		log, err := run(t, importer(data, d))
		if err != nil && want == "" || want != "" && (!errors.Is(err, ErrOlder) || !strings.Contains(err.Error(), want)) || log != "" {
			t.Errorf("%s: %v, log %s", what, err, log)
		}
	}
	open("the first time", "")
	open("again", "")
	if d.marks["score-1"] != 4 {
		t.Errorf("after two runs its mark is %d", d.marks["score-1"])
	}
	d.marks["score-1"]++
	open("after a crash between the two", "")
	for _, behind := range []uint64{d.marks["score-1"] - 1, 0} {
		d.marks["score-1"] = behind
		open("an older copy", "empty the file "+filepath.Join(data, "state"))
		open("tried again", "put back the data directory too")
	}
	d.marks["score-1"] = 99
	open("put right", "")
	c := importer(data, d)
	c.Name = "score-2"
	if _, err := run(t, c); err != nil || d.marks["score-2"] != 103 {
		t.Errorf("under another name: mark %d, %v", d.marks["score-2"], err)
	}
	c.State = nil
	if _, err := run(t, c); err != nil {
		t.Errorf("without a State: %v", err)
	}
}

// Once somebody has said so, a node goes on with an older database, and takes nothing as handled.
func TestAnEmptiedFileMakesNothingCountAsHandled(t *testing.T) {
	place, other := bookmark.Place{Peer: "clue-1", Subject: "clue.clue.solved"}, bookmark.Place{Peer: "clue-1", Subject: "clue.hint.taken"}
	for name, accept := range map[string]func(path string) error{
		"emptied": func(path string) error { return os.Truncate(path, 0) },
		"removed": os.Remove,
	} {
		for _, has := range []uint64{0, 1} {
			data, d := t.TempDir(), &database{marks: map[string]uint64{}}
			if _, err := run(t, importer(data, d)); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(data, "bookmark")
			if err := (bookmark.Marks{place: {Stream: "a", Sequence: 7}, other: {Stream: "a", Sequence: 9}}).Save(path); err != nil {
				t.Fatal(err)
			}
			d.marks["score-1"] = has
			if _, err := run(t, importer(data, d)); !errors.Is(err, ErrOlder) {
				t.Errorf("%s: %v", name, err)
			}
			if err := accept(filepath.Join(data, "state")); err != nil {
				t.Fatal(err)
			}
			log, err := run(t, importer(data, d))
			marks, loadErr := bookmark.Load(path)
			if err != nil || loadErr != nil {
				t.Errorf("%s: %v, %v", name, err, loadErr)
			}
			known := name == "emptied" || has > 0 // else it is as one that never had a State
			if rewound := marks[place] == (bookmark.Mark{Stream: "a"}) && marks[other] == (bookmark.Mark{Stream: "a"}); rewound != known || strings.Contains(log, "give again") != known {
				t.Errorf("%s, mark %d: %v, log %s", name, has, marks, log)
			}
			if log, err := run(t, importer(data, d)); err != nil || log != "" {
				t.Errorf("%s, afterwards: %v, log %s", name, err, log)
			}
		}
	}
}

// A database that takes no mark keeps no node from its work, and says so.
func TestADatabaseThatTakesNoMark(t *testing.T) {
	data, d := t.TempDir(), &database{marks: map[string]uint64{}, fails: errors.New("the disk is full")}
	log, err := run(t, importer(data, d))
	if strings.Count(log, "database not marked") != 1 || !strings.Contains(log, "the disk is full") || err == nil || errors.Is(err, ErrOlder) {
		t.Errorf("%v, log %s", err, log)
	}
	d.fails = nil
	if log, err := run(t, importer(data, d)); err != nil || log != "" {
		t.Errorf("afterwards: %v, log %s", err, log)
	}
}

// A database that is replaced while the node runs is told of, and at the next start as well.
func TestADatabaseThatIsReplacedWhileTheNodeRuns(t *testing.T) {
	data, d := t.TempDir(), &database{marks: map[string]uint64{}}
	var written bytes.Buffer
	s := Storage{Log: slog.New(slog.NewTextHandler(&written, nil))}
	if err := s.Open(t.Context(), importer(data, d), ""); err != nil {
		t.Fatal(err)
	}
	d.marks["score-1"] = 0
	s.pair.warn(s.pair.mark(t.Context()))
	if !strings.Contains(written.String(), "replaced by an older one") {
		t.Errorf("log %s", &written)
	}
	if err := s.Close(); !errors.Is(err, ErrOlder) {
		t.Errorf("close: %v", err)
	}
	if _, err := run(t, importer(data, d)); !errors.Is(err, ErrOlder) {
		t.Errorf("the next start: %v", err)
	}
}
