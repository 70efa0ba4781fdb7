package outbox

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"leafmesh/mesh/internal/wire"
)

// serving is a site with one type, for service score.
func serving(t *testing.T, change func(*site)) *site {
	t.Helper()
	return newSite(t, func(s *site) {
		s.config.Types = []Type{{Subject: taken, Services: []string{"score"}}}
		if change != nil {
			change(s)
		}
	}).open(t)
}

func (s *site) readerOf(service string) (found Reader) {
	for _, r := range s.Stats().Readers {
		if r.Service == service {
			found = r
		}
	}
	return found
}

// numbered is the texts of from..to.
func numbered(from, to int) string {
	var all []string
	for n := from; n <= to; n++ {
		all = append(all, fmt.Sprint(n))
	}
	return strings.Join(all, " ")
}

// A reader is told what it gets, and what not and why, with the remedy.
func TestWelcome(t *testing.T) {
	s := newSite(t, nil).open(t)
	s.store(t, solved, 1, 3)
	eventually(t, "a look", func() bool { return s.Stats().Last > 0 })
	p := s.peer("hunt-1")
	strange := imports(10, solved)[0]
	strange.Ordered = 7
	many := imports(10, solved)[0]
	many.Handlers = make([]string, wire.MaxTalkHandlers+1)
	w := p.hello(t, append(imports(10, solved, taken, "clue.never.made"), strange, many)...)
	if w.Nonce != p.nonce || w.Exporter != "clue-1" || int(w.MaxPayload) != s.config.MaxPayload || len(w.Imports) != 5 {
		t.Fatalf("welcome %+v", w)
	}
	if first := w.Imports[0]; first.Problem != "" || first.Stream != s.Stats().Identity || first.Last < 3 {
		t.Errorf("what it gets: %+v", first)
	}
	for i, want := range []string{"", "kept_for", "does not keep clue.never.made", "upgrade clue-1", "more than 64 handlers"} {
		if got := w.Imports[i].Problem; !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("import %d: %q, want %q", i, got, want)
		}
	}
	if got := take(t, p, 3); got != "1 2 3" {
		t.Errorf("got %q", got)
	}
	small := s.peer("hunt-2")
	small.say(t, &wire.Hello{Nonce: small.nonce, MaxPayload: 100, Imports: imports(10, solved)})
	s.peer("hunt-1").hello(t) // was heard after it
	if got := small.untaken(); got != 0 {
		t.Errorf("a reader that takes 100 bytes got %d events", got)
	}
}

// No more is under way than the reader has credit for, in events and in bytes.
func TestCredits(t *testing.T) {
	s := serving(t, nil)
	s.store(t, taken, 100, 199)
	p := s.peer("score-1")
	p.hello(t, imports(10, taken)...)
	first := p.get(t, 10)
	eventually(t, "10 are under way", func() bool { r := s.readerOf("score"); return r.Unacked == 10 && r.Pending == 90 })
	p.answer(t, wire.Handled, first[:4]...)
	p.get(t, 4)
	few := imports(100, taken)
	few[0].Bytes = 10 * uint64(len(eventOf(100, "t1", "100")))
	q := s.peer("score-1") // begins anew
	q.hello(t, few...)
	q.get(t, 10)
	eventually(t, "10 are under way by their bytes", func() bool { r := s.readerOf("score"); return r.Unacked == 10 && r.Pending == 86 })
	if p.untaken()+q.untaken() > 0 {
		t.Errorf("they got %d and %d more", p.untaken(), q.untaken())
	}
}

// What a reader does not have is not settled by its answers; who may read nothing is not heard.
func TestForgedAnswers(t *testing.T) {
	s := newSite(t, nil).open(t)
	s.store(t, solved, 1, 4)
	hunt, score := s.reader(t, "hunt", solved), s.reader(t, "score", solved)
	mine, others := hunt.get(t, 2), score.get(t, 4)
	second := s.peer("hunt-2")
	second.hello(t, imports(0, solved)...)
	second.answer(t, wire.Handled, mine...)           // of its service's other instance
	hunt.answer(t, wire.Handled, event{kind: taken})  // of a type that it does not take
	hunt.answer(t, 99, mine[0])                       // with a verdict that is none
	score.answer(t, wire.Handled, event{kind: solved, // of the future
		BatchEvent: wire.BatchEvent{Sequence: 1000}})
	hunt.say(t, &wire.Answers{Nonce: wire.ID{1}, Answers: []wire.Answer{{Type: solved, Sequence: mine[0].Sequence}}})
	spy := s.peer("spy-1")
	spy.answer(t, wire.Handled, others...)
	hunt.say(t, &wire.Welcome{})
	eventually(t, "all is counted", func() bool {
		got := s.Stats()
		return got.Unbelieved == 5 && got.Stray == 2 && got.Malformed == 1
	})
	if hunt, score := s.readerOf("hunt"), s.Stats().Readers[1]; hunt.Unacked != 4 || score.Unacked != 4 {
		t.Errorf("something was settled: %+v %+v", hunt, score)
	}
}

// After a restart nothing is lost and what was settled does not come again; what failed remembers
// its tries and the handlers that are done.
func TestRestartInTheMiddle(t *testing.T) {
	s := serving(t, nil)
	s.store(t, taken, 1, 100)
	p := s.reader(t, "score", taken)
	all := p.get(t, 100)
	p.answer(t, wire.Handled, all[:20]...)
	p.answer(t, wire.Handled, all[30:50]...)
	p.answerWith(t, wire.Answer{Verdict: wire.Again, Done: []string{"b"}}, all[25])
	p.answerWith(t, wire.Answer{Verdict: wire.Again, After: uint64(time.Hour)}, all[26])
	s.reopen(t)
	if r := s.readerOf("score"); !r.Exists || r.Pending+uint64(r.Aside) != 60 || r.Aside != 1 {
		t.Errorf("after the restart: %+v", r)
	}
	p = s.reader(t, "score", taken)
	got := p.get(t, 59)
	slices.SortFunc(got, func(a, b event) int { return int(a.Sequence) - int(b.Sequence) })
	if want := strings.Join([]string{numbered(21, 26), numbered(28, 30), numbered(51, 100)}, " "); texts(got) != want {
		t.Errorf("got  %s\nwant %s", texts(got), want)
	}
	if e := got[5]; e.Tries != 1 || !slices.Equal(e.Done, []string{"b"}) {
		t.Errorf("what failed: %+v", e.BatchEvent)
	}
	p.answer(t, wire.Handled, got...)
	eventually(t, "one is left", func() bool { r := s.readerOf("score"); return r.Aside == 1 && r.Unacked == 0 && r.Pending == 0 })
}

// A redelivery tells which handlers are done; what nobody tried is no try.
func TestRedelivery(t *testing.T) {
	s := serving(t, nil)
	s.store(t, taken, 1, 1)
	p := s.reader(t, "score", taken)
	p.answerWith(t, wire.Answer{Verdict: wire.Later, Done: []string{"a"}}, p.get(t, 1)...)
	e := p.get(t, 1)[0]
	if e.Tries != 0 || !slices.Equal(e.Done, []string{"a"}) || string(e.Message) != "1" {
		t.Errorf("later: %+v", e)
	}
	p.answerWith(t, wire.Answer{Verdict: wire.Again, Done: []string{"a"}}, e)
	if e = p.get(t, 1)[0]; e.Tries != 1 || !slices.Equal(e.Done, []string{"a"}) {
		t.Errorf("again: %+v", e)
	}
	p.answer(t, wire.Handled, e)
	eventually(t, "it is removed", func() bool { return s.events(t) == 0 })
	if r := s.readerOf("score"); r.Redelivered != 2 {
		t.Errorf("%+v", r)
	}
}

// A poisoned key waits apart, more of it than the credit; the others are not held up.
func TestPoisonBesideGoodKeys(t *testing.T) {
	s := serving(t, nil)
	s.storeKey(t, taken, "poison", 1, 300)
	s.storeKey(t, taken, "good", 301, 400)
	p := s.peer("score-1")
	p.hello(t, imports(50, taken)...)
	handled := 0
	for handled < 100 {
		e := p.get(t, 1)[0]
		if e.Sequence > 300 {
			handled++
			p.answer(t, wire.Handled, e)
		} else {
			p.answerWith(t, wire.Answer{Verdict: wire.Again, After: uint64(time.Hour)}, e)
		}
	}
	eventually(t, "the poisoned ones wait apart", func() bool { r := s.readerOf("score"); return r.Unacked+r.Aside+int(r.Pending) == 300 })
	if got := s.events(t); got < 300 {
		t.Errorf("%d are there", got)
	}
}

// What a reader had whose link is down goes to another, and is no try.
// A reader that has come back by another link is not taken for one that has gone with the former.
func TestAFormerLinkTakesNothing(t *testing.T) {
	s := serving(t, nil)
	s.store(t, taken, 1, 5)
	p := s.peer("score-1")
	for link := range uint64(2) {
		p.say(t, &wire.Hello{Nonce: p.nonce, Link: link + 1, MaxPayload: 68 << 10, Imports: imports(100, taken)})
	}
	s.Outbox.Gone("score-1", p.nonce, 1)
	s.Outbox.Gone("score-1", wire.ID{1}, 2) // of a process before
	p.answer(t, wire.Handled, p.get(t, 5)...)
	eventually(t, "all to be settled", func() bool { r := s.readerOf("score"); return r.Unacked == 0 && r.Pending == 0 })
	s.Outbox.Gone("score-1", p.nonce, 2)
	s.store(t, taken, 6, 6)
	eventually(t, "it has nothing under way", func() bool { // or no more, if it was given before it was gone
		r := s.readerOf("score")
		return r.Unacked == 0 && r.Pending+uint64(r.Aside) == 1
	})
}

func TestGoneReader(t *testing.T) {
	s := serving(t, nil)
	s.store(t, taken, 1, 20)
	first := s.peer("score-1")
	first.hello(t, imports(100, taken)...)
	first.get(t, 20)
	second := s.peer("score-2")
	second.hello(t, imports(100, taken)...)
	s.Gone("score-1")
	got := second.get(t, 20)
	if texts(got) != numbered(1, 20) || got[0].Tries != 0 {
		t.Errorf("got %s, tries %d", texts(got), got[0].Tries)
	}
	second.answer(t, wire.Handled, got...)
	eventually(t, "all are removed", func() bool { return s.events(t) == 0 })
}

// What a reader does not answer goes to another one that answers.
func TestHangingReader(t *testing.T) {
	s := serving(t, func(s *site) { s.config.tuning.patience = 100 * time.Millisecond })
	s.store(t, taken, 1, 20)
	hanging := s.peer("score-1")
	hanging.hello(t, imports(10, taken)...)
	hanging.get(t, 10)
	second := s.peer("score-2")
	second.hello(t, imports(10, taken)...)
	seen := map[string]bool{}
	for len(seen) < 20 {
		e := second.get(t, 1)[0]
		seen[string(e.Message)] = true
		second.answer(t, wire.Handled, e)
	}
	eventually(t, "all are removed", func() bool { return s.events(t) == 0 })
}

// A link that takes nothing holds up its own reader alone.
func TestSlowLink(t *testing.T) {
	s := newSite(t, nil).open(t)
	s.store(t, solved, 1, 1000)
	slow := s.peer("hunt-1")
	slow.block = make(chan struct{})
	slow.say(t, &wire.Hello{Nonce: slow.nonce, MaxPayload: 68 << 10, Imports: imports(100, solved)})
	if got := take(t, s.reader(t, "score", solved), 1000); got != numbered(1, 1000) {
		t.Errorf("got %.100s", got)
	}
	close(slow.block)
	for n := 1; n <= 1000; n += 100 {
		if got := take(t, slow, 100); got != numbered(n, n+99) {
			t.Errorf("the slow one got %.100s", got)
		}
	}
}

// In strict order one event is under way; by key one of each key, and other keys pass.
func TestOrder(t *testing.T) {
	s := serving(t, nil)
	for n := 1; n <= 9; n += 3 {
		s.storeKey(t, taken, "a", n, n)
		s.storeKey(t, taken, "b", n+1, n+1)
		s.storeKey(t, taken, "c", n+2, n+2)
	}
	p := s.peer("score-1")
	byKey := imports(100, taken)
	byKey[0].Ordered = 1
	p.hello(t, byKey...)
	first := p.get(t, 3)
	eventually(t, "one of each key is under way", func() bool { return s.readerOf("score").Unacked == 3 })
	p.answerWith(t, wire.Answer{Verdict: wire.Again, After: uint64(time.Hour)}, first[0])
	p.answer(t, wire.Handled, first[1:]...)
	second := p.get(t, 2)
	if got := texts(append(first, second...)); got != "1 2 3 5 6" {
		t.Errorf("by key: %s", got)
	}
	p.answer(t, wire.Handled, second...)
	p.answer(t, wire.Handled, p.get(t, 2)...)
	eventually(t, "only key a is left", func() bool { r := s.readerOf("score"); return r.Unacked == 0 && r.Aside == 1 && r.Pending == 2 })
	p = s.peer("score-1")
	strict := imports(100, taken)
	strict[0].Ordered = 2
	p.hello(t, strict...)
	s.store(t, taken, 10, 12)
	if got := p.untaken(); got != 0 {
		t.Errorf("strict: %d came before the first", got)
	}
}

// A reader that links again says once more what it answered lately, and that is no line of the log,
// also after the exporter was started again. Later it is.
func TestAnswersThatAreGivenAgain(t *testing.T) {
	s := newSite(t, nil).open(t)
	s.store(t, solved, 1, 4)
	hunt := s.reader(t, "hunt", solved)
	had := hunt.get(t, 4)
	hunt.answer(t, wire.Handled, had...)
	eventually(t, "all is handled", func() bool { r := s.readerOf("hunt"); return r.Unacked == 0 && r.Pending == 0 })
	s.stop(t)
	s.open(t)
	again := s.reader(t, "hunt", solved)
	again.answer(t, wire.Handled, had...)
	eventually(t, "the answers are heard", func() bool { return s.Stats().Unbelieved == 4 })
	if text := s.log.String(); strings.Contains(text, "does not have") {
		t.Error(text)
	}
	s.library.do(t.Context(), func() { s.library.reader(again.name).linked -= answersAgain })
	again.answer(t, wire.Handled, had[0])
	eventually(t, "a line of the log", func() bool { return strings.Contains(s.log.String(), "does not have") })
}
