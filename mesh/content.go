package mesh

import (
	"bytes"
	"errors"
	"fmt"
	"sync"

	"leafmesh/mesh/internal/wire"
)

// content is an event's value on its way between Go types: encoded, as a Go
// value, or both. It is immutable but for the lazy encoding.
type content struct {
	value any // nil when the event came encoded

	encode  sync.Once
	payload []byte
	err     error
}

// encoded gives the CBOR of the value. It is made once.
func (c *content) encoded() ([]byte, error) {
	c.encode.Do(func() {
		if c.payload == nil && c.err == nil {
			c.payload, c.err = wire.AppendPayload(nil, c.value)
		}
	})
	return c.payload, c.err
}

// decodeContent gives the content as a T: the value itself if it is one, else
// by way of the wire's integer keys.
//
// scratch holds *T: what is decoded into escapes to the heap, and so is used
// again.
func decodeContent[T any](scratch *sync.Pool, c *content) (value T, err error) {
	if v, ok := c.value.(T); ok {
		return v, nil
	}
	payload, err := c.encoded()
	if err != nil {
		return value, err
	}
	decoded, _ := scratch.Get().(*T)
	if decoded == nil {
		decoded = new(T)
	}
	err = wire.DecodePayload(payload, decoded)
	value, *decoded = *decoded, value
	scratch.Put(decoded)
	return value, err
}

// decoder gives the function that makes a T of contents.
func decoder[T any]() func(*content) (T, error) {
	scratch := &sync.Pool{}
	return func(c *content) (T, error) { return decodeContent[T](scratch, c) }
}

// Any is the value of an event whose Go type the handler does not know. See
// [HandleAll].
type Any struct{ content *content }

// Value is the emitter's Go value, or nil if the event came over a link. It
// must not be changed.
func (a Any) Value() any { return a.content.value }

// Decode stores the value in what v points to, by way of the wire format.
func (a Any) Decode(v any) error {
	payload, err := a.content.encoded()
	if err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	if err := wire.DecodePayload(payload, v); err != nil {
		return fmt.Errorf("decode event into %T: %w", v, err)
	}
	return nil
}

// Payload is the value's CBOR. It must not be changed.
func (a Any) Payload() ([]byte, error) {
	payload, err := a.content.encoded()
	if err != nil {
		return nil, errors.Join(ErrNotWireSafe, err)
	}
	return payload, nil
}

// MarshalCBOR gives the payload as it is.
func (a Any) MarshalCBOR() ([]byte, error) { return a.Payload() }

// UnmarshalCBOR keeps a copy of the payload, undecoded.
func (a *Any) UnmarshalCBOR(payload []byte) error {
	a.content = &content{payload: bytes.Clone(payload)}
	return nil
}
