package leaf

import "testing"

// For hub_test.go, which needs packages that import this one.

// Patience is how long tests wait for what has to come.
const Patience = patience

// Peer is a spec for tests, and the node's public key.
func Peer(t *testing.T, name string) (s Spec, public string) {
	s, n := spec(t, name)
	return s, n.public
}

// Eventually waits for a condition that announces itself by nothing.
func Eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	eventually(t, what, ok)
}

// Rogue dials a server with a seed, says the lines of the leaf protocol, and returns what it heard
// up to the answer to a ping, which comes after all that the lines caused, or up to the end of the
// link.
type Rogue struct{ r *rogue }

// NewRogue dials a plain link and logs in.
func NewRogue(t *testing.T, address, seed, name string) Rogue {
	t.Helper()
	r := Rogue{greet(t, dialTCP(t, address), seed)}
	r.r.sign(t, name)
	return r
}

// Say says lines, and returns what it heard up to the answer to a ping.
func (r Rogue) Say(t *testing.T, lines ...string) string {
	t.Helper()
	for _, line := range lines {
		r.r.send(t, "%s", line)
	}
	return r.r.sync(t)
}

// Last says a line after which the link ends, and returns the rest.
func (r Rogue) Last(t *testing.T, line string) string {
	t.Helper()
	r.r.send(t, "%s", line)
	return r.r.closed(t)
}
