package leaf

import (
	"maps"
	"time"
)

// traffic is what a connection has carried, in bytes.
type traffic struct {
	read         int64 // by this end
	acknowledged int64 // by the other end's system
}

// traffic is that of the connections to some addresses. Where the system does not tell there is
// none.
func (s *sockets) traffic(addresses []string) map[string]traffic {
	carried := map[string]traffic{}
	for _, address := range addresses {
		var t traffic
		conn, other := s.at(address)
		known := conn != nil
		if known {
			t, known = trafficOf(conn)
		} else {
			t, known = other.traffic()
		}
		if known {
			carried[address] = t
		}
	}
	return carried
}

// findAgain is how often sockets are looked for that were not found: those of several nodes in one
// process never are.
const findAgain = 5 * time.Second

// find looks for the sockets of links that are not known yet, and forgets all that lead elsewhere.
// It is for the goroutine that watches links.
func (s *sockets) find(addresses []string, now time.Time) {
	unknown, found := map[string]bool{}, map[string]descriptor{}
	isNew := false
	for _, address := range addresses {
		switch conn, other := s.at(address); {
		case conn != nil:
		case other.isOpen():
			found[address] = other
		default:
			unknown[address] = true
			isNew = isNew || !s.sought[address]
		}
	}
	if isNew || len(unknown) > 0 && now.Sub(s.soughtAt) > findAgain {
		maps.Copy(found, descriptors(unknown))
		s.soughtAt = now
	}
	s.sought = unknown
	s.mu.Lock()
	defer s.mu.Unlock()
	s.found = found
}
