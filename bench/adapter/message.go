package adapter

import (
	"bytes"
	"crypto/sha256"
	"maps"

	"github.com/ThreeDotsLabs/watermill/message"

	"leafmesh/mesh"
)

// published is a message that was published to a topic. One event type carries all topics: what a
// node exports and imports is fixed when it opens, and topics come up later.
type published struct {
	Topic    string            `cbor:"1,keyasint"`
	UUID     string            `cbor:"2,keyasint"`
	Metadata map[string]string `cbor:"3,keyasint"`
	Payload  []byte            `cbor:"4,keyasint"`
	Key      string            `cbor:"5,keyasint"`
}

var messagePublished = mesh.NewEvent("bus.message.published", mesh.Key(func(p published) string { return p.Key }))

// newPublished copies the message: an event is immutable, and the publisher may go on using its
// own.
func newPublished(kind Kind, topic string, m *message.Message) published {
	return published{
		Topic: topic, UUID: m.UUID, Metadata: maps.Clone(m.Metadata), Payload: bytes.Clone(m.Payload),
		Key: kind.key(topic, m.UUID, string(m.Payload)),
	}
}

// id follows from topic and UUID, so that a message that is published again, after an uncertain
// answer, makes no second event. The UUID alone would not do: a copy may go to several topics.
func (p *published) id() (id mesh.ID) {
	sum := sha256.Sum256([]byte(p.Topic + " " + p.UUID))
	copy(id[:], sum[:])
	return id
}

// message makes a message for one delivery. It is a copy, as subscribers may change theirs.
func (p *published) message() *message.Message {
	m := message.NewMessage(p.UUID, bytes.Clone(p.Payload))
	m.Metadata = maps.Clone(p.Metadata)
	return m
}
