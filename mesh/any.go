package mesh

import (
	"bytes"
	"errors"
	"fmt"

	"leafmesh/mesh/internal/delivery"
	"leafmesh/mesh/internal/wire"
)

// ErrNotWireSafe says that a value cannot be encoded, or would arrive on another node as another
// one. Events that are exported or staged are refused for it, and in the codec check all events.
var ErrNotWireSafe = errors.New("mesh: event does not survive the wire")

// Any is the value of an event whose Go type the handler does not know. See [HandleAll].
type Any struct{ content *delivery.Content }

// Value is the emitter's Go value, or nil if the event came over a link. It must not be changed.
func (a Any) Value() any { return a.content.Value() }

// Decode stores the value in what v points to, by way of the wire format.
func (a Any) Decode(v any) error {
	payload, err := a.content.Payload()
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
	payload, err := a.content.Payload()
	if err != nil {
		return nil, errors.Join(ErrNotWireSafe, err)
	}
	return payload, nil
}

// MarshalCBOR returns the payload as it is.
func (a Any) MarshalCBOR() ([]byte, error) { return a.Payload() }

// UnmarshalCBOR keeps a copy of the payload, undecoded.
func (a *Any) UnmarshalCBOR(payload []byte) error {
	a.content = delivery.EncodedContent(bytes.Clone(payload), nil)
	return nil
}

// contentOf makes the content of a value for handlers of another Go type. The codec check
// encodes it at once.
func contentOf(codecCheck bool) func(value any, payload delivery.Payload) *delivery.Content {
	return func(value any, payload delivery.Payload) *delivery.Content {
		if a, ok := value.(Any); ok {
			return a.content // came encoded
		}
		switch {
		case !codecCheck:
			return delivery.ValueContent(value, payload)
		case payload != nil:
			return delivery.EncodedContent(payload, nil)
		}
		return delivery.EncodedContent(wire.AppendPayload(nil, value))
	}
}
