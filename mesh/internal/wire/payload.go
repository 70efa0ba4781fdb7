package wire

import (
	"bytes"
	"fmt"
	"sync"

	"github.com/fxamacker/cbor/v2"
)

// The codec of payloads, configured once and never changed. Both modes are safe for concurrent use.
var (
	payloadEncoder = newPayloadEncoder()
	payloadDecoder = newPayloadDecoder()
)

// newPayloadEncoder gives deterministic core encoding: shortest forms, sorted map keys, definite
// lengths. Tags are left out of the format: integers and strings do, and every tag is a way for two
// languages to disagree. A time is text (RFC 3339): the library's default, whole seconds, loses the
// fraction and the zone.
func newPayloadEncoder() cbor.UserBufferEncMode {
	options := cbor.CoreDetEncOptions()
	options.TagsMd = cbor.TagsForbidden
	options.Time = cbor.TimeRFC3339Nano
	mode, err := options.UserBufferEncMode()
	if err != nil {
		panic(fmt.Sprintf("wire: payload encoder: %v", err))
	}
	return mode
}

func newPayloadDecoder() cbor.DecMode {
	mode, err := cbor.DecOptions{
		DupMapKey:        cbor.DupMapKeyEnforcedAPF,
		MaxNestedLevels:  MaxNesting,
		MaxArrayElements: MaxArrayElements,
		MaxMapPairs:      MaxMapPairs,
		IndefLength:      cbor.IndefLengthForbidden,
		TagsMd:           cbor.TagsForbidden,
	}.DecMode()
	if err != nil {
		panic(fmt.Sprintf("wire: payload decoder: %v", err))
	}
	return mode
}

// encodeBuffers lends the library a bytes.Buffer around the caller's slice, so that a payload is
// encoded in place.
var encodeBuffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// AppendPayload appends the CBOR of v to dst. On an error dst is returned as it was. Errors are
// ErrInvalid: a value that CBOR cannot hold, or one that every receiver would refuse (over a limit,
// invalid UTF-8 in a string, nil, a cycle); and ErrTooLarge for one over MaxMessageBytes.
//
// A type's own MarshalCBOR that panics is an error like another: it must not end the process.
func AppendPayload(dst []byte, v any) ([]byte, error) { return appendPayload(dst, v, false) }

// EncodeFaithful is the CBOR of an event that handlers get on other nodes. Beside what
// AppendPayload refuses it refuses a value that would arrive as another one: docs/wire.md has the
// table. v points to the value, or the static type of one that is an any would be lost.
func EncodeFaithful(v any) ([]byte, error) {
	space := scratch.Get().(*[]byte) // to grow in: what is kept has its own length
	defer scratch.Put(space)
	encoded, err := appendPayload((*space)[:0], v, true)
	if err != nil {
		return nil, err
	}
	if cap(encoded) <= maxScratch {
		*space = encoded
	}
	return bytes.Clone(encoded), nil
}

// scratch lends slices to encode in. A larger one than maxScratch is rare, and is not kept.
var scratch = sync.Pool{New: func() any { return new([]byte) }}

const maxScratch = 64 << 10

func appendPayload(dst []byte, v any, faithful bool) (_ []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: payload %T: panic: %v", ErrInvalid, v, p)
		}
	}()
	if err := checkValue(v, faithful); err != nil {
		return dst, fmt.Errorf("%w: payload %T: %w", ErrInvalid, v, err)
	}
	start := len(dst)
	buffer := encodeBuffers.Get().(*bytes.Buffer)
	*buffer = *bytes.NewBuffer(dst)
	err = payloadEncoder.MarshalToBuffer(v, buffer)
	out := buffer.Bytes()
	*buffer = bytes.Buffer{}
	encodeBuffers.Put(buffer)
	if err != nil {
		return dst, fmt.Errorf("%w: payload %T: %w", ErrInvalid, v, err)
	}
	if err := checkPayload(out[start:]); err != nil {
		return dst, fmt.Errorf("%w: payload %T: %w", ErrInvalid, v, err)
	}
	return out, nil
}

// DecodePayload decodes one payload into v, a pointer to a zero value: fields absent from the
// payload stay as they are. Unknown fields are skipped. It refuses duplicate map keys, indefinite
// lengths, tags, invalid UTF-8 in a string that it decodes, null as the whole payload, anything
// after the payload, and whatever is over a limit. Errors are ErrMalformed.
//
// In an any a map whose keys are all text is a map[string]any, and another one a map[any]any. An
// integer is an int64, or a uint64 above that.
//
// v shares no memory with payload. The most that a payload costs is 112 bytes for each of its own
// when decoded into any (empty maps in arrays; see TestHostileMemory), and the size of the Go
// struct for each of its own when v holds slices of structs.
//
// A type's own UnmarshalCBOR that panics is an error like another.
func DecodePayload(payload []byte, v any) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = malformed("payload as %T: panic: %v", v, p)
		}
	}()
	if len(payload) > MaxMessageBytes {
		return malformed("payload has %d bytes; at most %d are allowed", len(payload), MaxMessageBytes)
	}
	if err := refuseNull(payload); err != nil {
		return malformed("payload: %w", err)
	}
	if err := CheckLengths(payload); err != nil {
		return malformed("payload as %T: %w", v, err)
	}
	if err := payloadDecoder.Unmarshal(payload, v); err != nil {
		return malformed("payload as %T: %w", v, err)
	}
	tidy(v)
	return nil
}
