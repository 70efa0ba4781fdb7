package meshtest

import (
	"math/rand/v2"
	"net"
	"strconv"
	"sync/atomic"
	"testing"
)

// Ports are given out from lowestPort on and below endOfPorts. Systems give those from 32768 or
// 49152 on to outgoing connections, and to who listens at port 0.
const lowestPort, endOfPorts = 10000, 32000

// portsGiven counts the ports given out. It begins anywhere, as tests of several packages run at
// the same time.
var portsGiven atomic.Uint32

func init() { portsGiven.Store(rand.Uint32N(endOfPorts - lowestPort)) }

// FreeAddress returns a host:port on this machine at which nothing listens, another one each time.
// It is for what must be named before it listens, or listens again where it did: a daemon's file, a
// hub, a node that is opened once more. Who listens at port 0, or dials, in another test meanwhile
// does not get the port. A test ends if there is none.
func FreeAddress(t testing.TB) string {
	t.Helper()
	for range endOfPorts - lowestPort {
		port := lowestPort + int(portsGiven.Add(1)%(endOfPorts-lowestPort))
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		listener, err := net.Listen("tcp", address)
		if err != nil {
			continue // taken
		}
		if err := listener.Close(); err != nil {
			t.Fatalf("meshtest: free %s again: %v", address, err)
		}
		return address
	}
	t.Fatalf("meshtest: of the ports %d to %d none is free", lowestPort, endOfPorts-1)
	return ""
}
