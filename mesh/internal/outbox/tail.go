package outbox

import (
	"cmp"
	"slices"
	"sync"
)

const (
	// maxTail bounds the bytes of the messages that are kept of a type from when they were stored.
	maxTail = 4 << 20
	// maxTailMessage is the largest message that is: a copy of it is made before it is stored.
	maxTailMessage = 16 << 10
)

// tail is the newest messages of a type. A shelf that has read up to there takes them from here,
// and reads nothing: that is several times as fast, and most shelves are there most of the time.
// Its methods are safe for concurrent use.
type tail struct {
	most int // bytes of entries

	mu sync.Mutex
	// All messages of the type with a sequence above from are in entries, in order, unless broken.
	from    uint64 // guarded by mu
	entries []fed  // guarded by mu
	bytes   int    // guarded by mu
	broken  bool   // guarded by mu: the stream may have a message that is not here
}

// add takes events that were stored just now. Calls are in the order of the numbers, and none
// below those has still to be stored.
func (t *tail) add(events ...fed) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range events {
		t.addOne(e)
	}
}

func (t *tail) addOne(e fed) {
	if t.broken || e.message == nil {
		t.begin(e.Sequence)
		return
	}
	t.entries, t.bytes = append(t.entries, e), t.bytes+e.Bytes
	for t.bytes > t.most {
		t.from, t.bytes = t.entries[0].Sequence, t.bytes-t.entries[0].Bytes
		t.entries[0] = fed{} // the array is shared with the rest
		t.entries = t.entries[1:]
	}
}

// begin forgets all up to a sequence: it is read from the stream.
func (t *tail) begin(from uint64) {
	t.from, t.entries, t.bytes, t.broken = from, nil, 0, false
}

// cut says that a message may have been stored of which nobody knows. Whatever is stored after it
// has a higher sequence.
func (t *tail) cut() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.begin(t.last())
	t.broken = true
}

// newest is the sequence of the newest message that is known.
func (t *tail) newest() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last()
}

func (t *tail) last() uint64 {
	if n := len(t.entries); n > 0 {
		return t.entries[n-1].Sequence
	}
	return t.from
}

// after is up to so many messages behind a sequence, oldest first, and how many there are. It is
// not ok if some of them are not here.
func (t *tail) after(sequence uint64, most int) (some []fed, all int, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.broken || sequence < t.from {
		return nil, 0, false
	}
	at, found := slices.BinarySearchFunc(t.entries, sequence, func(e fed, sequence uint64) int {
		return cmp.Compare(e.Sequence, sequence)
	})
	if found {
		at++
	}
	rest := t.entries[at:]
	return slices.Clone(rest[:min(most, len(rest))]), len(rest), true
}
