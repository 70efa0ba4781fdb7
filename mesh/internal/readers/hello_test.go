package readers

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/leaf"
	"leafmesh/mesh/internal/wire"
)

// A reader gets what it said hello for: nothing before, nothing after its goodbye.
func TestHelloAndGoodbye(t *testing.T) {
	s := newSite(t, nil, "score-1", "hunt-1")
	s.want(solved, "k")
	s.greet("score-1", 1, solved, "*"+opened)
	s.greet("hunt-1", 1, opened)
	s.want(solved, "k", "score-1")
	s.want(opened, "k", "hunt-1", "score-1")
	said := s.heard("score-1")
	welcome, ok := said[0].(*wire.Welcome)
	if !ok || len(said) != 1 || welcome.Nonce != (wire.ID{1}) || welcome.Exporter != "clue-1" || welcome.MaxPayload != 1000 ||
		len(welcome.Imports) != 2 || welcome.Imports[0].Type != solved || welcome.Imports[0].Problem != "" {
		t.Fatalf("told %+v", said)
	}
	if largest := s.reader(solved, "score-1").Largest(); largest != 500 {
		t.Errorf("it takes %d bytes, said 500", largest)
	}

	s.greet("score-1", 1, solved) // replaces what it said before
	s.want(solved, "k", "score-1")
	s.want(opened, "k", "hunt-1")

	s.heard("score-1")
	s.say("score-1", &wire.Goodbye{Nonce: wire.ID{9}}) // of another process, whose link is over
	s.want(solved, "k", "score-1")
	s.say("score-1", &wire.Goodbye{Nonce: wire.ID{1}})
	s.want(solved, "k")
	if said := s.heard("score-1"); len(said) != 1 || said[0].(*wire.Goodbye).Nonce != (wire.ID{1}) {
		t.Errorf("of its goodbyes these were returned: %+v", said)
	}
	s.greet("score-1", 2, solved)
	s.want(solved, "k", "score-1")

	var none *Readers // of a node without a leaf port
	if none.Audience(solved) != nil {
		t.Error("no readers have an audience")
	}
	none.Goodbye()
}

// A reader that takes larger messages than the exporter sends is sent no larger ones.
func TestLargest(t *testing.T) {
	s := newSite(t, nil, "score-1")
	h := helloOf(1, solved)
	for said, want := range map[uint64]int{0: 0, 1000: 1000, 1001: 1000, 1 << 63: 1000} {
		h.MaxPayload = said
		s.say("score-1", h)
		if got := s.reader(solved, "score-1").Largest(); got != want {
			t.Errorf("it says %d and takes %d, want %d", said, got, want)
		}
	}
}

// What a reader does not get it is told, with the remedy.
func TestProblems(t *testing.T) {
	const nothing = ""
	for _, test := range []struct {
		name, reader, asks string
		outbox             bool
		want               []string // parts of the problem
	}{
		{"exported", "score-1", solved, false, nil},
		{"not exported", "score-1", hinted, false, []string{"clue-1 does not export clue.hint.given", "it exports clue.clue.opened, clue.clue.solved, clue.hint.taken", "declare the export there, or drop the import"}},
		{"not exported, durable", "score-1", "+" + hinted, false, []string{"does not export clue.hint.given", "export it there with kept_for: [score]"}},
		{"exported, but not kept", "score-1", "+" + solved, false, []string{"keeps it for nobody", "name score in kept_for", "or import it without durable"}},
		{"out of the outbox, not durable", "score-1", taken, true, []string{"out of its outbox", "import it with durable: true"}},
		{"kept for another", "hunt-1", "+" + taken, true, []string{"does not keep clue.hint.taken for service hunt", "name the service in kept_for"}},
		{"no outbox", "score-1", "+" + taken, false, []string{"does not keep clue.hint.taken for service score"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var box *outbox
			if test.outbox {
				box = &outbox{}
			}
			s := newSite(t, box, test.reader)
			s.greet(test.reader, 1, test.asks)
			said := s.heard(test.reader)
			if len(said) != 1 {
				t.Fatalf("told %+v", said)
			}
			problem := said[0].(*wire.Welcome).Imports[0].Problem
			if (problem == nothing) != (test.want == nil) {
				t.Errorf("told %q", problem)
			}
			for _, part := range test.want {
				if !strings.Contains(problem, part) {
					t.Errorf("%q does not say %q", problem, part)
				}
			}
			if told := strings.Count(s.log.String(), "a reader does not get what it imports"); told != min(1, len(test.want)) {
				t.Errorf("the log says it %d times: %s", told, s.log.String())
			}
			if got := s.chosen(solved, "k"); test.want != nil && got != nil {
				t.Errorf("%q get events", got)
			}
		})
	}
}

// One hello asks for several things: the outbox answers for all if it serves the reader.
func TestHelloToTheOutbox(t *testing.T) {
	s := newSite(t, &outbox{}, "score-1", "hunt-1")
	s.greet("score-1", 1, solved, "+"+taken, "+"+opened)
	if got := s.outbox.all(); got != "hello of score-1 for 1, 2 others" {
		t.Errorf("the outbox heard %q", got)
	}
	if said := s.heard("score-1"); len(said) > 0 {
		t.Errorf("was answered twice: %+v", said)
	}
	s.want(solved, "k", "score-1")
	s.greet("hunt-1", 1, opened, "+"+taken) // nothing is kept for it
	if said := s.heard("hunt-1"); len(said) != 1 || len(said[0].(*wire.Welcome).Imports) != 2 {
		t.Errorf("told %+v", said)
	}
	s.outbox.all()
	s.say("score-1", &wire.Answers{Nonce: wire.ID{1}})
	s.say("score-1", &wire.Taken{Nonce: wire.ID{1}})
	s.heard("score-1")
	s.say("score-1", &wire.Goodbye{Nonce: wire.ID{1}})
	if said := s.heard("score-1"); len(said) > 0 {
		t.Errorf("told %+v, which the outbox is to say", said)
	}
	if got := s.outbox.all(); got != "*wire.Answers of score-1, *wire.Goodbye of score-1" {
		t.Errorf("the outbox heard %q", got)
	}
	s.want(solved, "k")
}

// Who ends tells those that its outbox does not tell.
func TestGoodbyeToReaders(t *testing.T) {
	s := newSite(t, &outbox{}, "score-1", "hunt-1", "late-1")
	s.greet("score-1", 1, solved, "+"+taken)
	s.greet("hunt-1", 7, solved)
	s.heard("hunt-1")
	s.Goodbye()
	for name, want := range map[string]int{"score-1": 0, "hunt-1": 1, "late-1": 0} {
		said := s.heard(name)
		if len(said) != want {
			t.Fatalf("%s is told %+v", name, said)
		}
		if want == 0 {
			continue
		}
		if m, ok := said[0].(*wire.Goodbye); !ok || m.Nonce != (wire.ID{7}) {
			t.Errorf("%s is told %+v", name, said[0])
		}
	}
}

// A reader whose link is gone gets nothing until it says hello again, whoever notices it: who looks
// now and then, or who is to send an event.
func TestLinkGone(t *testing.T) {
	s := newSite(t, &outbox{}, "score-1", "score-2", "hunt-1")
	s.greet("score-1", 1, solved)
	s.greet("score-2", 1, solved)
	s.greet("hunt-1", 1, "*"+solved)
	s.lines["score-1"].set(true)
	s.Look(time.Now())
	s.want(solved, "k", "hunt-1", "score-2")
	if got := s.outbox.all(); got != "score-1 is gone" {
		t.Errorf("the outbox heard %q", got)
	}
	s.lines["score-1"].set(false)
	s.Look(time.Now())
	s.want(solved, "k", "hunt-1", "score-2") // it has not said hello
	s.greet("score-1", 1, solved)

	// An event that is to be sent is another instance's, if there is one.
	audience := s.Audience(solved)
	edition := audience.Edition()
	key := s.keyOf("score-1")
	first := audience.Choose(key, nil)[1]
	if instead := audience.Instead(first, key); instead == nil || instead.Name != "score-2" {
		t.Errorf("instead %+v", instead)
	}
	s.want(solved, key, "hunt-1", "score-2")
	if audience.Edition() == edition {
		t.Error("the edition stays")
	}
	second := audience.Choose(key, nil)[1]
	if instead := audience.Instead(second, key); instead != nil {
		t.Errorf("instead of the last one %+v", instead)
	}
	if instead := audience.Instead(audience.Choose(key, nil)[0], key); instead != nil {
		t.Errorf("instead of one that takes each event %+v", instead)
	}
	s.want(solved, key)
	s.greet("score-1", 1, solved)
	// One that has come back meanwhile is not taken for the one that was gone.
	if instead := audience.Instead(first, key); instead == nil || instead.Name != "score-1" {
		t.Errorf("instead %+v", instead)
	}
}

// What one instance does not get that takes each event is not for one that shares.
func TestInsteadOfOneThatTakesEach(t *testing.T) {
	s := newSite(t, nil, "score-1", "score-2")
	s.greet("score-1", 1, "*"+solved)
	s.greet("score-2", 1, solved)
	audience := s.Audience(solved)
	if instead := audience.Instead(s.reader(solved, "score-1"), "k"); instead != nil {
		t.Errorf("instead %s", instead.Name)
	}
	s.want(solved, "k", "score-2")
}

// Who says hello over a new link while the loss of the former is noticed is there.
func TestHelloWhileTheLinkIsMissed(t *testing.T) {
	s := newSite(t, &outbox{}, "score-1")
	s.greet("score-1", 1, solved)
	l := s.lines["score-1"]
	l.set(true)
	l.asked = func() { s.greet("score-1", 1, solved) }
	s.Look(time.Now())
	s.want(solved, "k", "score-1")
	if got := s.outbox.all(); got != "" {
		t.Errorf("the outbox heard that %s", got)
	}
}

// keyOf is a key whose events a reader gets.
func (s *site) keyOf(name string) string {
	s.t.Helper()
	for _, key := range keys(1000) {
		if slices.Contains(s.chosen(solved, key), name) {
			return key
		}
	}
	s.t.Fatalf("%s has no key", name)
	return ""
}

// The same process goes on with its counts, also on another link: so it can tell what was lost with
// the one before. Another process of the name begins anew.
func TestCountsOfAProcess(t *testing.T) {
	s := newSite(t, nil, "score-1")
	place := func() (run, before uint64) { return s.reader(solved, "score-1").Place() }
	s.greet("score-1", 1, solved)
	run, before := place()
	if run == 0 || before != 0 {
		t.Errorf("begins at %d, %d", run, before)
	}
	s.send(s.reader(solved, "score-1"), 5)
	again := map[string]func(){
		"a hello":   func() {},
		"goodbye":   func() { s.say("score-1", &wire.Goodbye{Nonce: wire.ID{1}}) },
		"no link":   func() { s.lines["score-1"].set(true); s.Look(time.Now()); s.lines["score-1"].set(false) },
		"not heard": func() { s.Audience(solved).Instead(s.reader(solved, "score-1"), "k") },
		"not asked": func() { s.greet("score-1", 1, opened) },
	}
	for name, between := range again {
		between()
		s.greet("score-1", 1, solved)
		if r, b := place(); r != run || b != 5 {
			t.Errorf("after %s: %d, %d, want %d, 5", name, r, b, run)
		}
	}
	// Nothing of what was sent before is on its way, though score-1 says that it has taken less of
	// it.
	s.say("score-1", &wire.Taken{Nonce: wire.ID{1}, Types: []wire.TakenType{{Type: solved, Run: run, Count: 3}}})
	if n := s.reader(solved, "score-1").onItsWay(); n != 0 {
		t.Errorf("%d are on their way over a link that is gone", n)
	}
	s.greet("score-1", 1, "*"+solved) // other events than before
	if r, b := place(); r == run || b != 0 {
		t.Errorf("another delivery goes on: %d, %d", r, b)
	}
	s.greet("score-1", 2, solved)
	if r, b := place(); r == run || b != 0 {
		t.Errorf("another process goes on: %d, %d", r, b)
	}
	s.send(s.reader(solved, "score-1"), 1)
	if got, want := s.lines["score-1"].events, leaf.EventsTo("score-1", "clue-1", solved); len(got) != 2 || got[1] != want {
		t.Errorf("sent on %q, want %s", got, want)
	}
}

// What nobody understands is counted, and harms nobody.
func TestGarbage(t *testing.T) {
	for _, box := range []*outbox{nil, {}} {
		s := newSite(t, box, "score-1")
		s.greet("score-1", 1, solved)
		good, err := wire.EncodeTalk(helloOf(1))
		if err != nil {
			t.Fatal(err)
		}
		old := append([]byte{}, good...)
		old[1] = 1 // the version
		for i, data := range [][]byte{nil, {0xff}, good[:len(good)-1], append(good, 0), old} {
			s.Hear("score-1", data)
			if got := s.malformed(); got != uint64(i+1) {
				t.Errorf("%d counted after %d", got, i+1)
			}
		}
		s.want(solved, "k", "score-1")
		if !strings.Contains(s.log.String(), "not understood") || !strings.Contains(s.log.String(), "score-1") {
			t.Errorf("the log: %s", &s.log)
		}
	}
}

// What only an exporter says, or what is said to an outbox that is not there, is counted too.
func TestUnfit(t *testing.T) {
	s := newSite(t, nil, "score-1")
	for i, message := range []any{&wire.Welcome{}, &wire.Batch{}, &wire.Answers{}} {
		s.say("score-1", message)
		if got := s.malformed(); got != uint64(i+1) {
			t.Errorf("%T: %d counted, want %d", message, got, i+1)
		}
	}
	s.say("score-1", &wire.Goodbye{})
	if got := s.malformed(); got != 3 {
		t.Errorf("a goodbye is counted")
	}
}

// What a process that has ended had not said to have taken counts as lost, once; so does that of
// one that stays away for long. One that comes back tells itself what it lost.
func TestWhatAProcessTookWithIt(t *testing.T) {
	for name, test := range map[string]struct {
		end  func(s *site)
		lost uint64
	}{
		"another process": {func(s *site) { s.greet("score-1", 2, solved) }, 4},
		"away for long": {func(s *site) {
			s.lines["score-1"].set(true)
			for _, after := range []time.Duration{0, awaitReturn, 2 * awaitReturn, 3 * awaitReturn} {
				s.Look(time.Now().Add(after))
			}
			s.greet("score-1", 1, solved)
		}, 4},
		"back soon": {func(s *site) {
			s.lines["score-1"].set(true)
			s.Look(time.Now())
			s.lines["score-1"].set(false)
			s.greet("score-1", 1, solved)
		}, 0},
		"in order": {func(s *site) {
			run := s.reader(solved, "score-1").run
			s.say("score-1", &wire.Goodbye{Nonce: wire.ID{1}})
			s.say("score-1", &wire.Taken{Nonce: wire.ID{1}, Types: []wire.TakenType{{Type: solved, Run: run, Count: 10}}})
			s.greet("score-1", 2, solved)
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, nil, "score-1")
			s.greet("score-1", 1, solved)
			s.send(s.reader(solved, "score-1"), 10)
			run := s.reader(solved, "score-1").run
			s.say("score-1", &wire.Taken{Nonce: wire.ID{1}, Types: []wire.TakenType{{Type: solved, Run: run, Count: 6}}})
			test.end(s)
			if s.lost.Load() != test.lost {
				t.Errorf("%d lost, want %d", s.lost.Load(), test.lost)
			}
		})
	}
}

// A reader may say hello at the moment in which what it asks for becomes an export.
func TestAHelloWhileAnExportBegins(t *testing.T) {
	s := newSite(t, nil, "score-1")
	exports := *s.exports.Load()
	var saying sync.WaitGroup
	end := make(chan struct{})
	saying.Go(func() {
		for p := byte(1); ; p++ {
			select {
			case <-end:
				return
			default:
			}
			h := helloOf(p)
			for i := range 200 {
				h.Imports = append(h.Imports, wire.HelloImport{Type: fmt.Sprintf("clue.hint.n%d", i)})
			}
			s.join("score-1", h)
		}
	})
	for i := range 200 {
		exports = append(slices.Clone(exports), config.Export{Event: fmt.Sprintf("clue.hint.n%d", i)})
		s.SetExports(exports)
	}
	close(end)
	saying.Wait()
}
