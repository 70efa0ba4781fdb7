package outbox

import (
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Stats is what an outbox holds. All that was stored before At is in it.
type Stats struct {
	// At is when the look began: at Open, and then once a second.
	At time.Time
	// Identity is the stream's, see Identity.
	Identity string
	// Events and Bytes are in the stream, among them some that were taken: each
	// is kept for Config.Duplicates, unless the stream is more than half full.
	Events, Bytes uint64
	// First and Last are the sequences of the stream's messages, of which each has one or more
	// events. First is above Last if it is empty.
	First, Last uint64
	// Lost are messages that were stored and could not be read any more, since the outbox was
	// opened.
	Lost uint64
	// OldestAt is when the oldest message was stored that a service has to take yet;
	// zero if there is none.
	OldestAt time.Time
	// Malformed and Stray are what readers said and nobody could use: it was not understood, or
	// came from somebody who may not say it, or too late. Unbelieved are answers for events that
	// the reader did not have. All since the outbox was opened.
	Malformed, Stray, Unbelieved uint64
	// Readers has an element for each type and service that Config names, in that order.
	Readers []Reader
}

// Reader is a service that takes the messages of a type.
type Reader struct {
	Service, Subject string
	// Exists: an instance of the service has come, now or in former times.
	Exists bool
	// Pending wait to be given out, also while the service is absent. Unacked are under way: an
	// instance has them, and has not answered. Aside wait for a retry, with so many bytes.
	Pending                    uint64
	Unacked, Aside, AsideBytes int
	// Redelivered were given out again, and Lost were given up: more waited than the service's
	// Bound lets, none of its instances takes events so large, or the stream has them no more; both
	// since the outbox was opened.
	Redelivered, Lost uint64
}

// Stats is what the last look found, at most about a second ago. It asks nobody.
func (o *Outbox) Stats() Stats { return *o.trimmer.stats.Load() }

// publish makes the statistics known, and whether the oldest message is too old.
func (t *trimmer) publish(s *Stats, info *jetstream.StreamInfo) {
	s.Identity = t.mark.Identity
	s.Bytes = info.State.Bytes
	s.First, s.Last = info.State.FirstSeq, info.State.LastSeq
	s.Lost = t.lost
	l := t.outbox.library
	s.Malformed, s.Stray, s.Unbelieved = l.malformed.Load(), l.stray.Load(), l.unbelieved.Load()
	t.stats.Store(s)
	limit := t.outbox.config.MaxAge
	t.outbox.overAge.Store(limit > 0 && !s.OldestAt.IsZero() && waitedFor(t.opened, time.Since(t.opened), s.OldestAt, t.oldestIsNew) > limit)
}
