package wire

import "fmt"

// fields is how many elements an event's array has, and firstByte the head of that array.
const (
	fields    = 8
	firstByte = byte(majorArray)<<5 | fields
)

// AppendEvent appends the event of e to dst, as it stands in a container. On an error dst is
// returned as it was. Errors are ErrInvalid, for a bad key ErrKeyTooLong or ErrKeyNotUTF8, too.
// That e.Payload is well-formed is AppendPayload's work, and is not checked again.
//
// It is written by hand because docs/decisions/0002-cbor.md found it several times as fast as the
// library's way. It allocates only where dst is too small.
func AppendEvent(dst []byte, e *Envelope) ([]byte, error) {
	if err := e.check(); err != nil {
		return dst, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	start := len(dst)
	out := append(dst, firstByte)
	out = appendString(out, majorBytes, e.ID[:])
	out = appendString(out, majorBytes, e.Root[:])
	if e.Parent.IsZero() {
		out = append(out, nullItem)
	} else {
		out = appendString(out, majorBytes, e.Parent[:])
	}
	out = appendInt(out, e.Time)
	out = appendHead(out, majorUint, uint64(e.Age))
	out = appendString(out, majorText, e.Key)
	out = appendHead(out, majorArray, uint64(len(e.Path)))
	for _, step := range e.Path {
		out = appendString(out, majorText, step)
	}
	out = appendHead(out, majorBytes, uint64(len(e.Payload)))
	if size := len(out) - start + len(e.Payload); size > MaxEventBytes {
		return dst, fmt.Errorf("%w: %w: it has %d bytes; at most %d are allowed", ErrInvalid, ErrTooLarge, size, MaxEventBytes)
	}
	return append(out, e.Payload...), nil
}

// appendString appends a byte or text string.
func appendString[T ~string | ~[]byte](dst []byte, m major, content T) []byte {
	return append(appendHead(dst, m, uint64(len(content))), content...)
}
