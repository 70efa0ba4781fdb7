package clue

import (
	"testing"
	"time"

	"leafmesh/services/servicetest"
)

// TestTellDoesNotWait: a caller that has gone, but not yet said so, holds nobody up; nor does one
// that is not there.
func TestTellDoesNotWait(t *testing.T) {
	var w waiters
	verdict, err := w.add("1")
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan struct{})
	go func() {
		defer close(told)
		w.tell(Judgement{Attempt: "1", Verdict: Wrong})
		w.tell(Judgement{Attempt: "1", Verdict: Correct}) // as for an event that comes again
		w.tell(Judgement{Attempt: "2"})
	}()
	select {
	case <-told:
	case <-time.After(servicetest.Patience):
		t.Fatal("tell waits")
	}
	if j := <-verdict; j.Verdict != Wrong {
		t.Errorf("told %v first, want wrong", j.Verdict)
	}
	w.remove("1")
	if len(w.waiting) > 0 {
		t.Error("a waiter stayed")
	}
}
