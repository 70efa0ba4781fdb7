package outbox

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"leafmesh/mesh/internal/wire"
)

// Events larger than a batch come in parts; those larger than the reader takes are lost for its
// service, by name, and hold up no others.
func TestLargeEvents(t *testing.T) {
	const most = 300_000
	s := serving(t, func(s *site) {
		s.config.MaxPayload, s.spec.MaxPayload = most, most
	})
	large := func(n, bytes int) string {
		text := fmt.Sprintf("%d %s", n, strings.Repeat("x", bytes))[:bytes]
		pending, err := s.Store(timeout(t), taken+".t1", id(n), []byte(text))
		if err == nil {
			err = pending.Wait(timeout(t))
		}
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	small, huge, fits := large(1, 1000), large(2, 250_000), large(3, 200_000)
	p := s.peer("score-1")
	p.say(t, &wire.Hello{Nonce: p.nonce, MaxPayload: 200_000, Imports: imports(10, taken)})
	got := p.get(t, 2)
	if string(got[0].Message) != small || string(got[1].Message) != fits {
		t.Errorf("got %d and %d bytes", len(got[0].Message), len(got[1].Message))
	}
	p.answer(t, wire.Handled, got...)
	eventually(t, "all are removed", func() bool { return s.events(t) == 0 })
	eventually(t, "one is lost", func() bool { return s.readerOf("score").Lost == 1 })
	if p.largest > 200_000 || len(p.batches) < 3 {
		t.Errorf("%d batches of up to %d bytes", len(p.batches), p.largest)
	}
	if log := s.log.String(); !strings.Contains(log, "raise max_payload") || !strings.Contains(log, fmt.Sprint(len(huge))) {
		t.Errorf("the log does not tell:\n%s", log)
	}
}

// What waits anyway comes in few messages.
func TestBatches(t *testing.T) {
	s := serving(t, nil)
	s.store(t, taken, 1, 1000)
	p := s.reader(t, "score", taken)
	p.get(t, 1000)
	if len(p.batches) > 100 {
		t.Errorf("1,000 events came in %d messages", len(p.batches))
	}
}

// An outbox with a backlog has little of it in memory.
func TestMemory(t *testing.T) {
	s := serving(t, func(s *site) { s.config.MaxBytes = 256 << 20; s.spec.Outbox.MaxBytes = 512 << 20 })
	var all []*Pending
	for n := range 3000 {
		p, err := s.Store(timeout(t), taken+fmt.Sprintf(".t%d", n), id(n), make([]byte, 20_000))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	for _, p := range all {
		if err := p.Wait(timeout(t)); err != nil {
			t.Fatal(err)
		}
	}
	feed := s.library.shelves[0].feed
	eventually(t, "the stream can be read", func() (open bool) {
		s.library.do(t.Context(), func() {
			feed.open()
			open = feed.consumer != ""
		})
		return open
	})
	s.library.do(t.Context(), func() {
		feed.want(1 << 30)
		if feed.asked > maxAskedBytes/unknownSize {
			t.Errorf("%d messages of unknown size are asked for at once", feed.asked)
		}
		feed.reset()
	})
	p := s.peer("score-1")
	p.hello(t, imports(2000, taken)...)
	got := p.get(t, 800) // 16 MiB, as the credit says
	eventually(t, "it waits", func() bool { r := s.readerOf("score"); return r.Unacked > 800 && r.Pending > 0 })
	bytes, messages := 0, 0
	s.library.do(t.Context(), func() {
		for _, shelf := range s.library.shelves {
			bytes += shelf.bytes
			messages += shelf.Counts().Held + shelf.feed.asked
		}
	})
	if bytes > maxLoaded || messages > 2000 {
		t.Errorf("%d bytes of messages, and %d are read", bytes, messages)
	}
	for handled := 0; handled < 3000; { // what is not in memory is read again
		p.answer(t, wire.Handled, got...)
		handled += len(got)
		got = p.get(t, min(1, 3000-handled))
	}
	eventually(t, "all are removed", func() bool { return s.events(t) == 0 })
}

// The memory of an exporter does not grow with what it has stored, or with how many keys there are.
// The events are in no more messages than needed, and all ids that are known are among it.
func TestMemoryOfABacklog(t *testing.T) {
	const first, events = 150_000, 400_000
	s := serving(t, func(s *site) {
		s.config.MaxBytes, s.spec.Outbox.MaxBytes = 256<<20, 512<<20
		s.config.Duplicates = time.Hour
	})
	used := func() int {
		debug.FreeOSMemory()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	ctx := t.Context()
	store := func(from, to int) {
		var last *Pending
		for n := from; n <= to; n++ {
			key := fmt.Sprintf("k%d", n)
			p, err := s.Store(ctx, taken+"."+key, id(n), eventOf(n, key, strings.Repeat("x", 100)))
			if err != nil {
				t.Fatal(err)
			}
			last = p
		}
		if err := last.Wait(ctx); err != nil {
			t.Fatal(err)
		}
	}
	store(1, first)
	before := used()
	store(first+1, events)
	grown := 0
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(time.Second) {
		if grown = used() - before; grown < 24<<20 { // the ids of 250,000
			break
		} // the server has blocks in memory for 10 s
	}
	t.Logf("%d MB more for %d events", grown>>20, events-first)
	if grown >= 24<<20 {
		t.Errorf("%d events take %d bytes", events-first, grown)
	}
}

// A reader that never came has its true backlog, also after a restart.
func TestBacklogOfAnAbsentService(t *testing.T) {
	s := newSite(t, nil).open(t)
	s.store(t, solved, 1, 70)
	take(t, s.reader(t, "hunt", solved), 30)
	backlog := func(want uint64) {
		t.Helper()
		eventually(t, fmt.Sprintf("a backlog of %d", want), func() bool {
			r := s.readerOf("hunt")
			return r.Exists && r.Pending+uint64(r.Unacked) == want
		})
		eventually(t, "all for score", func() bool { r := s.Stats().Readers[1]; return !r.Exists && r.Pending == 70 })
	}
	backlog(40)
	s.Gone("hunt-1")
	eventually(t, "hunt is gone", func() bool { return s.readerOf("hunt").Pending == 40 })
	s.reopen(t)
	backlog(40)
	s.store(t, solved, 71, 80)
	eventually(t, "10 more", func() bool { return s.readerOf("hunt").Pending == 50 && s.Stats().Readers[1].Pending == 80 })
}

// After Goodbye nothing is given out, and answers are still heard.
func TestGoodbye(t *testing.T) {
	s := serving(t, nil)
	s.store(t, taken, 1, 5)
	p := s.reader(t, "score", taken)
	got := p.get(t, 5)
	s.Goodbye()
	eventually(t, "the goodbye", func() bool { p.mu.Lock(); defer p.mu.Unlock(); return p.goodbyes == 1 })
	s.store(t, taken, 6, 8)
	p.answer(t, wire.Handled, got...)
	s.reopen(t) // Close hears what was said
	if p.untaken() != 0 {
		t.Errorf("%d came after the goodbye", p.untaken())
	}
	if got := take(t, s.reader(t, "score", taken), 3); got != "6 7 8" {
		t.Errorf("got %s", got)
	}
}

// A reader that says goodbye gets nothing more, and answers what it has. Each goodbye comes back
// once all that was said before was heard.
func TestReaderSaysGoodbye(t *testing.T) {
	s := serving(t, nil)
	s.store(t, taken, 1, 5)
	p := s.reader(t, "score", taken)
	got := p.get(t, 5)
	p.say(t, &wire.Goodbye{Nonce: p.nonce})
	p.answer(t, wire.Handled, got[:3]...)
	s.store(t, taken, 6, 8)
	eventually(t, "3 are settled", func() bool { r := s.readerOf("score"); return r.Unacked == 2 && r.Pending == 3 })
	p.say(t, &wire.Goodbye{Nonce: wire.ID{9}}) // of another process
	p.answer(t, wire.Handled, got[3])
	p.say(t, &wire.Goodbye{Nonce: p.nonce})
	eventually(t, "the goodbyes", func() bool { p.mu.Lock(); defer p.mu.Unlock(); return p.goodbyes == 2 })
	s.library.do(t.Context(), func() {
		if n := s.library.shelves[0].Counts().UnderWay["score-1"]; n != 1 {
			t.Errorf("the goodbye came back while %d events were not answered for", n)
		}
	})
	s.Gone("score-1")
	if got := take(t, s.reader(t, "score", taken), 4); got != "5 6 7 8" {
		t.Errorf("got %s", got)
	}
}

// A reader that says more than is kept loses nothing: what it has comes again after its next hello.
func TestTooMuchSaid(t *testing.T) {
	s := serving(t, nil)
	s.store(t, taken, 1, 5)
	p := s.reader(t, "score", taken)
	p.get(t, 5)
	s.library.do(t.Context(), func() {
		for range maxHeard + 10 {
			s.Hear(p.name, &wire.Goodbye{Nonce: p.nonce}, 20)
		}
	})
	eventually(t, "it is counted", func() bool { return s.Stats().Stray >= 10 })
	if got := take(t, s.reader(t, "score", taken), 5); got != numbered(1, 5) {
		t.Errorf("got %s", got)
	}
}

// A context that has ended stores nothing.
func TestStoreAsksTheContext(t *testing.T) {
	s := serving(t, nil)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Store(ended, taken+".t1", id(1), []byte("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	s.store(t, taken, 2, 2)
	if got := s.events(t); got != 1 {
		t.Errorf("%d are stored", got)
	}
}

// Events that the stream lost are counted, and hold up nothing.
func TestLostWhileUnderWay(t *testing.T) {
	s := serving(t, nil)
	s.store(t, taken, 1, 10)
	p := s.reader(t, "score", taken)
	got := p.get(t, 10)
	if err := s.stream.Purge(timeout(t)); err != nil {
		t.Fatal(err)
	}
	p.answerWith(t, wire.Answer{Verdict: wire.Again}, got[:5]...)
	p.answer(t, wire.Handled, got[5:]...)
	eventually(t, "5 are lost", func() bool { r := s.readerOf("score"); return r.Lost == 5 && r.Unacked == 0 && r.Pending == 0 })
	s.store(t, taken, 11, 11)
	if got := take(t, p, 1); got != "11" {
		t.Errorf("got %s", got)
	}
}
