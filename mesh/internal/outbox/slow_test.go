package outbox

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"leafmesh/mesh/internal/wire"
)

const large = 1 << 20

// narrow is a site for large events, with a reader behind a link that takes nothing until the test
// says what has come.
func narrow(t *testing.T) (*site, *peer) {
	t.Helper()
	s := serving(t, func(s *site) {
		s.config.MaxPayload, s.spec.MaxPayload = large, large
		s.config.tuning.patience = 300 * time.Millisecond
	})
	p := s.peer("score-1")
	p.silent = true
	return s, p
}

func (p *peer) greet(t *testing.T, types ...string) {
	t.Helper()
	p.say(t, &wire.Hello{Nonce: p.nonce, MaxPayload: large, Imports: imports(1000, types...)})
	eventually(t, "the welcome", func() bool { p.mu.Lock(); defer p.mu.Unlock(); return p.welcome != nil })
}

func (s *site) storeText(t *testing.T, key string, n int, text string) {
	t.Helper()
	pending, err := s.Store(timeout(t), taken+"."+key, id(n), eventOf(n, key, text))
	if err == nil {
		err = pending.Wait(timeout(t))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// came is what the peer has got: batches, and the bytes of events in them.
func (p *peer) cameSoFar() (batches, bytes int, last uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, b := range p.batches {
		for _, e := range b.Events {
			bytes += len(e.Message)
		}
		last = b.Number
	}
	return len(p.batches), bytes, last
}

// No more is on its way to a reader than its link takes in a second or so, whatever its credit.
func TestWhatIsOnItsWayIsBounded(t *testing.T) {
	for name, size := range map[string]int{"small events": 1000, "a large event": 900_000} {
		t.Run(name, func(t *testing.T) {
			s, p := narrow(t)
			for n := range max(1, 400_000/size) {
				s.storeText(t, "t1", n+1, strings.Repeat("x", size))
			}
			p.greet(t, taken)
			for round := range 8 { // the window does not grow: the reader tells late
				eventually(t, "a window", func() bool { _, bytes, _ := p.cameSoFar(); return bytes >= (round+1)*minWindow*7/10 })
				time.Sleep(20 * time.Millisecond)
				_, bytes, last := p.cameSoFar()
				if most := (round + 1) * minWindow; bytes > most {
					t.Fatalf("%d bytes came before the reader told of more than %d", bytes, round*minWindow)
				}
				s.library.do(t.Context(), func() {
					p := s.library.here["score-1"]
					p.mu.Lock()
					defer p.mu.Unlock()
					for i := range p.pace.batches {
						p.pace.batches[i].at -= int64(time.Second)
					}
				})
				p.say(t, &wire.Answers{Nonce: p.nonce, Got: last})
			}
		})
	}
}

// A reader that says that it has what it was sent gets no more while its system does not have it,
// and gets it then, whatever it says.
func TestAttackByAReaderThatLies(t *testing.T) {
	var room atomic.Bool
	s := serving(t, func(s *site) {
		s.config.HasRoom = func(reader string) bool { return reader != "score-1" || room.Load() }
	})
	p := s.peer("score-1")
	p.silent = true
	const many = 400
	for n := range many {
		s.storeText(t, "t1", n+1, strings.Repeat("x", 1000))
	}
	p.greet(t, taken)
	for range 20 {
		p.say(t, &wire.Answers{Nonce: p.nonce, Got: 1})
		time.Sleep(5 * time.Millisecond)
	}
	if batches, _, _ := p.cameSoFar(); batches > 0 {
		t.Errorf("%d batches came", batches)
	}
	room.Store(true)
	eventually(t, "a window", func() bool { _, bytes, _ := p.cameSoFar(); return bytes >= minWindow*7/10 })
}

// While a large event crosses a slow link, small ones of other keys arrive, those of its own key
// wait for it, and the reader has the patience of the exporter as long as it gets on.
func TestSmallEventsPassALargeOne(t *testing.T) {
	s, p := narrow(t)
	text := strings.Repeat("x", 900_000)
	s.storeText(t, "big", 1, text)
	s.storeKey(t, taken, "big", 2, 2)
	s.storeKey(t, taken, "small", 3, 5)
	p.greet(t, taken)
	idle := s.peer("score-2") // would get what the first one loses
	idle.hello(t, imports(1000, "clue.none.such")...)
	if got := p.get(t, 3); texts(got) != "3 4 5" {
		t.Fatalf("got %.100s first", texts(got))
	}
	begun := time.Now()
	s.storeKey(t, taken, "small", 6, 6)
	for {
		_, bytes, last := p.cameSoFar()
		p.say(t, &wire.Answers{Nonce: p.nonce, Got: last})
		if bytes > len(text) {
			break
		}
		if time.Since(begun) > patience {
			t.Fatalf("%d bytes came", bytes)
		}
		time.Sleep(s.config.tuning.patience / 4) // longer in all than a reader may take for one event
	}
	if took := time.Since(begun); took < s.config.tuning.patience {
		t.Fatalf("it took only %v, less than the patience: let the reader tell later", took)
	}
	rest := p.get(t, 3)
	if len(rest[0].Message) != 1 || len(rest[1].Message) != len(text) || string(rest[2].Message) != "2" {
		t.Errorf("got %.10s, %.10s, %.10s; want 6, the large one, 2", rest[0].Message, rest[1].Message, rest[2].Message)
	}
	if r := s.readerOf("score"); r.Redelivered != 0 || p.came[text] != 1 {
		t.Errorf("%+v, came %d times", r, p.came[text])
	}
}

// A link that broke and came back before anybody looked takes nothing with it: what was on its way
// comes again, and what the reader could not tell of does not hold up the next.
func TestAnotherLinkBeginsAnew(t *testing.T) {
	s, p := narrow(t)
	for n := range 400 {
		s.storeText(t, fmt.Sprint("t", n), n+1, strings.Repeat("x", 1000))
	}
	p.greet(t, taken)
	eventually(t, "a window", func() bool { _, bytes, _ := p.cameSoFar(); return bytes > minWindow/2 })
	p.mu.Lock()
	p.events, p.parts, p.batches = nil, map[uint64][]byte{}, nil // lost
	p.mu.Unlock()
	p.say(t, &wire.Hello{Nonce: p.nonce, MaxPayload: large, Imports: imports(1000, taken), Link: 1})
	for got := 0; got < 400; {
		some := p.get(t, 1)
		got += len(some)
		p.answer(t, wire.Handled, some...)
		_, _, last := p.cameSoFar()
		p.say(t, &wire.Answers{Nonce: p.nonce, Got: last})
	}
}

// What was not sent when the exporter ends is nobody's, so that Close does not wait for it.
func TestGoodbyeTakesBackWhatWasNotSent(t *testing.T) {
	s, p := narrow(t)
	for n := range 400 {
		s.storeText(t, fmt.Sprint("t", n), n+1, strings.Repeat("x", 1000))
	}
	p.greet(t, taken)
	eventually(t, "a window", func() bool { _, bytes, _ := p.cameSoFar(); return bytes > minWindow/2 })
	eventually(t, "all are given", func() bool { return s.readerOf("score").Unacked == 400 })
	s.Goodbye()
	var got []event
	eventually(t, "only what was sent is under way", func() bool {
		p.mu.Lock()
		got = slices.Clone(p.events)
		p.mu.Unlock()
		return s.readerOf("score").Unacked == len(got)
	})
	p.answer(t, wire.Handled, got...)
	s.AwaitAnswers(timeout(t))
	if r := s.readerOf("score"); len(got) == 400 {
		t.Errorf("all were sent: %+v", r)
	}
}
