package outbox

import (
	"context"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"

	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/handout"
	"leafmesh/mesh/internal/wire"
)

const (
	// maxGroupBytes bounds a message of several events. With larger ones nothing goes faster.
	maxGroupBytes = 32 << 10
	// groupToken is the last word of the messages' subject. It is no key's token: a message has
	// events of many keys, and so the server need not remember each key that ever was.
	groupToken = "+"
	// totalHeader is the header that tells how many events of the type were stored so far, those of
	// the message included. So of any two messages it is known how many events lie between them.
	totalHeader = "Leafmesh-Total"
)

// Pending is events that are stored together, as one message: all of them or none.
type Pending struct {
	done  chan struct{} // closed when err is known
	err   error         // read after done
	first *Pending      // the event on its way of which this is a copy; nil: it is none

	contents        // gone when it is known what became of it: it may be waited for long after
	turn     uint64 // in which it was sent, see sender.turn
}

// contents are the events of a message. They are used again for another one.
type contents struct {
	message wire.Container
	ids     [][16]byte
	entries []handout.Entry // without their numbers
}

func (c *contents) reset() {
	c.message.Reset()
	clear(c.entries) // their keys can go
	c.ids, c.entries = c.ids[:0], c.entries[:0]
}

// Wait returns when the event is stored: nil, also if it was stored before under the same id.
// Errors: ErrFull and ErrDisk (it is not stored); ErrUncertain, also when ctx ends first, for by
// then the event may have been sent; both ErrDisk and ErrUncertain when a write failed. It may be
// called more than once and by several goroutines.
func (p *Pending) Wait(ctx context.Context) error {
	if p.first != nil {
		return p.first.Wait(ctx)
	}
	select {
	case <-p.done:
		return p.err
	default:
	}
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrUncertain, clock.EndOf(ctx))
	}
}

// tell says what became of it.
func (p *Pending) tell(err error) {
	p.err = err
	close(p.done)
}

// settled is a Pending of which it is known what became of it.
func settled(err error) *Pending {
	p := &Pending{done: make(chan struct{})}
	p.tell(err)
	return p
}

var storedBefore = settled(nil)

// IsCopy reports whether the outbox has an event of the same id already, stored or on its way: this
// one is not kept beside it.
func (p *Pending) IsCopy() bool { return p == storedBefore || p.first != nil }

// hasRoom reports whether one more event of so many bytes fits in. The first always does.
func (c *contents) hasRoom(event int) bool {
	return c.message.Len() == 0 || c.message.Len() < wire.MaxContainerEvents && c.message.SizeWith(event) <= maxGroupBytes
}

// bytes are those of the events alone.
func (c *contents) bytes() (sum int) {
	for _, e := range c.entries {
		sum += e.Bytes
	}
	return sum
}

func (c *contents) add(id [16]byte, key string, event []byte) {
	c.message.Add(event)
	c.ids = append(c.ids, id)
	c.entries = append(c.entries, handout.Entry{Key: key, Bytes: len(event)})
}

// natsMessage is the message that is published; total counts its events, too.
func (c *contents) natsMessage(subject, reply string, total uint64) *nats.Msg {
	return &nats.Msg{
		Subject: subject,
		Reply:   reply,
		Header:  nats.Header{totalHeader: {strconv.FormatUint(total, 10)}},
		Data:    c.message.Bytes(),
	}
}

// feds are the events as a tail keeps them, now that they are stored as a message. Those that are
// large are left out: a tail reads them from the stream.
func (c *contents) feds(sequence uint64) []fed {
	events, err := wire.SplitContainer(c.message.Bytes(), make([][]byte, 0, len(c.entries)))
	if err != nil || len(events) != len(c.entries) {
		return nil // it would be a fault of the container
	}
	all := make([]fed, len(events))
	for i, e := range c.entries {
		e.Sequence = numberOf(sequence, i, len(events))
		all[i].Entry = e
		if len(events[i]) <= maxTailMessage {
			all[i].message = append([]byte{}, events[i]...) // alone: it may outlive the others
		}
	}
	return all
}
