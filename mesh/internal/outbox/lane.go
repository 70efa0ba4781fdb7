package outbox

import (
	"strings"

	"leafmesh/mesh/internal/wire"
)

// lane is the way of one type's events into the stream. At most one message of it is under way:
// events that come meanwhile wait for its answer in any case, and become one message then. So
// nothing waits for more to come, and the busier the disk is, the more events share a write.
//
// The sender's lock guards it, but for what is not changed.
type lane struct {
	subject string  // of all its messages; not changed
	inbox   string  // what the reply subjects begin with; not changed
	tail    *tail   // not changed
	loads   []*load // of services with a bound; not changed

	open    *Pending      // what waits to be sent; nil: nothing
	sent    *Pending      // under way; nil: nothing
	doubt   *Pending      // of which no answer came; nil: none. Nothing is sent meanwhile
	leaves  chan struct{} // closed when open is sent, or ended
	number  uint64        // of the message that was sent last
	last    uint64        // the sequence of the newest message
	total   uint64        // how many events were ever stored
	removed uint64        // how many of them are not in the stream any more
	spare   contents      // to be used again
}

// typeOf splits the subject of an event into that of its type, and the key.
func typeOf(subject string) (kind, key string) {
	end := strings.LastIndexByte(subject, '.')
	if end < 0 {
		return subject, ""
	}
	// A key that cannot be read is no reason to hold an event back: its readers say what is wrong.
	key, _ = wire.DecodeKey(subject[end+1:])
	return subject[:end], key
}

// take takes out what waits to be sent.
func (l *lane) take() *Pending {
	p := l.open
	if p != nil {
		l.open = nil
		close(l.leaves)
	}
	return p
}
