package journal

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"leafmesh/mesh/cause"
)

// A storm of one message writes few lines, hides no other message, and is counted in its next line.
func TestAStormHidesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text strings.Builder
		l := New(slog.New(slog.NewTextHandler(&text, nil)), "clue-1")
		for range 1000 {
			l.Rarely("storm", "rule", "few")
		}
		l.Rarely("other")
		time.Sleep(time.Second)
		l.Rarely("storm", "rule", "few")
		count := func(part string) int { return strings.Count(text.String(), part) }
		if count("msg=storm rule=few node=clue-1\n") != 5 || count("msg=other node=clue-1\n") != 1 || count("msg=storm rule=few node=clue-1 left_out=995\n") != 1 {
			t.Errorf("%s", text.String())
		}
	})
}

// Storms of many messages at once are bounded together.
func TestAllLinesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text strings.Builder
		l := New(slog.New(slog.NewTextHandler(&text, nil)), "clue-1")
		for range 100 {
			for i := range 50 {
				l.Rarely(fmt.Sprint("storm ", i))
			}
			time.Sleep(100 * time.Millisecond)
		}
		if lines := strings.Count(text.String(), "\n"); lines > 20+10*8 || lines < 10*8 {
			t.Errorf("%d lines in 10 s", lines)
		}
	})
}

// A line about an event names all that leads to it.
func TestALineNamesItsEvent(t *testing.T) {
	var text strings.Builder
	l := New(slog.New(slog.NewTextHandler(&text, nil)), "clue-1")
	h := cause.NewRoot(cause.NewTree(1).Root("clue-1:a.b.c"), "otters", 1)
	l.RarelyAbout(&h, "lost", "error", "gone")
	want := fmt.Sprintf("msg=lost type=a.b.c event=%s root=%s path=clue-1:a.b.c key=otters error=gone node=clue-1\n", h.ID, h.Root)
	if !strings.HasSuffix(text.String(), want) {
		t.Errorf("%q, want %q", text.String(), want)
	}
	New(nil, "clue-1").RarelyAbout(&h, "lost")
}
