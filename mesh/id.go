package mesh

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"time"
)

// ID names an event for ever: a UUID of version 7 (RFC 9562). It begins with
// the time, to the millisecond and then, by the RFC's method 3, to 1/4096 of
// one, so that ids sort by time. The other 62 bits come from the runtime's
// ChaCha8 generator, seeded by the operating system: unique without a counter
// that all emitters share.
type ID [16]byte

func newID(unix int64) (id ID) {
	ms, rest := uint64(unix)/1e6, uint64(unix)%1e6
	binary.BigEndian.PutUint64(id[:8], ms<<16|7<<12|rest<<12/1e6)
	binary.BigEndian.PutUint64(id[8:], 1<<63|rand.Uint64()>>2)
	return id
}

// childID is the id of an event that goes into an outbox, emitted by a handler
// (by) for the event parent. It follows from what is emitted: the same handler
// run again for the same event, because it was tried again or because a crash made
// the event come again, gives its events the same ids, and outbox and receivers
// drop the copies. It has the form and the time of the parent's id; the other 74
// bits are a hash (SHA-256). copies tells apart equal events of one call.
func childID(parent ID, by, subject, key string, payload []byte, copies int) (id ID) {
	hash := sha256.New()
	var size [8]byte
	for _, part := range [][]byte{parent[:], []byte(by), []byte(subject), []byte(key), payload} {
		binary.BigEndian.PutUint64(size[:], uint64(len(part)))
		hash.Write(size[:])
		hash.Write(part)
	}
	binary.BigEndian.PutUint64(size[:], uint64(copies))
	hash.Write(size[:])
	sum := hash.Sum(nil)
	copy(id[:6], parent[:6])
	copy(id[6:], sum)
	id[6] = id[6]&0x0f | 7<<4
	id[8] = id[8]&0x3f | 1<<7
	return id
}

// Time is when the id was made, to the millisecond, by its node's clock.
func (id ID) Time() time.Time { return time.UnixMilli(int64(binary.BigEndian.Uint64(id[:8]) >> 16)) }

// IsZero reports whether the id is unset, as a root's parent is.
func (id ID) IsZero() bool { return id == ID{} }

// String gives the text form, "0199b2c4-….".
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

// MarshalText gives the text form.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

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
