package wire

import (
	"encoding/hex"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"
)

// ID names one event. All zeros is no event.
type ID [16]byte

// IsZero reports whether id names no event.
func (id ID) IsZero() bool { return id == ID{} }

// String returns id in 32 hex digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// Envelope is one event as it travels: what the mesh knows of it, and its payload.
type Envelope struct {
	ID     ID            // this event; never zero
	Root   ID            // the event that began the cascade; ID itself for a root
	Parent ID            // the event whose handler emitted this one; zero for a root that none did, and only for a root
	Time   int64         // when it was emitted, by the emitter's clock: nanoseconds since 1970-01-01 UTC; for people alone
	Age    time.Duration // of the cascade, see cause.Header.Age; never negative, and 0 for a root
	Key    string        // unit of ordering; valid UTF-8, at most MaxKeyBytes, may be empty

	// Path has a step "node:subject" for each event from the root to this one, 1 to MaxPathSteps of
	// them. Decoded steps alias the message: whoever keeps them after the message is gone interns
	// or copies them.
	Path [][]byte

	// IsShort: the event had Number in place of its path. See DecodeLinked; encoding looks at
	// neither.
	IsShort bool
	Number  uint64

	// Payload is one CBOR item. A decoded payload aliases the message and is not yet checked:
	// DecodePayload does that.
	Payload []byte
}

// IsRoot reports whether the event began its cascade.
func (e *Envelope) IsRoot() bool { return e.Root == e.ID }

// Depth is how many events stand between the root and this one, this one counted: 0 for a root.
func (e *Envelope) Depth() int { return len(e.Path) - 1 }

// Origin is the name of the node that emitted the event, from the last step. It aliases Path.
func (e *Envelope) Origin() []byte {
	node, _ := SplitStep(e.lastStep())
	return node
}

// Subject is the event's subject, from the last step. It aliases Path.
func (e *Envelope) Subject() []byte {
	_, subject := SplitStep(e.lastStep())
	return subject
}

func (e *Envelope) lastStep() []byte {
	if len(e.Path) == 0 {
		return nil
	}
	return e.Path[len(e.Path)-1]
}

// MatchSubject reports, as ErrMalformed, that a message came on another NATS subject than its
// envelope belongs to. A peer's permissions bind the subject it sends on, so without this it could
// say one thing there and another in the envelope. It does not allocate for subjects up to 256
// bytes.
func (e *Envelope) MatchSubject(wireSubject string) error {
	var space [256]byte
	want := append(append(space[:0], e.Subject()...), '.')
	want = AppendKey(want, e.Key)
	if string(want) != wireSubject {
		return malformed("it came on subject %s, and its envelope says %s", excerpt(wireSubject), excerpt(want))
	}
	return nil
}

// Rules that hold between fields.
var (
	errZeroID   = errors.New("id is all zeros")
	errZeroRoot = errors.New("root is all zeros")
	errRoot     = errors.New("an event whose root is itself is a root: path must be one step")
	errNotRoot  = errors.New("an event whose root is another is not a root: it must have a parent, and path two steps or more")
	errParent   = errors.New("an event is not its own parent")
	errNoSteps  = errors.New("path is empty; it has at least this event's own step")
	errAge      = errors.New("age is negative")
	errRootAge  = errors.New("a root has no age: it must be 0")
	errPayload  = errors.New("payload is empty; it is one CBOR item")
)

// check reports which rule of the format the envelope breaks, or nil. Encoding and decoding share
// it.
func (e *Envelope) check() error {
	if err := e.checkCauses(len(e.Path)); err != nil {
		return err
	}
	for i, step := range e.Path {
		if !validStep(step) {
			return fmt.Errorf("path, step %d: %w", i+1, CheckStep(string(step)))
		}
	}
	return e.checkKey()
}

// checkCauses is check without the key, and of the path it looks at the number of steps alone.
func (e *Envelope) checkCauses(steps int) error {
	switch {
	case e.ID.IsZero():
		return errZeroID
	case e.Root.IsZero():
		return errZeroRoot
	case steps == 0:
		return errNoSteps
	case steps > MaxPathSteps:
		return fmt.Errorf("path has %d steps; at most %d are allowed", steps, MaxPathSteps)
	case e.Age < 0:
		return errAge
	case len(e.Payload) == 0:
		return errPayload
	}
	switch {
	case e.Parent == e.ID:
		return errParent
	case e.IsRoot() && steps != 1:
		return errRoot
	case e.IsRoot() && e.Age != 0:
		return errRootAge
	case !e.IsRoot() && (e.Parent.IsZero() || steps == 1):
		return errNotRoot
	}
	return nil
}

func (e *Envelope) checkKey() error {
	if len(e.Key) > MaxKeyBytes || !utf8.ValidString(e.Key) {
		return CheckKey(e.Key)
	}
	return nil
}
