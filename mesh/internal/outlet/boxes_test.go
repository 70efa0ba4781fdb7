package outlet

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/rules"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/stats"
)

// numbers from a first one up to the last one.
func numbers(first, last int) (all []int) {
	for n := first; n <= last; n++ {
		all = append(all, n)
	}
	return all
}

// inBubble runs a test in virtual time.
func inBubble(t *testing.T, test func(t *testing.T)) { synctest.Test(t, test) }

// Events that wait anyway go out in one message; none waits for others to come.
func TestEventsThatWaitGoInOneMessage(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newSite(t, "score-1", "hunt-1")
		s.greet("score-1", maxPayload, false)
		s.greet("hunt-1", maxPayload, true)
		score, hunt := s.lines["score-1"], s.lines["hunt-1"]
		s.start()
		began := time.Now()
		for n := range 3 { // it has nothing else to do: each is sent at once
			s.emit("k", n, 10)
			for _, l := range []*line{score, hunt} {
				if got := l.all(); len(got) != 1 || !slices.Equal(got[0].events, []int{n}) {
					t.Fatalf("%s got %+v after event %d", l.peer, got, n)
				}
			}
		}
		score.hold()
		hunt.hold()
		s.emit("k", 3, 10)
		synctest.Wait() // it is in the link
		for n := 4; n <= 23; n++ {
			s.emit(fmt.Sprint(n%3), n, 10)
		}
		if got := append(score.all(), hunt.all()...); len(got) > 0 {
			t.Fatalf("they got %+v", got)
		}
		score.let()
		hunt.let()
		for _, l := range []*line{score, hunt} {
			got := l.all()
			if len(got) != 2 || !slices.Equal(got[0].events, []int{3}) || !slices.Equal(got[1].events, numbers(4, 23)) {
				t.Errorf("%s got %+v", l.peer, got)
			}
		}
		if took := time.Since(began); took > 0 {
			t.Errorf("something waited for %v", took)
		}
		s.wantCount(stats.Exported, "", 24) // once each, though two readers got it
	})
}

// No message has more events or more bytes than it may, and all arrive, in order.
func TestBoundsOfAMessage(t *testing.T) {
	const small = 4096
	for _, test := range []struct {
		name   string
		events int
		bytes  int    // of each
		says   uint64 // how large messages the reader takes
		most   int    // events of one message
		fewest int    // events of each but the last
	}{
		{"events", 3 * wire.MaxContainerEvents, 10, maxPayload, wire.MaxContainerEvents, wire.MaxContainerEvents},
		{"events but one", wire.MaxContainerEvents + 1, 10, maxPayload, wire.MaxContainerEvents, wire.MaxContainerEvents},
		{"bytes", 200, 1000, maxPayload, 32, 29},
		{"larger than the bound", 10, maxBoxBytes + 1000, maxPayload, 1, 1},
		{"of a reader", 100, 100, small, 40, 20},
		{"of a reader, one each", 10, small - 200, small, 1, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newSite(t, "score-1")
				s.greet("score-1", test.says, false)
				for n := range test.events {
					s.emit("k", n, test.bytes)
				}
				s.start()
				got, next := s.lines["score-1"].all(), 0
				for i, m := range got {
					if len(m.events) > test.most || i < len(got)-1 && len(m.events) < test.fewest {
						t.Errorf("message %d has %d events", i, len(m.events))
					}
					if m.bytes > int(test.says) || len(m.events) > 1 && m.bytes > maxBoxBytes+placeRoom {
						t.Errorf("message %d has %d bytes", i, m.bytes)
					}
					for _, n := range m.events {
						if n != next {
							t.Fatalf("event %d comes when %d is next", n, next)
						}
						next++
					}
				}
				if next != test.events {
					t.Errorf("%d came of %d", next, test.events)
				}
				s.wantCount(stats.Exported, "", uint64(test.events))
				s.wantCount(stats.Lost, stats.PayloadSize, 0)
			})
		})
	}
}

// An event that is larger than a reader takes is lost for that one alone, and counted by its name.
func TestLargerThanAReaderTakes(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newSite(t, "score-1", "hunt-1")
		fits := s.sizeOf("k", 1000)
		s.greet("score-1", uint64(fits), false)
		s.greet("hunt-1", maxPayload, false)
		for n, bytes := range []int{10, 1000, 1001, 10, 20_000, 10} {
			s.emit("k", n, bytes)
		}
		s.start()
		if got := s.lines["hunt-1"].events(); !slices.Equal(got, numbers(0, 5)) {
			t.Errorf("hunt-1 got %v", got)
		}
		if got := s.lines["score-1"].events(); !slices.Equal(got, []int{0, 1, 3, 5}) {
			t.Errorf("score-1 got %v", got)
		}
		s.wantCount(stats.Exported, "", 6)
		s.wantCount(stats.Lost, stats.PayloadSize, 2)
		for _, part := range []string{"larger than a reader takes", "score-1", solved} {
			if !strings.Contains(s.log.String(), part) {
				t.Errorf("the log does not say %q: %s", part, &s.log)
			}
		}
	})
}

// What nobody takes for its size is lost and not exported; what comes later is not held up.
func TestLargerThanAllReadersTake(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newSite(t, "score-1")
		s.greet("score-1", 0, false) // takes nothing
		s.emit("k", 0, 10)
		s.start()
		synctest.Wait()
		s.wantCount(stats.Lost, stats.PayloadSize, 1)
		s.wantCount(stats.Exported, "", 0)
		s.greet("score-1", maxPayload, false)
		s.emit("k", 1, 10)
		if got := s.lines["score-1"].events(); !slices.Equal(got, []int{1}) {
			t.Errorf("got %v", got)
		}
	})
}

// Readers come and go between events: what is in boxes goes out before, and nobody gets anything
// twice.
func TestReadersChange(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newSite(t, "score-1", "score-2", "hunt-1")
		s.start()
		s.emit("k", 0, 10)
		synctest.Wait()
		s.wantCount(stats.Unheard, "", 1)

		s.greet("score-1", maxPayload, false)
		s.emit("k", 1, 10)
		s.lines["score-1"].hold()
		s.emit("k", 2, 10)
		synctest.Wait()
		s.emit("k", 3, 10)
		s.greet("hunt-1", maxPayload, false)
		s.emit("k", 4, 10)
		s.lines["score-1"].let()
		if got := s.lines["score-1"].events(); !slices.Equal(got, numbers(1, 4)) {
			t.Errorf("score-1 got %v", got)
		}
		s.wantCount(stats.Exported, "", 4)
		if got := s.lines["hunt-1"].events(); got[len(got)-1] != 4 {
			t.Errorf("hunt-1 got %v", got)
		}

		// One whose link is gone gets nothing, another instance gets it instead.
		s.greet("score-2", maxPayload, false)
		s.lines["score-1"].set(true, nil)
		for n := range 40 {
			s.emit(fmt.Sprint(n), n, 10)
		}
		if got := s.lines["score-2"].events(); !slices.Equal(got, numbers(0, 39)) {
			t.Errorf("score-2 got %v", got)
		}
		if got := s.lines["score-1"].events(); got != nil {
			t.Errorf("score-1 got %v over no link", got)
		}
		s.lines["score-2"].set(true, nil)
		s.lines["hunt-1"].set(true, nil)
		s.emit("k", 0, 10)
		synctest.Wait()
		s.wantCount(stats.Unheard, "", 2)
		s.wantCount(stats.Exported, "", 44)
	})
}

// Of two services that import a type one is away: its events are counted as unheard by it, beside
// those that the other one gets. One that has dropped the import is not missed.
func TestAServiceThatIsAwayIsMissed(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newSite(t, "score-1", "score-2", "hunt-1", "hint-1")
		s.start()
		for _, name := range []string{"score-1", "score-2", "hunt-1"} {
			s.greet(name, maxPayload, false)
		}
		s.emit("k", 0, 10)
		synctest.Wait()
		s.wantCount(stats.Unheard, "hunt", 0)

		s.lines["hunt-1"].set(true, nil)
		s.lines["score-1"].set(true, nil) // another instance of its service is there
		for n := range 3 {
			s.emit("k", n, 10)
			synctest.Wait()
		}
		s.wantCount(stats.Unheard, "hunt", 3)
		s.wantCount(stats.Unheard, "score", 0)
		s.wantCount(stats.Exported, "", 4)

		s.lines["score-2"].set(true, nil)
		s.emit("k", 0, 10)
		synctest.Wait()
		s.wantCount(stats.Unheard, "", 1) // once, and not for each service
		s.wantCount(stats.Unheard, "hunt", 3)

		for _, name := range []string{"score-1", "hunt-1"} {
			s.lines[name].set(false, nil)
			s.greet(name, maxPayload, false)
		}
		s.emit("k", 0, 10)
		synctest.Wait()
		s.wantCount(stats.Unheard, "hunt", 3)

		data, err := wire.EncodeTalk(&wire.Hello{Nonce: wire.ID{1}, MaxPayload: maxPayload})
		if err != nil {
			t.Fatal(err)
		}
		s.readers.Hear("hunt-1", data)
		s.emit("k", 0, 10)
		synctest.Wait()
		s.greet("hint-1", maxPayload, false)
		s.readers.Remove("hint-1") // nor is one that is taken away
		s.emit("k", 0, 10)
		synctest.Wait()
		s.wantCount(stats.Unheard, "hunt", 3)
		s.wantCount(stats.Unheard, "hint", 0)
		s.wantCount(stats.Exported, "", 7)
	})
}

// What cannot be sent, as the node closes, is counted once for each event.
func TestNotSent(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newSite(t, "score-1")
		s.greet("score-1", maxPayload, false)
		s.lines["score-1"].set(false, errors.New("connection closed"))
		for n := range 5 {
			s.emit("k", n, 10)
		}
		s.start()
		synctest.Wait()
		s.wantCount(stats.Lost, stats.Closed, 5)
		s.wantCount(stats.Exported, "", 0)
	})
}

// Events are short for a reader once it knows their path, and whole for the others.
func TestShortForThoseWhoKnow(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newSite(t, "score-1", "hunt-1")
		s.start()
		s.greet("score-1", maxPayload, false)
		s.greet("hunt-1", maxPayload, false)
		want := func(name string, short, whole int) {
			t.Helper()
			synctest.Wait()
			gotShort, all := 0, 0
			for _, m := range s.lines[name].all() {
				gotShort, all = gotShort+m.short, all+len(m.events)
			}
			if gotShort != short || all-gotShort != whole {
				t.Errorf("%s got %d short events and %d whole ones, want %d and %d", name, gotShort, all-gotShort, short, whole)
			}
		}
		s.emit("k", 0, 10)
		want("score-1", 0, 1)
		s.readers.Look(time.Now())
		s.learn("score-1")
		s.emit("k", 1, 10)
		s.emit("k", 2, 10)
		want("score-1", 2, 0)
		want("hunt-1", 0, 3)
		s.learn("hunt-1")
		s.emit("k", 3, 10)
		want("score-1", 1, 0)
		want("hunt-1", 1, 0)
		s.wantCount(stats.Exported, "", 4)
	})
}

// Readers come and go while an event waits for the limit of its export: it goes to whoever is there
// when its turn comes, in a form that these can read.
func TestReadersChangeWhileAnEventWaits(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newSite(t, "score-1", "score-2")
		gate := rules.NewGate(rules.Env{Clock: s.clock, Trace: s.trace}, []config.Rule{config.Rule{Place: config.AtExport, Event: solved,
			Limit: config.Limit{Rate: 1, Burst: 1, Policy: config.Wait}}.WithDefaults()})
		s.rules = gate.Set(solved, true, nil).Export
		s.start()
		s.greet("score-1", maxPayload, false)
		s.emit("k", 0, 10)
		synctest.Wait()
		s.readers.Look(time.Now())
		s.learn("score-1")
		want := func(name string, events ...int) {
			t.Helper()
			time.Sleep(time.Second)
			if got := s.lines[name].events(); !slices.Equal(got, events) {
				t.Errorf("%s got %v, want %v", name, got, events)
			}
		}
		s.emit("k", 1, 10)
		want("score-1", 0, 1)

		s.emit("k", 2, 10)
		synctest.Wait() // it waits
		s.lines["score-1"].relink()
		s.greetAs("score-1", 2, maxPayload, false)
		want("score-1", 2)

		s.emit("k", 3, 10)
		synctest.Wait()
		s.lines["score-1"].set(true, nil)
		s.greet("score-2", maxPayload, false)
		want("score-2", 3)

		s.emit("k", 4, 10)
		synctest.Wait()
		s.lines["score-2"].set(true, nil)
		want("score-2")
		s.wantCount(stats.Exported, "", 4)
		s.wantCount(stats.Unheard, "", 1)
		gate.LetGo()
	})
}
