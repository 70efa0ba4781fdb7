package outbox

import (
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Stats is what an outbox holds, as it was at At.
type Stats struct {
	// At is when it was looked at: at Open, and then once a second.
	At time.Time
	// Identity is the stream's, see Identity.
	Identity string
	// Messages and Bytes are in the stream, among them some that were taken: each
	// is kept for Config.Duplicates, unless the stream is more than half full.
	Messages, Bytes uint64
	// First and Last are the stream's sequences. First is above Last if it is empty.
	First, Last uint64
	// Lost were stored and could not be read any more, since the outbox was opened.
	Lost uint64
	// OldestAt is when the oldest message was stored that a service has to take yet;
	// zero if there is none.
	OldestAt time.Time
	// Readers has an element for each type and service that Config names, in that order.
	Readers []Reader
}

// Reader is a service that takes the messages of a type.
type Reader struct {
	Service, Subject string
	// Exists: the service has made its consumer. Everything is kept until then.
	Exists bool
	// Pending were not delivered yet, Unacked were and are not acknowledged; of
	// these, Redelivered were delivered more than once.
	Pending              uint64
	Unacked, Redelivered int
}

// Stats is what the last look found, at most about a second ago. It asks nobody.
func (o *Outbox) Stats() Stats { return *o.trimmer.stats.Load() }

// publish makes the statistics known, and whether the oldest message is too old.
func (t *trimmer) publish(s *Stats, info *jetstream.StreamInfo) {
	s.At, s.Identity = time.Now(), t.mark.Identity
	s.Messages, s.Bytes = info.State.Msgs, info.State.Bytes
	s.First, s.Last = info.State.FirstSeq, info.State.LastSeq
	s.Lost = t.lost
	t.stats.Store(s)
	limit := t.outbox.config.MaxAge
	t.outbox.overAge.Store(limit > 0 && !s.OldestAt.IsZero() && s.At.Sub(s.OldestAt) > limit)
}
