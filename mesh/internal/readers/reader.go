package readers

import "sync/atomic"

// Line is the way to a reader. Its methods are safe for concurrent use.
type Line interface {
	// Peer is the reader's name.
	Peer() string
	// Link reports whether the link is up.
	Link() (number uint64, up bool)
	// Hears reports whether the link is up and the reader listens to the subject.
	Hears(subject string) bool
	// Publish sends a message, which may be changed afterwards.
	Publish(subject string, message []byte) error
	// HasRoom reports whether the reader's system has all but so many bytes of what was published,
	// as far as that is known.
	HasRoom(bytes int64) bool
	// AfterHeard calls f once all was heard that the reader said up to now. It does not wait. If
	// something of that was lost on the way, f may not be called, nor after an error.
	AfterHeard(f func()) error
}

// Reader is an instance that reads the events of one type. What is not said to be safe is for the
// goroutine that sends the events.
type Reader struct {
	// Name is the instance's.
	Name string
	// WithheldAt is when it was said last that events over its limits are not sent to it; owned by
	// the goroutine that sends the events.
	WithheldAt int64

	line        Line
	service, on string // on: the subject that its events are sent on
	each        bool
	hash        uint64
	leave       func()                 // takes it out of the audience; safe for concurrent use
	largest     atomic.Int64           // the largest message that it takes, in bytes
	limits      atomic.Pointer[limits] // of its import; nil: none
	flight      *flight                // of the instance
	lexicon     *lexicon               // of the instance
	weight      weight
	*counts
}

// counts are of the events that a process was sent, over all its links.
type counts struct {
	run   uint64 // names them among all of readers that had its name
	sent  atomic.Uint64
	told  atomic.Uint64 // of sent: what the reader said that it has taken
	taken atomic.Uint64 // the same, with what was lost over links that are gone
}

// Largest is the largest message that the reader takes, in bytes.
func (r *Reader) Largest() int { return int(r.largest.Load()) }

// Hears reports whether the reader's link is up.
func (r *Reader) Hears() bool { return r.line.Hears(r.on) }

// Send sends a message that has so many events, see [wire.Container].
func (r *Reader) Send(message []byte, events int) error {
	r.sent.Add(uint64(events))
	r.weigh(len(message))
	return r.line.Publish(r.on, message)
}

// HasRoom reports whether the reader may be sent more: it does not lag behind by more than
// flightBytes, neither by what it says nor by what its system has. It may wait for that a moment.
func (r *Reader) HasRoom() bool { return r.flight.hasRoom(r.line) }

// Place is what a message begins with that is sent next: see [wire.AppendPlace].
func (r *Reader) Place() (run, before uint64) { return r.run, r.sent.Load() }

// onItsWay is how many events were sent that the reader has not said to have taken.
func (r *Reader) onItsWay() uint64 { return r.sent.Load() - min(r.taken.Load(), r.sent.Load()) }
