package inlet

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/stats"
)

// A hello comes at once, soon again, then each second until the exporter answers, and every few
// seconds from then on.
func TestHello(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newSite(t, func(i *config.Import) { i.Ordered = config.OrderedByKey })
		s.wait(time.Minute)
		if got := s.heard(); len(got) > 0 {
			t.Errorf("heard %q without a link", got)
		}
		s.dial()
		first := len(s.heard())
		if first < 1 || first > 4 {
			t.Errorf("%d hellos in 0.1 s, want 1 to 4", first)
		}
		s.wait(3 * time.Second)
		s.heard()
		s.wait(10 * time.Second)
		if got := len(s.heard()); got != 10 {
			t.Errorf("%d hellos in 10 s, want 10", got)
		}
		silent := func() (missing []Missing) {
			for _, m := range s.set.Missing() {
				if m.Exporter == "clue-1" {
					missing = append(missing, m)
				}
			}
			return missing
		}
		if m := silent(); len(m) != 1 || !m[0].Final || !errors.Is(m[0].Err, ErrNotExported) || !strings.Contains(m[0].Err.Error(), "upgrade it") {
			t.Errorf("missing: %+v, want that the exporter does not answer", m)
		}
		s.welcome("")
		if m := silent(); m != nil {
			t.Errorf("missing: %+v", m)
		}
		for range 6 {
			s.wait(5 * time.Second)
			if got := len(s.heard()); got != 1 {
				t.Errorf("%d signs of life in 5 s, want 1", got)
			}
			s.welcome("")
		}
		before := s.nonce
		s.cutLink()
		if present := s.set.exchange.Load().durables()[0].stats(); present.Connected || !strings.Contains(present.Problem, "link is down") {
			t.Errorf("without a link: %+v", present)
		}
		s.dial()
		if got := s.heard(); len(got) == 0 || s.nonce != before || s.nonce.IsZero() {
			t.Errorf("heard %q on the new link, from %v and then %v", got, before, s.nonce)
		}
	})
}

func TestHelloSaysWhatIsImported(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newSite(t, func(i *config.Import) { i.Ordered = config.OrderedAll })
		s.link()
		s.give(event(7, "owls"))
		s.heard()
		s.cutLink()
		s.dial()
		synctest.Wait()
		s.mu.Lock()
		defer s.mu.Unlock()
		hello, _ := s.said[0].(*wire.Hello)
		if hello == nil || hello.MaxPayload != 64<<10 || len(hello.Imports) != 1 {
			t.Fatalf("hello %+v", hello)
		}
		got := hello.Imports[0]
		if got.Type != solved || got.Ordered != 2 || !slices.Equal(got.Handlers, []string{"count", "mail"}) ||
			got.Events != creditEvents || got.Bytes != creditBytes || got.Stream != "one" || got.Handled != 7 {
			t.Errorf("hello %+v", got)
		}
	})
}

// An exporter that does not let this node import is an error at once, that of one which stops
// answering is not for good.
func TestNotWelcome(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newSite(t, nil)
		s.dial()
		s.welcome("name score in kept_for")
		present := s.set.exchange.Load().durables()[0].present.Load()
		if !present.final || present.bound || !errors.Is(present.err, ErrNotExported) || !strings.Contains(present.err.Error(), "kept_for") {
			t.Errorf("%+v", present)
		}
		if log := s.log.String(); !strings.Contains(log, `msg="an import gets nothing" node=score-1 peer=clue-1`) || !strings.Contains(log, "name score in kept_for") {
			t.Errorf("the log says %s", log)
		}
		s.welcome("")
		s.wait(time.Minute) // signs of life that nobody answers
		present = s.set.exchange.Load().durables()[0].present.Load()
		if present.bound {
			t.Error("connected to an exporter that does not answer")
		}
		s.heard()
		s.wait(2 * time.Second)
		if got := len(s.heard()); got != 2 {
			t.Errorf("%d hellos in 2 s, want 2", got)
		}
		s.welcome("")
		if !s.set.exchange.Load().durables()[0].stats().Connected {
			t.Error("not connected again")
		}
	})
}

// When the exporter ends, what it gave before is still handled and answered.
func TestExporterSaysGoodbye(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newSite(t, nil)
		s.link()
		release := make(chan struct{})
		s.handlers["mail"].does(func(context.Context, int) error { <-release; return nil })
		s.give(event(1, "owls"))
		s.say(&wire.Goodbye{Nonce: wire.ID{9}}) // to another process
		if !s.set.exchange.Load().durables()[0].stats().Connected {
			t.Error("a goodbye to another process was heard")
		}
		s.say(&wire.Goodbye{Nonce: s.nonce})
		if present := s.set.exchange.Load().durables()[0].stats(); present.Connected || present.UnderWay != 1 || !strings.Contains(present.Problem, "ending") {
			t.Errorf("%+v", present)
		}
		close(release)
		s.want("1 handled")
		s.wait(900 * time.Millisecond)
		if got := s.heard(); len(got) > 0 {
			t.Errorf("heard %q, want nothing for a second", got)
		}
		s.wait(200 * time.Millisecond)
		if got := s.heard(); len(got) == 0 || got[0] != "hello" {
			t.Errorf("heard %q, want hellos", got)
		}
	})
}

// What was not heard, or is from another process's time, is said again on the next link, and the
// handlers do not run again.
func TestAnswersThatWereLost(t *testing.T) {
	sick := errors.New("sick")
	for name, c := range map[string]struct {
		fails, notNow bool
		said          string   // on the new link
		answer        []string // when the event comes again as it came before
		calls         []int    // of the handler in all
	}{
		"handled": {false, false, "1 handled", []string{"1 handled"}, []int{1}},
		// The exporter may have heard it: the try counts once only.
		"failed":  {true, false, "1 later but for count", []string{"1 again but for count"}, []int{1}},
		"not now": {true, true, "1 later but for count", []string{"1 later but for count"}, []int{1, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newSite(t, nil)
				s.link()
				mail := s.handlers["mail"]
				if c.fails {
					mail.fails(sick)
				}
				if c.notNow {
					mail.fails(notNow(time.Second))
				}
				s.deafFor(func() { s.give(event(1, "owls")) })
				s.cutLink()
				s.dial()
				s.want() // nothing before the welcome
				s.welcome("")
				s.want(c.said)
				s.give(event(1, "owls"))
				s.want(c.answer...)
				s.wantCalled("mail", c.calls...)
				s.wantCalled("count", 1)
				if c.fails && !c.notNow {
					s.give(tried(event(1, "owls"), 1, "count"))
					s.want("1 again but for count")
					s.wantCalled("mail", 1, 1)
					s.wantCalled("count", 1)
				}
				s.cutLink()
				s.wait(time.Minute)
				s.link()
				s.want() // too long ago: nobody waits for it
			})
		})
	}
}

// What is handled while the link is down is answered on the next one.
func TestAnswersWithoutALink(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newSite(t, nil)
		s.link()
		release := make(chan struct{})
		s.handlers["mail"].does(func(context.Context, int) error { <-release; return nil })
		s.give(event(1, "owls"), event(2, "owls"))
		s.cutLink()
		close(release)
		s.wait(time.Minute)
		s.want()
		s.link()
		if got := s.answered(); !slices.Equal(slices.Compact(got), []string{"1 handled", "2 handled"}) {
			t.Errorf("answered %q", got)
		}
	})
}

// Answers go out at once while there are few, and together while there are many.
func TestAnswersAreGathered(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newSite(t, nil)
		s.link()
		s.wait(time.Second)
		s.heard()
		s.give(event(1, "owls"))
		s.mu.Lock()
		messages := len(s.said)
		s.mu.Unlock()
		if messages != 1 {
			t.Error("the first does not come at once")
		}
		s.want("1 handled")
		begun := time.Now()
		var many []wire.BatchEvent
		for n := range creditEvents {
			many = append(many, event(uint64(n+2), "owls"))
		}
		s.give(many...)
		s.wait(2 * gatherFor)
		s.mu.Lock()
		messages = len(s.said)
		s.mu.Unlock()
		if got := len(s.answered()); got != creditEvents || messages > creditEvents/16 { // by how goroutines take turns
			t.Errorf("%d answers in %d messages", got, messages)
		}
		if took := time.Since(begun); took > 5*gatherFor {
			t.Errorf("all took %v", took)
		}
		s.handlers["mail"].does(func(context.Context, int) error { time.Sleep(gatherFor / 10); return nil })
		for n := range many[:100] {
			many[n].Sequence += 1000
		}
		s.give(many[:100]...)
		s.wait(20 * gatherFor)
		s.mu.Lock()
		messages = len(s.said)
		s.mu.Unlock()
		if got := len(s.answered()); got != 100 || messages > 25 {
			t.Errorf("%d answers in %d messages", got, messages)
		}
	})
}

// An exporter that waits for a slow link hears what came of a batch at once; one that does not,
// with the next answers.
func TestGot(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newSite(t, nil)
		s.link()
		release := make(chan struct{})
		s.handlers["mail"].does(func(context.Context, int) error { <-release; return nil })
		got := func(want ...uint64) {
			t.Helper()
			s.wait(time.Second)
			s.mu.Lock()
			defer s.mu.Unlock()
			var heard []uint64
			for _, message := range s.said {
				if m, ok := message.(*wire.Answers); ok && m.Nonce == s.nonce {
					heard = append(heard, m.Got)
				}
			}
			s.said = nil
			if !slices.Equal(heard, want) {
				t.Errorf("the exporter hears %d, want %d", heard, want)
			}
		}
		batch := func(number uint64, e wire.BatchEvent) {
			s.say(&wire.Batch{Nonce: s.nonce, Type: solved, Events: []wire.BatchEvent{e}, Number: number})
		}
		batch(1, event(1, "owls"))
		got() // it is small
		s.last = 10
		batch(2, wire.BatchEvent{Sequence: 2, Message: []byte{1}, More: true})
		got(2) // more is to come
		batch(3, wire.BatchEvent{Sequence: 3, Message: make([]byte, wire.GotEach), More: false})
		s.wait(time.Second)
		batch(4, event(4, "owls"))
		close(release)
		s.wait(time.Second)
		s.mu.Lock()
		last := s.said[len(s.said)-1].(*wire.Answers)
		s.mu.Unlock()
		if last.Got != 4 {
			t.Errorf("answers tell of batch %d", last.Got)
		}
		batch(5, wire.BatchEvent{Sequence: 5, Message: []byte{1}, From: 7}) // what came before it is lost
		s.wait(time.Second)
		if answered := s.answered(); !slices.Contains(answered, "5 later") {
			t.Errorf("answered %q", answered)
		}
	})
}

// A message that is none, or not from who it should be, is counted and changes nothing.
func TestMalformedTalk(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newSite(t, nil)
		s.link()
		encoded := func(message any) []byte {
			data, err := wire.EncodeTalk(message)
			if err != nil {
				t.Fatal(err)
			}
			return data
		}
		many := make([]wire.BatchEvent, wire.MaxBatchEvents+1)
		large := event(9, "owls")
		large.More, large.Message = true, make([]byte, wire.MaxMessageBytes+1)
		names := tried(event(9, "owls"), 0, slices.Repeat([]string{"x"}, wire.MaxTalkHandlers+1)...)
		for i, data := range [][]byte{
			nil, []byte("hello"), encoded(&wire.Hello{}), encoded(&wire.Answers{}),
			encoded(&wire.Welcome{Nonce: s.nonce, Exporter: "clue-2"}),
			encoded(&wire.Welcome{Nonce: s.nonce, Exporter: "clue-1", Imports: []wire.WelcomeImport{{Type: "clue.hint.taken", Stream: "one"}}}),
			encoded(&wire.Welcome{Nonce: s.nonce, Exporter: "clue-1", Imports: []wire.WelcomeImport{{Type: solved}}}),
			encoded(&wire.Batch{Nonce: s.nonce, Type: "clue.hint.taken", Events: []wire.BatchEvent{event(9, "owls")}}),
			encoded(&wire.Batch{Nonce: s.nonce, Type: solved, Events: many}),
			encoded(&wire.Batch{Nonce: s.nonce, Type: solved, Events: []wire.BatchEvent{large}}),
			encoded(&wire.Batch{Nonce: s.nonce, Type: solved, Events: []wire.BatchEvent{names}}),
		} {
			s.set.Hear("clue-1", data)
			synctest.Wait()
			if got := s.count(stats.Lost, stats.Malformed); got != uint64(i+1) {
				t.Errorf("message %d: counted %d", i, got)
			}
		}
		s.set.Hear("hunt-1", encoded(&wire.Batch{Nonce: s.nonce, Type: solved, Events: []wire.BatchEvent{event(9, "owls")}}))
		s.say(&wire.Batch{Nonce: wire.ID{9}, Type: solved, Events: []wire.BatchEvent{event(9, "owls")}}) // to another process
		s.give(event(1, "owls"))
		s.want("1 handled")
		s.wantCalled("mail", 1)
		if got := s.count(stats.Lost, stats.Malformed); got != 11 {
			t.Errorf("counted %d, want 11", got)
		}
	})
}

func (s *site) deafFor(do func()) {
	s.mu.Lock()
	s.deaf = true
	s.mu.Unlock()
	do()
	s.wait(10 * time.Millisecond)
	s.mu.Lock()
	s.deaf = false
	s.mu.Unlock()
}
