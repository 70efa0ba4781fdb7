package outlet

import (
	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/wire"
)

// AppendEvent appends an event, whose value is encoded, to dst: see wire.AppendEvent. steps are
// those of its path, see cause.Path.AppendSteps.
func AppendEvent(dst []byte, h *cause.Header, steps [][]byte, payload []byte) ([]byte, error) {
	e := envelopeOf(h, payload)
	e.Path = steps
	return wire.AppendEvent(dst, &e)
}

// appendShort is AppendEvent for readers that know the event's path by a number.
func appendShort(dst []byte, h *cause.Header, number uint64, payload []byte) ([]byte, error) {
	e := envelopeOf(h, payload)
	return wire.AppendShort(dst, &e, wire.Index(number), h.Depth()+1)
}

// envelopeOf is an event's envelope without its path.
func envelopeOf(h *cause.Header, payload []byte) wire.Envelope {
	return wire.Envelope{ID: wire.ID(h.ID), Root: wire.ID(h.Root), Parent: wire.ID(h.Parent), Time: h.At(), Age: h.Age(), Key: h.Key, Payload: payload}
}

// Event is an event, whose value is encoded, as it stands in a message.
func Event(h *cause.Header, payload []byte) ([]byte, error) {
	return AppendEvent(nil, h, h.Lineage().AppendSteps(nil), payload)
}

// Message is the message of a single event, whose value is encoded.
func Message(h *cause.Header, payload []byte) ([]byte, error) {
	event, err := Event(h, payload)
	if err != nil {
		return nil, err
	}
	return wire.AppendContainer(make([]byte, 0, wire.ContainerSize(len(event))), event), nil
}
