package inlet

import "fmt"

// Room is how large a message to an exporter may be, in bytes; 0 if it has not welcomed this node
// on the link that is there. The nil Set has none.
func (s *Set) Room(exporter string) int {
	t := s.talkWith(exporter)
	if t == nil {
		return 0
	}
	if _, up := t.to().Link(); !up {
		return 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.greeting.answered {
		return 0
	}
	return t.room
}

// Send sends an exporter that has room a message of the talk, which is encoded.
func (s *Set) Send(exporter string, message []byte) error {
	t := s.talkWith(exporter)
	if t == nil {
		return fmt.Errorf("nothing is imported from %s any more", exporter)
	}
	return t.to().Say(message)
}

// Expects reports whether an exporter should be there: something is imported from it. The nil Set
// expects nobody.
func (s *Set) Expects(exporter string) bool { return s.talkWith(exporter) != nil }
