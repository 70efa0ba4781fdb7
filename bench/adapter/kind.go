package adapter

import "leafmesh/mesh"

// Kind says how messages get from a publisher to a subscriber.
type Kind int

const (
	// Local hands messages over inside one node.
	Local Kind = iota
	// OneHop sends them over a link to one other node, at most once.
	OneHop
	// Durable keeps them in an outbox for each service, and its instances share them.
	Durable
	// Ordered is Durable with the order of each key.
	Ordered
)

func (k Kind) durable() bool { return k >= Durable }

// hops reports whether subscribers are nodes of their own.
func (k Kind) hops() bool { return k >= OneHop }

// key says which messages stay in order among each other, and with one instance. Without a durable
// import that is a topic. In an ordered one it is a topic and payload, as the suite orders by
// payload: so several instances get some. One that is not ordered spreads single messages.
func (k Kind) key(topic string, id, payload string) string {
	switch k {
	case Durable:
		return id
	case Ordered:
		return topic + " " + payload
	default:
		return topic
	}
}

// order is that of a durable import.
func (k Kind) order() mesh.Ordered {
	if k == Ordered {
		return mesh.OrderedByKey
	}
	return mesh.OrderedNo
}
