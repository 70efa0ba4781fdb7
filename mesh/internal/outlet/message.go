package outlet

import (
	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/wire"
)

// AppendMessage appends the message of an event, whose value is encoded, to dst. steps are those of
// its path, see cause.Path.AppendSteps.
func AppendMessage(dst []byte, h *cause.Header, steps [][]byte, payload []byte) ([]byte, error) {
	return wire.AppendEnvelope(dst, &wire.Envelope{
		ID: wire.ID(h.ID), Root: wire.ID(h.Root), Parent: wire.ID(h.Parent),
		Time: h.At(), Waited: int64(h.Waited()), Key: h.Key, Path: steps, Payload: payload,
	})
}

// Message is the message of an event, whose value is encoded.
func Message(h *cause.Header, payload []byte) ([]byte, error) {
	return AppendMessage(nil, h, h.Lineage().AppendSteps(nil), payload)
}
