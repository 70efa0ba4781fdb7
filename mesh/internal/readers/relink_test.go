package readers

import (
	"testing"
	"time"

	"leafmesh/mesh/internal/wire"
)

// A reader that is linked again before anybody has looked gets nothing before it says hello again,
// whatever its link before was welcomed to.
func TestAnotherLinkHasSaidNothing(t *testing.T) {
	box := &outbox{}
	s := newSite(t, box, "score-1")
	s.greet("score-1", 1, solved, "+"+taken)
	box.all()
	s.Look(time.Now())
	s.want(solved, "k", "score-1")
	s.lines["score-1"].relink()
	s.Look(time.Now())
	s.want(solved, "k")
	if got := box.all(); got != "score-1 is gone" {
		t.Errorf("the outbox was told %q", got)
	}
	s.greet("score-1", 1, solved, "+"+taken)
	s.Look(time.Now())
	s.want(solved, "k", "score-1")
}

// What a reader said before its link broke is heard before the outbox gives what it has to others,
// however late that is, and the outbox is told in the end if it is never heard.
func TestTheLastAnswersAreHeardFirst(t *testing.T) {
	for name, heard := range map[string]bool{"late": true, "never": false} {
		t.Run(name, func(t *testing.T) {
			box := &outbox{}
			s := newSite(t, box, "score-1")
			s.greet("score-1", 1, solved, "+"+taken)
			box.all()
			line, now := s.lines["score-1"], time.Now()
			line.late = true
			line.set(true)
			s.Look(now)
			s.Look(now.Add(awaitHeard))
			s.want(solved, "k")
			if heard {
				s.say("score-1", &wire.Answers{Nonce: wire.ID{1}, Got: 1})
				line.passes[0]()
			} else {
				box.note("*wire.Answers of score-1")
			}
			s.Look(now.Add(awaitHeard + time.Second))
			s.Look(now.Add(awaitHeard + 2*time.Second))
			if got := box.all(); got != "*wire.Answers of score-1, score-1 is gone" {
				t.Errorf("the outbox was told %q", got)
			}
		})
	}
}

// A reader that says hello again before all of that is heard has its former link taken away alone.
func TestAHelloWhileAnswersAreAwaited(t *testing.T) {
	box := &outbox{}
	s := newSite(t, box, "score-1")
	hello := func(link uint64) {
		h := helloOf(1, "+"+taken)
		h.Link = link
		s.say("score-1", h)
	}
	hello(1)
	line := s.lines["score-1"]
	line.late = true
	line.relink()
	s.Look(time.Now())
	hello(2)
	box.all()
	line.passes[0]()
	s.Look(time.Now().Add(time.Minute))
	if got := box.all(); got != "score-1 is gone, by link 1" {
		t.Errorf("the outbox was told %q", got)
	}
}
