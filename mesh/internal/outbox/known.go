package outbox

import "time"

// maxKnown bounds the ids of each of known's two halves.
const maxKnown = 1 << 18

// known remembers the ids of the events that were stored lately: each for at least the time that it
// was made for, as long as no more than maxKnown came since. It is not safe for concurrent use.
//
// JetStream's own index was rejected: it is not bounded, took most of the memory of an outbox under
// load, and knows messages, of which one has many events.
type known struct {
	keep  time.Duration
	most  int // of each half
	began int64
	// Ids come into the young half. When that is full or old, it becomes the old one.
	young, old map[[16]byte]struct{}
}

func newKnown(keep time.Duration, most int) *known {
	return &known{keep: keep, most: most, young: map[[16]byte]struct{}{}, old: map[[16]byte]struct{}{}}
}

func (k *known) has(id [16]byte) bool {
	if _, ok := k.young[id]; ok {
		return true
	}
	_, ok := k.old[id]
	return ok
}

// add remembers an id; now is in nanoseconds.
func (k *known) add(id [16]byte, now int64) {
	if len(k.young) == 0 {
		k.began = now
	}
	if len(k.young) >= k.most || now-k.began > int64(k.keep) {
		clear(k.old)
		k.young, k.old, k.began = k.old, k.young, now
	}
	k.young[id] = struct{}{}
}
