package letters

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/sealed"
	"leafmesh/mesh/internal/wire"
)

// Letter is an event that a handler gave up.
type Letter struct {
	ID      [16]byte  // of the event; never zero
	Handler string    // the handler's name; at most MaxHandlerBytes
	Peer    string    // the node whose outbox it came from
	Subject string    // the event's type
	Tries   int       // how often the handler was called
	Error   string    // of the last try; Put cuts it to MaxErrorBytes
	At      time.Time // when it was given up; in UTC, to the nanosecond, when read
	Message []byte    // the event as it came on the wire
}

// Summary is a letter without its event.
type Summary struct {
	Key     Key
	ID      [16]byte
	Handler string
	Peer    string
	Subject string
	Tries   int
	Error   string
	At      time.Time
	Bytes   int // of Message
	Origin
}

// Origin is how a letter's event came about: the root of its cascade, the steps from there to it,
// each "node:subject", and the event's key. It is read from the event, and zero if that cannot be
// read.
type Origin struct {
	Root     [16]byte
	Path     []string
	EventKey string
}

// origin reads where the event came from.
func (l *Letter) origin() (o Origin) {
	var e wire.Envelope
	if err := wire.DecodeStored(l.Message, &e); err != nil {
		return o
	}
	o.Root, o.EventKey = e.Root, e.Key
	for _, step := range e.Path {
		o.Path = append(o.Path, string(step))
	}
	return o
}

// What a letter may hold, in bytes.
const (
	MaxHandlerBytes = config.MaxHandlerBytes
	MaxErrorBytes   = 4096

	// maxMessageBytes is more than a message has: what cannot be read may be as long, and is kept
	// too.
	maxMessageBytes = wire.MaxMessageBytes + 16
)

// format of the files. Beside the event there is room for the other fields.
var format = sealed.Format{
	Kind: "dead letter", Version: 1, Max: wire.MaxMessageBytes + 16<<10,
	Remedy: "restore it from a backup, or drop it, or move it away; its event is then lost",
}

// Key names a letter: the event's id and a hash of the handler's name. One event
// can be given up by several handlers, each with a letter of its own.
type Key string

const (
	idDigits      = 32
	handlerDigits = 16 // 64 bits: two handlers of one node do not share a hash by chance
	ending        = ".letter"
)

// KeyOf gives the key of an event's letter for a handler.
func KeyOf(id [16]byte, handler string) Key {
	sum := sha256.Sum256([]byte(handler))
	return Key(hex.EncodeToString(id[:]) + "-" + hex.EncodeToString(sum[:])[:handlerDigits])
}

// Key gives the letter's key.
func (l Letter) Key() Key { return KeyOf(l.ID, l.Handler) }

// valid reports whether a key has the form that KeyOf gives. Others may come from
// outside, and a key becomes a file name.
func (k Key) valid() bool {
	id, handler, _ := strings.Cut(string(k), "-")
	return lowerHex(id, idDigits) && lowerHex(handler, handlerDigits)
}

func lowerHex(s string, digits int) bool {
	return len(s) == digits && strings.Trim(s, "0123456789abcdef") == ""
}

// summary is all but the event.
func (l *Letter) summary() Summary {
	return Summary{Key: l.Key(), ID: l.ID, Handler: l.Handler, Peer: l.Peer, Subject: l.Subject,
		Tries: l.Tries, Error: l.Error, At: l.At, Bytes: len(l.Message), Origin: l.origin()}
}

// stored is a letter as its file holds it.
type stored struct {
	ID      []byte `cbor:"1,keyasint"`
	Handler string `cbor:"2,keyasint"`
	Peer    string `cbor:"3,keyasint"`
	Subject string `cbor:"4,keyasint"`
	Tries   int    `cbor:"5,keyasint"`
	Error   string `cbor:"6,keyasint"`
	At      int64  `cbor:"7,keyasint"` // nanoseconds since 1970-01-01 UTC
	Message []byte `cbor:"8,keyasint"`
}

// pack makes a letter ready to be written. The handler's error may be any text
// and is mended; all else comes from this program and is refused if it is wrong.
func (l *Letter) pack() (stored, error) {
	s := stored{ID: l.ID[:], Handler: l.Handler, Peer: l.Peer, Subject: l.Subject, Tries: l.Tries,
		Error: strings.ToValidUTF8(l.Error[:min(len(l.Error), MaxErrorBytes)], "?"), At: l.At.UnixNano(), Message: l.Message}
	return s, s.check()
}

// headBytes is what a file has at most beside names, error and event.
const headBytes = 192

// bytes is how large the file will be, at most.
func (s *stored) bytes() int64 {
	return int64(headBytes + len(s.Handler) + len(s.Peer) + len(s.Subject) + len(s.Error) + len(s.Message))
}

func (s *stored) unpack() (Letter, error) {
	if err := s.check(); err != nil {
		return Letter{}, err
	}
	return Letter{ID: [16]byte(s.ID), Handler: s.Handler, Peer: s.Peer, Subject: s.Subject, Tries: s.Tries,
		Error: s.Error, At: time.Unix(0, s.At).UTC(), Message: s.Message}, nil
}

var (
	errID   = errors.New("it has no event id")
	errText = errors.New("a name in it is not valid UTF-8")
)

// check reports what cannot be in a letter. Writing and reading share it.
func (s *stored) check() error {
	switch {
	case len(s.ID) != 16 || [16]byte(s.ID) == [16]byte{}:
		return errID
	case len(s.Handler) > MaxHandlerBytes:
		return fmt.Errorf("the handler's name has %d bytes; at most %d are allowed", len(s.Handler), MaxHandlerBytes)
	case len(s.Peer) > wire.MaxNodeBytes:
		return fmt.Errorf("the peer's name has %d bytes; at most %d are allowed", len(s.Peer), wire.MaxNodeBytes)
	case len(s.Subject) > wire.MaxSubjectBytes:
		return fmt.Errorf("the subject has %d bytes; at most %d are allowed", len(s.Subject), wire.MaxSubjectBytes)
	case len(s.Error) > MaxErrorBytes: // mending never makes it longer
		return fmt.Errorf("the error has %d bytes; at most %d are allowed", len(s.Error), MaxErrorBytes)
	case len(s.Message) > maxMessageBytes:
		return fmt.Errorf("the event has %d bytes; at most %d are allowed", len(s.Message), maxMessageBytes)
	case !utf8.ValidString(s.Handler) || !utf8.ValidString(s.Peer) || !utf8.ValidString(s.Subject):
		return errText // it could be written, and not be read again
	}
	return nil
}

// errorTextBytes bounds what a letter says of an error.
const errorTextBytes = 1024

// ErrorText is what a letter can hold of an error: cut to 1024 bytes, and valid UTF-8
// as the wire wants it. It goes by way of fmt, which survives an Error method that
// panics, as that of a nil pointer in an error does.
func ErrorText(err error) string {
	text := fmt.Sprint(err)
	if len(text) > errorTextBytes {
		text = text[:errorTextBytes]
	}
	return strings.ToValidUTF8(text, "?")
}
