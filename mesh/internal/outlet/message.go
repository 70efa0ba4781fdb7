package outlet

import (
	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/wire"
)

// AppendMessage appends the message of an event, whose value is encoded, to dst. steps are those of
// its path, see cause.Path.AppendSteps.
func AppendMessage(dst []byte, h *cause.Header, steps [][]byte, payload []byte) ([]byte, error) {
	e := wire.Envelope{ID: wire.ID(h.ID), Root: wire.ID(h.Root), Parent: wire.ID(h.Parent), Key: h.Key, Path: steps, Payload: payload}
	e.SetAge(h.At(), h.Age())
	return wire.AppendEnvelope(dst, &e)
}

// Message is the message of an event, whose value is encoded.
func Message(h *cause.Header, payload []byte) ([]byte, error) {
	return AppendMessage(nil, h, h.Lineage().AppendSteps(nil), payload)
}
