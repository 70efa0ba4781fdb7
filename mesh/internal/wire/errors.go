package wire

import (
	"errors"
	"fmt"
)

// Errors of decoding.
var (
	// ErrMalformed is every error of SplitContainer, DecodeEvent, DecodeStored, DecodePayload,
	// DecodeKey and SplitSubject. The text around it says what is wrong, and where.
	ErrMalformed = errors.New("malformed message")

	// ErrVersion says that a message has a version this node cannot read: its sender runs another
	// release. Such an error is ErrMalformed, too.
	ErrVersion = errors.New("unknown wire version")
)

// Errors of encoding.
var (
	// ErrInvalid is every error of AppendEvent and AppendPayload: the event breaks a rule of the
	// format, and every receiver would drop it. The text around it says which rule.
	ErrInvalid = errors.New("event cannot be encoded")

	// ErrTooLarge says that an event has more bytes than may be sent. Errors of this package that
	// say so are ErrInvalid, too.
	ErrTooLarge = errors.New("event is too large")
)

// Errors of keys, in both directions.
var (
	// ErrKeyTooLong says that a key has more than MaxKeyBytes bytes.
	ErrKeyTooLong = fmt.Errorf("key is longer than %d bytes", MaxKeyBytes)

	// ErrKeyNotUTF8 says that a key is not valid UTF-8. It is not repaired: two keys could then
	// become the same one.
	ErrKeyNotUTF8 = errors.New("key is not valid UTF-8")
)

// malformed makes an error that is ErrMalformed and whatever the arguments wrap.
func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrMalformed, fmt.Errorf(format, args...))
}

// excerptBytes is the most that an error shows of bytes somebody else sent: an error must not carry
// a megabyte into a log.
const excerptBytes = 64

// excerpt quotes s for an error, cut to excerptBytes.
func excerpt[T ~string | ~[]byte](s T) string {
	if len(s) <= excerptBytes {
		return fmt.Sprintf("%q", string(s))
	}
	return fmt.Sprintf("%q… (%d bytes)", string(s[:excerptBytes]), len(s))
}
