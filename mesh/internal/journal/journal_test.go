package journal

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/logs"
)

// A line about an event names all that leads to it, and the node.
func TestALineNamesItsEvent(t *testing.T) {
	var text strings.Builder
	l := New(slog.New(slog.NewTextHandler(&text, nil)), "clue-1")
	h := cause.NewRoot(cause.NewTree(1).Root("clue-1:a.b.c"), "otters", 1)
	l.WarnAbout(&h, "lost", "error", "gone")
	want := fmt.Sprintf("msg=lost node=clue-1 type=a.b.c event=%s root=%s path=clue-1:a.b.c key=otters error=gone\n", h.ID, h.Root)
	if !strings.HasSuffix(text.String(), want) {
		t.Errorf("%q, want %q", text.String(), want)
	}
	New(nil, "clue-1").WarnAbout(&h, "lost")
}

// Events of one cause are counted, and those of another handler or type are not among them.
func TestAStormIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text strings.Builder
		l := New(slog.New(slog.NewTextHandler(&text, nil)), "clue-1")
		one, other := cause.NewRoot(cause.NewTree(1).Root("clue-1:a.b.c"), "otters", 1), cause.NewRoot(cause.NewTree(1).Root("clue-1:a.b.d"), "otters", 1)
		for range 1000 {
			l.WarnAbout(&one, "failed", "handler", "count")
		}
		l.WarnAbout(&one, "failed", "handler", "rank")
		l.WarnAbout(&other, "failed", "handler", "count")
		time.Sleep(time.Hour)
		l.ErrorAbout(&one, "failed", "handler", "count")
		l.InfoAbout(&one, "failed", "handler", "count")
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		var got []string
		for line := range strings.Lines(text.String()) {
			_, what, _ := strings.Cut(line, "level=")
			level, _, _ := strings.Cut(what, " ")
			_, subject, _ := strings.Cut(line, " type=")
			subject, _, _ = strings.Cut(subject, " ")
			_, end, _ := strings.Cut(line, " handler=")
			got = append(got, level+" "+subject+" "+strings.TrimSpace(end))
		}
		want := []string{"WARN a.b.c count", "WARN a.b.c rank", "WARN a.b.d count", "WARN a.b.c count times=999 since=2000-01-01T00:00:00.000Z within=30s", "ERROR a.b.c count", "INFO a.b.c count"}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}

// Levels are those of the package that logs, not of this one; and a node collapses with the handler
// of the whole process if there is one.
func TestLevelsAreThoseOfTheCaller(t *testing.T) {
	var text strings.Builder
	levels := &logs.Levels{}
	handler := logs.New(slog.NewTextHandler(&text, nil), levels)
	l := New(slog.New(handler), "clue-1")
	if l.own {
		t.Error("the handler is taken for the node's own")
	}
	h := cause.NewRoot(cause.NewTree(1).Root("clue-1:a.b.c"), "", 1)
	tell := func(what string) func() {
		return func() { l.WarnAbout(&h, what) }
	}
	levels.Set(slog.LevelError, nil)
	tell("one")()
	levels.Set(slog.LevelError, map[string]slog.Level{"journal": slog.LevelWarn}) // this test is in package journal
	tell("two")()
	levels.Set(slog.LevelWarn, map[string]slog.Level{"mesh/internal/journal": slog.LevelError, "mesh": slog.LevelDebug})
	tell("three")()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	tell("four")()
	if got := text.String(); strings.Contains(got, "one") || !strings.Contains(got, "two") || strings.Contains(got, "three") {
		t.Error(got)
	}
}

// What is only counted costs next to nothing.
func TestWhatIsCountedIsNotMade(t *testing.T) {
	var text strings.Builder
	l := New(slog.New(slog.NewTextHandler(&text, nil)), "clue-1")
	defer l.Close()
	h, err := cause.NewRoot(cause.NewTree(1).Root("clue-1:a.b.c"), "otters", 1), errors.New("no")
	l.WarnAbout(&h, "failed", "error", err)
	l.WarnAbout(&h, "failed", "error", err)
	if got := testing.AllocsPerRun(100, func() { l.WarnAbout(&h, "failed", "error", err) }); got > 1 {
		t.Errorf("%v allocations", got)
	}
}

func BenchmarkAStorm(b *testing.B) {
	var text strings.Builder
	l := New(slog.New(slog.NewTextHandler(&text, nil)), "clue-1")
	defer l.Close()
	h, err := cause.NewRoot(cause.NewTree(1).Root("clue-1:a.b.c"), "otters", 1), errors.New("no")
	b.ReportAllocs()
	for b.Loop() {
		l.WarnAbout(&h, "failed", "handler", "count", "error", err)
	}
}
