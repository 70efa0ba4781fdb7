package delivery

import (
	"sync"

	"leafmesh/mesh/internal/wire"
)

// Payload is the CBOR of an event's value. An outlet of an exported type takes its events as
// payloads, because they are encoded where they are emitted.
type Payload []byte

// PayloadOf gives a content's payload: see [Spec].From.
func PayloadOf(c *Content) (Payload, error) { return c.Payload() }

// Content is an event's value on its way between Go types: encoded, as a Go value, or both. It is
// immutable but for the lazy encoding.
type Content struct {
	value any // nil when the event came encoded

	encode  sync.Once
	payload []byte
	err     error
}

// ValueContent is the content of a Go value, with its payload if it was encoded before, or nil.
func ValueContent(value any, payload Payload) *Content {
	return &Content{value: value, payload: payload}
}

// EncodedContent is the content of a value that came encoded, or could not be.
func EncodedContent(payload []byte, err error) *Content { return &Content{payload: payload, err: err} }

// Value is the Go value, or nil if the event came encoded.
func (c *Content) Value() any { return c.value }

// Payload is the CBOR of the value. It is made once.
func (c *Content) Payload() ([]byte, error) {
	c.encode.Do(func() {
		if c.payload == nil && c.err == nil {
			c.payload, c.err = wire.AppendPayload(nil, c.value)
		}
	})
	return c.payload, c.err
}

// Decoder returns the function that makes a T of contents: the value itself if it is one, else by
// way of the wire's integer keys.
func Decoder[T any]() func(*Content) (T, error) {
	scratch := &sync.Pool{} // of *T: what is decoded into escapes to the heap, and so is used again
	return func(c *Content) (value T, err error) {
		if v, ok := c.value.(T); ok {
			return v, nil
		}
		payload, err := c.Payload()
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
}
