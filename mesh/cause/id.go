package cause

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"time"
)

// ID names an event for ever: a UUID of version 7 (RFC 9562). It begins with the time, to the
// millisecond and then, by the RFC's method 3, to 1/4096 of one, so that ids sort by time. The
// other 62 bits come from the runtime's ChaCha8 generator, seeded by the operating system: unique
// without a counter that all emitters share. What a handler stages has an id that follows from its
// parent's: see mesh.Event.Stage.
type ID [16]byte

// NewID makes the id of an event that is emitted at a time, in nanoseconds since 1970.
func NewID(unix int64) (id ID) {
	ms, rest := uint64(unix)/1e6, uint64(unix)%1e6
	binary.BigEndian.PutUint64(id[:8], ms<<16|7<<12|rest<<12/1e6)
	binary.BigEndian.PutUint64(id[8:], 1<<63|rand.Uint64()>>2)
	return id
}

// ChildID returns the id of an event that a handler makes of its event, parent, so that it does not
// depend on when, where or how often the handler runs: a retry, or the same event delivered again
// after a crash, makes the same events under the same ids, and a stream or a receiver that has seen
// one drops the copy. It has the form of a UUID of version 7: the parent's milliseconds, so that
// its age is known and it sorts with its parent, and 74 bits of a SHA-256 over what the event is.
//
// place is the handler, "handler count": two handlers of one event may emit what looks the same and
// is not. The node is left out: an instance that handles an event after another one has died makes
// the same events. ordinal counts the events of one call that are the same in all else, from 0. Not
// counted are all events of a call, as goroutines of a handler may emit in any order.
//
// A handler that puts the present time or a random number into a value makes another event with
// each run. Random ids, kept somewhere until the handler is done, were rejected: where they are
// kept must be written before anything else.
func ChildID(parent ID, place, subject, key string, payload []byte, ordinal uint64) (id ID) {
	h := sha256.New()
	h.Write(parent[:])
	for _, text := range []string{place, subject, key} {
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(text)))) // so that no two lists of texts look the same
		h.Write([]byte(text))
	}
	h.Write(binary.BigEndian.AppendUint64(nil, ordinal))
	h.Write(payload)
	copy(id[:], h.Sum(nil))
	copy(id[:6], parent[:6])
	id[6] = 7<<4 | id[6]&0xF
	id[8] = 2<<6 | id[8]&0x3F
	return id
}

// Children are the events of one call of a handler whose ids follow from what they are: for each
// the number of its equals, by the id of the first. Reading it when it is nil is allowed; Next
// makes it. It is not safe for concurrent use.
type Children map[ID]uint64

// Next returns the id of one more child: see [ChildID].
func (c *Children) Next(parent ID, place, subject, key string, payload []byte) ID {
	first := ChildID(parent, place, subject, key, payload, 0)
	if *c == nil {
		*c = Children{}
	}
	ordinal := (*c)[first]
	(*c)[first]++
	if ordinal == 0 {
		return first
	}
	return ChildID(parent, place, subject, key, payload, ordinal)
}

// Time is when the id was made, to the millisecond, by its node's clock. The id of a staged event
// has its parent's.
func (id ID) Time() time.Time { return time.UnixMilli(int64(binary.BigEndian.Uint64(id[:8]) >> 16)) }

// Made is when the id was made by [NewID], in nanoseconds since 1970, to a quarter of a
// microsecond. Of any other id it is right to the millisecond.
func (id ID) Made() int64 {
	first := binary.BigEndian.Uint64(id[:8])
	return int64(first>>16)*1e6 + int64(first&0xFFF)*1e6>>12
}

// IsZero reports whether the id is unset, as the parent is of an event that no handler emitted.
func (id ID) IsZero() bool { return id == ID{} }

// String returns the text form, "0199b2c4-….".
func (id ID) String() string {
	var text [36]byte
	at := 0
	for i, part := range [][]byte{id[0:4], id[4:6], id[6:8], id[8:10], id[10:16]} {
		if i > 0 {
			text[at] = '-'
			at++
		}
		at += hex.Encode(text[at:], part)
	}
	return string(text[:])
}

// MarshalText returns the text form.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads the text form.
func (id *ID) UnmarshalText(text []byte) (err error) {
	*id, err = ParseID(string(text))
	return err
}

// ParseID reads the text form.
func ParseID(text string) (id ID, err error) {
	if len(text) == 36 && text[8] == '-' && text[13] == '-' && text[18] == '-' && text[23] == '-' {
		plain := text[:8] + text[9:13] + text[14:18] + text[19:23] + text[24:]
		if _, err = hex.Decode(id[:], []byte(plain)); err == nil {
			return id, nil
		}
	}
	return ID{}, errors.New("mesh: an event id has the form 01234567-89ab-7def-8123-456789abcdef")
}
