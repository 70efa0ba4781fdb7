package readers

import (
	"testing"
	"time"
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
