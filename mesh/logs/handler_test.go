package logs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/slogtest"
	"testing/synctest"
	"time"
)

// written is what a handler wrote: lines with their time, as JSON.
type written struct {
	mu    sync.Mutex
	lines []string
	at    []time.Time
}

func (w *written) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines, w.at = append(w.lines, string(line)), append(w.at, time.Now())
	return len(line), nil
}

var since = regexp.MustCompile(`,"since":"[^"]*"`)

// told gives the lines without time, since and level, and how many records they stand for.
func (w *written) told(t *testing.T) (lines []string, records int) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, line := range w.lines {
		var said struct{ Times *int }
		if err := json.Unmarshal([]byte(line), &said); err != nil {
			t.Fatal(err)
		}
		if said.Times == nil {
			records++
		} else {
			records += *said.Times
		}
		_, rest, _ := strings.Cut(line, `"msg":`)
		rest = since.ReplaceAllString(rest, "")
		lines = append(lines, strings.TrimSuffix(strings.ReplaceAll(rest, `"`, ""), "}\n"))
	}
	return lines, records
}

// most is the largest number of lines in a second.
func (w *written) most() (most int) {
	for i, from := range w.at {
		n := 0
		for _, at := range w.at[i:] {
			if at.Sub(from) < time.Second {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

func scenario(t *testing.T, play func(t *testing.T, log *slog.Logger, h *Handler, w *written)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &written{}
		h := New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: All}), nil)
		play(t, slog.New(h), h, w)
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
}

func want(t *testing.T, w *written, records int, lines ...string) {
	t.Helper()
	got, stoodFor := w.told(t)
	if strings.Join(got, "\n") != strings.Join(lines, "\n") || stoodFor != records {
		t.Errorf("%d records:\n%s\nwant %d:\n%s", stoodFor, strings.Join(got, "\n"), records, strings.Join(lines, "\n"))
	}
}

// A cause is its first line, then a summary for each window in which it came again, and its next
// first line after a window in which it did not.
func TestRepeatsAreOneSummaryAWindow(t *testing.T) {
	scenario(t, func(t *testing.T, log *slog.Logger, _ *Handler, w *written) {
		for i := range 100 {
			log.Warn("failed", "handler", "count", "event", i)
			if time.Sleep(time.Second); i == 0 {
				time.Sleep(time.Second / 2) // no record comes as a window ends
			}
		}
		time.Sleep(time.Hour)
		log.Warn("failed", "handler", "count", "event", 100)
		synctest.Wait()
		want(t, w, 101,
			"failed,handler:count,event:0",
			"failed,handler:count,event:1,times:29,within:30000000000",
			"failed,handler:count,event:30,times:30,within:30000000000",
			"failed,handler:count,event:60,times:30,within:30000000000",
			"failed,handler:count,event:90,times:10,within:30000000000",
			"failed,handler:count,event:100")
	})
}

// What says the cause keeps lines apart, wherever it is said; what does not say it does not.
func TestWhatIsACause(t *testing.T) {
	scenario(t, func(t *testing.T, log *slog.Logger, h *Handler, w *written) {
		log.Info("a", "rule", "few", "key", "owls")
		log.Info("a", "key", "otters", "rule", "few")
		log.Info("a", "rule", "many")
		log.With("peer", "clue-1").Info("a", "rule", "few")
		time.Sleep(2 * time.Second)
		log.WithGroup("g").Info("a", "rule", "few")
		log.Warn("a", "rule", "few")
		strangers := WithCause(t.Context(), "strangers")
		log.InfoContext(strangers, "a stranger from 1.2.3.4")
		log.InfoContext(strangers, "a stranger from 1.2.3.5")
		if !h.Repeats(t.Context(), slog.LevelInfo, "a", slog.String("rule", "few")) || h.Repeats(t.Context(), slog.LevelInfo, "a", "rule", "many") {
			t.Error("rule few is to be a repeat, and rule many is not")
		}
		time.Sleep(time.Minute)
		want(t, w, 9, "a,rule:few,key:owls", "a,rule:many", "a,peer:clue-1,rule:few", "a,g:{rule:few}", "a,rule:few", "a stranger from 1.2.3.4",
			"a,key:otters,rule:few,times:2,within:30000000000", "a stranger from 1.2.3.5")
	})
}

// A handler that fails in two ways has two causes, each with a line at once. Names, numbers and
// what is quoted make no cause of their own, and an error that differs each time takes the room of
// no other.
func TestErrorsAreCauses(t *testing.T) {
	scenario(t, func(t *testing.T, log *slog.Logger, h *Handler, w *written) {
		fail := func(err any) {
			log.Warn("handler failed", "handler", "count", "error", err)
			time.Sleep(time.Second)
		}
		fail(errors.New(`the team "otters" has no row 17`))
		fail(`the team "sea owls" has no row 4711`)
		fail("the disk is full")
		fail(errors.New("assignment to entry in nil map"))
		if !h.Repeats(t.Context(), slog.LevelWarn, "handler failed", "handler", "count", "error", `the team "a" has no row b2`) {
			t.Error("the first error is to be a repeat")
		}
		for _, name := range strings.Fields("anna bert carl dora emil frida gustav hanna") {
			fail(name + " has failed")
		}
		log.Warn("handler failed", "handler", "praise", "error", "the disk is full")
		time.Sleep(time.Minute)
		synctest.Wait()
		want(t, w, 14,
			`handler failed,handler:count,error:the team \otters\ has no row 17`,
			"handler failed,handler:count,error:the disk is full",
			"handler failed,handler:count,error:assignment to entry in nil map",
			"handler failed,handler:count,error:anna has failed",
			"handler failed,handler:count,error:bert has failed",
			"handler failed,handler:count,error:carl has failed",
			"handler failed,handler:count,error:dora has failed",
			"handler failed,handler:count,error:emil has failed",
			"handler failed,handler:count,error:frida has failed", // stands for all that differ in their error
			"handler failed,handler:praise,error:the disk is full",
			`handler failed,handler:count,error:the team \sea owls\ has no row 4711,times:2,within:30000000000`,
			"handler failed,handler:count,error:gustav has failed,times:2,within:30000000000,errors:of many kinds")
		if len(h.book.errors) != 0 {
			t.Errorf("%d causes of errors are remembered for ever", len(h.book.errors))
		}
	})
}

// A summary says when its first record came, and the two directions of a link are two causes.
func TestSinceAndDirection(t *testing.T) {
	scenario(t, func(t *testing.T, log *slog.Logger, _ *Handler, w *written) {
		begun := time.Now()
		for _, direction := range []string{"imports", "exports", "imports", "imports"} {
			log.Info("link is up", "peer", "clue-1", "direction", direction)
			time.Sleep(time.Second)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		want(t, w, 4, "link is up,peer:clue-1,direction:imports", "link is up,peer:clue-1,direction:exports",
			"link is up,peer:clue-1,direction:imports,times:2,within:30000000000")
		if last := w.lines[2]; !strings.Contains(last, `"since":"`+begun.Add(2*time.Second).Format(time.RFC3339)) {
			t.Error(last)
		}
	})
}

// Who looks for something sees all of it.
func TestDebugIsNotCollapsed(t *testing.T) {
	scenario(t, func(t *testing.T, log *slog.Logger, _ *Handler, w *written) {
		for range 100 {
			log.Debug("a")
		}
		if lines, _ := w.told(t); len(lines) != 100 {
			t.Errorf("%d lines", len(lines))
		}
	})
}

// A million messages, types and handlers that somebody makes up are ten lines a second, a bounded
// memory, and hide no error; and each record is written or counted.
func TestAStormOfCauses(t *testing.T) {
	records := 1_000_000
	if testing.Short() {
		records = 50_000
	}
	scenario(t, func(t *testing.T, log *slog.Logger, h *Handler, w *written) {
		before := heap()
		random := rand.New(rand.NewPCG(1, 2))
		for i := range records {
			switch made := random.Uint32(); i % 3 {
			case 0:
				log.Warn(fmt.Sprint("message ", made))
			case 1:
				log.Warn("refused", "type", fmt.Sprint("a.b.c", made))
			default:
				log.Warn("failed", "handler", fmt.Sprint(made%64), "error", strings.Repeat(string(rune('a'+made>>8%26)), 100))
			}
			if i%1000 == 0 {
				time.Sleep(10 * time.Millisecond)
			}
			if i == records/2 {
				log.Error("the disk is full")
				time.Sleep(400 * time.Millisecond)
				if lines, _ := w.told(t); !strings.Contains(strings.Join(lines, "\n"), "the disk is full") {
					t.Error("an error waits longer than for a line")
				}
			}
		}
		if len(h.book.causes) > 2*(2*maxCauses+1) {
			t.Errorf("%d causes", len(h.book.causes))
		}
		if grown := heap() - before; grown > 8<<20 {
			t.Errorf("%d bytes more", grown)
		}
		time.Sleep(time.Hour)
		if most := w.most(); most > linesASecond+linesAtOnce {
			t.Errorf("%d lines in a second", most)
		}
		if _, stoodFor := w.told(t); stoodFor != records+1 {
			t.Errorf("lines for %d records of %d", stoodFor, records+1)
		}
		if len(h.book.causes) != 0 || h.book.many != [2]int{} {
			t.Errorf("%d causes are remembered for ever, or %v", len(h.book.causes), h.book.many)
		}
	})
}

// What waits for room among the lines comes before what is newer.
func TestLinesWaitInTurn(t *testing.T) {
	scenario(t, func(t *testing.T, log *slog.Logger, _ *Handler, w *written) {
		for i := range linesAtOnce {
			log.Warn("a", "rule", i)
		}
		time.Sleep(aLine / 2)
		log.Warn("waits")
		time.Sleep(aLine * 3 / 4) // there is room now, and nobody has looked yet
		log.Warn("newer")
		time.Sleep(time.Second)
		want(t, w, linesAtOnce+2, "a,rule:0", "a,rule:1", "a,rule:2", "a,rule:3", "a,rule:4", "waits", "newer")
	})
}

func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// Close writes what was counted, and what comes later at once.
func TestCloseWritesWhatIsCounted(t *testing.T) {
	scenario(t, func(t *testing.T, log *slog.Logger, h *Handler, w *written) {
		for i := range 3 {
			log.Warn("a", "event", i)
		}
		time.Sleep(time.Second)
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		log.Warn("a", "event", 3)
		log.Warn("a", "event", 4)
		want(t, w, 5, "a,event:0", "a,event:1,times:2,within:1000000000", "a,event:3", "a,event:4")
	})
}

// changing is a value that says something else each time, and logs meanwhile.
type changing struct {
	log  *slog.Logger
	says int
}

func (c *changing) MarshalText() ([]byte, error) {
	c.log.Warn("asked")
	c.says++
	return fmt.Append(nil, c.says), nil
}

// What a record points to is read when it is logged, and may log itself.
func TestValuesAreReadAtOnce(t *testing.T) {
	scenario(t, func(t *testing.T, log *slog.Logger, _ *Handler, w *written) {
		value := &changing{log: log}
		log.Warn("a", "key", value)
		log.Warn("a", "key", value)
		value.says = 100
		time.Sleep(time.Minute)
		lines, _ := w.told(t)
		if !slices.ContainsFunc(lines, func(line string) bool { return strings.HasPrefix(line, "a,key:2") }) { // in either order with what it logged
			t.Errorf("%q", lines)
		}
	})
}

// The handler keeps to the rules of package slog.
func TestItIsAHandler(t *testing.T) {
	var text bytes.Buffer
	slogtest.Run(t, func(*testing.T) slog.Handler {
		text.Reset()
		return New(slog.NewJSONHandler(&text, nil), &Levels{})
	}, func(t *testing.T) map[string]any {
		var line map[string]any
		if err := json.Unmarshal(text.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		return line
	})
}

func TestManyLogAtOnce(t *testing.T) {
	w := &written{}
	h := New(slog.NewJSONHandler(w, nil), nil)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			log := slog.New(h).With("peer", i%2)
			for n := range 1000 {
				log.Warn("a", "type", n%3)
				h.Repeats(context.Background(), slog.LevelWarn, "a", "type", 1)
			}
		})
	}
	all.Wait()
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	if _, records := w.told(t); records != 8000 {
		t.Errorf("lines for %d records", records)
	}
}

// What each record of is wanted is not collapsed.
func TestEachRecord(t *testing.T) {
	var text strings.Builder
	h := New(slog.NewTextHandler(&text, nil), nil)
	for range 20 {
		slog.New(h).InfoContext(Each(context.Background()), "an operator changed the node")
	}
	if n := strings.Count(text.String(), "an operator changed"); n != 20 {
		t.Errorf("%d lines, want 20", n)
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
}
