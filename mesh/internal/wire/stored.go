package wire

import (
	"fmt"
	"math"
	"time"
)

// Version 1 had one event a message and no container: an array of nine elements, the version first.
// It goes over no link any more, but outboxes, dead letters and databases keep what was written
// then.
const (
	version1       = 1
	version1Fields = 9
)

// DecodeStored decodes a stored message of one event into e, and overwrites all of it: a container,
// or what version 1 wrote. For the rest it is like DecodeEvent.
func DecodeStored(message []byte, e *Envelope) error {
	err := decodeStored(message, e)
	if err == nil {
		return nil
	}
	e.reset()
	return malformed("%w", err)
}

func decodeStored(message []byte, e *Envelope) error {
	if isVersion1(message) {
		return decodeVersion1(message, e)
	}
	var room [1][]byte
	events, err := splitContainer(message, room[:0])
	if err != nil {
		return err
	}
	if len(events) != 1 {
		return fmt.Errorf("it holds %d events; want one", len(events))
	}
	return decodeEvent(events[0], e)
}

// SplitStored is SplitContainer for a message that may be of version 1: its event is then encoded
// anew.
func SplitStored(message []byte, events [][]byte) ([][]byte, error) {
	if !isVersion1(message) {
		return SplitContainer(message, events)
	}
	var e Envelope
	if err := decodeVersion1(message, &e); err != nil {
		return events, malformed("%w", err)
	}
	event, err := AppendEvent(nil, &e)
	if err != nil {
		return events, err
	}
	return append(events, event), nil
}

func isVersion1(message []byte) bool {
	r := reader{data: message}
	_, version, err := r.begin()
	return err == nil && version == version1
}

// decodeVersion1 decodes a message of version 1. In place of the age it said how long of the time
// between the root's and its own was none: waited.
func decodeVersion1(message []byte, e *Envelope) error {
	r := reader{data: message}
	elements, _, err := r.begin()
	if err != nil {
		return err
	}
	if elements != version1Fields {
		return fmt.Errorf("array of %d elements; version %d has %d", elements, version1, version1Fields)
	}
	if err := r.event(e, "waited"); err != nil {
		return err
	}
	e.Age = ageOf(e, int64(e.Age))
	return e.check()
}

// ageOf is the age that version 1 tells by three times: not negative, and 0 for a root.
func ageOf(e *Envelope, waited int64) time.Duration {
	if e.IsRoot() {
		return 0
	}
	between := saturating(e.Time, e.Root.time())
	if between <= waited {
		return 0
	}
	return time.Duration(between - waited)
}

// time is when the id was made, in nanoseconds since 1970: see cause.ID.Time. It is never negative,
// and past the largest there is for ids that somebody made up.
func (id ID) time() int64 {
	var milliseconds int64
	for _, b := range id[:6] {
		milliseconds = milliseconds<<8 | int64(b)
	}
	return min(milliseconds, math.MaxInt64/int64(time.Millisecond)) * int64(time.Millisecond)
}

// saturating is a - b for a b that is not negative.
func saturating(a, b int64) int64 {
	if a < math.MinInt64+b {
		return math.MinInt64
	}
	return a - b
}
