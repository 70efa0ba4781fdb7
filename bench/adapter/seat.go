package adapter

import (
	"fmt"

	"github.com/nats-io/nkeys"

	"leafmesh/mesh"
)

// seatsOfService bounds how many instances a service has at a time. The suite, in its short form,
// has ten and the one that a test begins with; one takes a closing one's place.
const seatsOfService = 16

// seat is the identity of an instance: the bus knows all that may come when it opens.
type seat struct {
	name, key string
	seed      mesh.Secret
}

func newSeat(name string) (*seat, error) {
	pair, err := nkeys.CreateUser()
	if err != nil {
		return nil, fmt.Errorf("make a key for %s: %w", name, err)
	}
	key, err := pair.PublicKey()
	if err != nil {
		return nil, fmt.Errorf("make a key for %s: %w", name, err)
	}
	seed, err := pair.Seed()
	if err != nil {
		return nil, fmt.Errorf("make a key for %s: %w", name, err)
	}
	return &seat{name: name, key: key, seed: mesh.NewSecret(string(seed))}, nil
}
