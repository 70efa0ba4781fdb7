package recorder

import "leafmesh/mesh/cause"

// record is one step of an event in a ring: two cache lines without a pointer, so that the garbage
// collector does not look at the rings, and what a peer makes up has no room but these bytes.
//
// Rejected were records of different lengths (a ring that cannot be read from any place), a
// pointer to the path (it would hold paths that no tree keeps), and an index by root kept up to
// date: one more cache miss a record, so that what is asked once in a while need not read 24 MiB in
// 5 ms.
type record struct {
	event, root, parent cause.ID
	emitted, at, took   int64  // nanoseconds; the first two since 1970
	channel             uint32 // index into Recorder.channels
	path                uint32 // see cause.Path.Number
	count               uint32
	keyLen              uint8 // cutKey: it was longer than key
	key                 [maxKey]byte
}

const (
	recordBytes = 128
	maxKey      = 43
	cutKey      = 255
)

// fill describes an event's step.
func (r *record) fill(h *cause.Header, c *Channel, at, took int64, count uint32) {
	r.event, r.root, r.parent = h.ID, h.Root, h.Parent
	r.emitted, r.at, r.took = h.At(), at, took
	r.channel, r.count = c.number, count
	r.path = 0
	if p := h.Lineage(); p != nil {
		r.path = p.Number()
	}
	r.keyLen = uint8(min(len(h.Key), cutKey))
	if copy(r.key[:], h.Key) < len(h.Key) {
		r.keyLen = cutKey
	}
}

// keyText is the event's key, as far as it is known.
func (r *record) keyText() string {
	if r.keyLen == cutKey {
		return string(r.key[:]) + "…"
	}
	return string(r.key[:r.keyLen])
}
