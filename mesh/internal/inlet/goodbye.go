package inlet

import (
	"time"

	"leafmesh/mesh/internal/wire"
)

const (
	// partGrace is how long an exporter has to say that it has heard the last answers. It takes
	// less than a millisecond where both are well. One of an older release never says it.
	partGrace = 500 * time.Millisecond
	// partEach is the pause between two looks at that.
	partEach = time.Millisecond
)

// sayGoodbye says that nothing more is taken. The exporter returns it.
func (t *talk) sayGoodbye() error {
	t.unreturned.Add(1)
	err := t.say(&wire.Goodbye{Nonce: t.nonce})
	if err != nil {
		t.unreturned.Add(-1)
	}
	return err
}

// returned reports whether a goodbye that came is one that the exporter returns. Else it is its
// own.
func (t *talk) returned() bool {
	for {
		n := t.unreturned.Load()
		if n <= 0 {
			return false
		}
		if t.unreturned.CompareAndSwap(n, n-1) {
			return true
		}
	}
}

// hearLast takes a message of an exporter from which nothing is to come any more: only that it
// returns a goodbye is of use.
func (t *talk) hearLast(data []byte) {
	message, err := wire.DecodeTalk(data)
	if m, ok := message.(*wire.Goodbye); ok && err == nil && m.Nonce == t.nonce {
		t.returned()
	}
}

// part says goodbye once more, now that all is said, and waits until the exporter returns it. What
// it has not read when the link is closed can be lost: its server may find first that it cannot
// write, and then reads no more. The exporter would give to others what was handled here, and count
// as lost what was taken. The first goodbye has to come back before: an exporter that has two to
// return may return them as one.
func (t *talk) part() {
	t.mu.Lock()
	heard := t.greeting.answered || t.peer.bidden
	t.mu.Unlock()
	since := time.Now()
	if !heard || !t.goodbye || !t.awaitReturn(since) || t.sayGoodbye() != nil {
		return // nobody is there who could return it
	}
	if t.awaitReturn(since) && t.unreturned.Load() > 0 {
		t.Log.Warn("an exporter has not said that it heard the last answers: others may handle those events again", "peer", t.exporter)
	}
}

// awaitReturn waits until no goodbye is to be returned, for a time at most. It reports whether the
// link is still there.
func (t *talk) awaitReturn(since time.Time) (linked bool) {
	for {
		number, up := t.to().Link()
		linked = up && number == t.link
		if !linked || t.unreturned.Load() == 0 || time.Since(since) >= partGrace {
			return linked
		}
		time.Sleep(partEach)
	}
}
