package archive

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"leafmesh/mesh/internal/journal"
	"leafmesh/mesh/why"
)

// However many volumes are damaged, the error has room in an answer, and names one of them.
func TestManyDamagedVolumes(t *testing.T) {
	folder := t.TempDir()
	for i := range 100 {
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprint("faults.", i+1)), []byte("half a page"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var s shelf
	if err := s.open(folder, "faults", 1<<20, time.Now().UnixNano()); err != nil {
		t.Fatal(err)
	}
	err := s.each(func(why.Record) { t.Error("believed") })
	if !errors.Is(err, errDamaged) || !strings.HasPrefix(err.Error(), "kept cascades in faults.1: ") || !strings.HasSuffix(err.Error(), " (and 99 other files like it)") || len(err.Error()) > 200 {
		t.Error(err)
	}
}

// Who asks for what went wrong is told of damage wherever it is; a whole volume is none.
func TestDamageIsToldOfOnAllShelves(t *testing.T) {
	folder := t.TempDir()
	k := newKit(t, folder)
	e := k.emit("otters")
	k.note(k.failing("count"), e, errors.New("no such team"))
	k.look()
	whole, err := os.ReadFile(filepath.Join(folder, "faults.1"))
	if err != nil {
		t.Fatal(err)
	}
	for volume, data := range map[string][]byte{"wishes.1": whole[:len(whole)-1], "samples.1": append([]byte("half"), whole...), "wishes.2": whole, "samples.2": nil} {
		if err := os.WriteFile(filepath.Join(folder, volume), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	records, err := newKit(t, folder).Faults()
	if len(records) == 0 || err == nil || strings.Count(err.Error(), errDamaged.Error()) != 2 || !strings.Contains(err.Error(), "wishes.1") || !strings.Contains(err.Error(), "samples.1") {
		t.Errorf("%d records, %v", len(records), err)
	}
}

// However many cascades fail at once, they are one cause for the log, with a remedy.
func TestFailuresAreOneLine(t *testing.T) {
	folder := t.TempDir()
	k := newKit(t, folder)
	var lines bytes.Buffer
	k.Log = journal.New(slog.New(slog.NewTextHandler(&lines, nil)), "clue-1")
	if err := os.Mkdir(filepath.Join(folder, "faults.1"), 0o700); err != nil { // in the way of a volume
		t.Fatal(err)
	}
	for many := 1; many <= 4; many++ {
		for i := range many {
			k.note(k.failing(fmt.Sprint("handler-", many, "-", i)), k.emit("otters"), errors.New("no such team"))
		}
		k.look()
		if s, want := k.Stats(k.Recorder.Stats()), fmt.Sprintf("error 1 of %d: keep a cascade: open ", many); !strings.HasPrefix(s.Problem, want) || strings.Contains(s.Problem, "\n") {
			t.Errorf("%q, want %q", s.Problem, want)
		}
	}
	if text := lines.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, `remedy="free the disk at `+folder+",") {
		t.Errorf("the log has\n%s", text)
	}
}
