package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/handout"
	"leafmesh/mesh/internal/wire"
)

const (
	// maxBatchBytes is the largest message that is made of several events. With larger ones more
	// waits for a slow link, and nothing goes faster.
	maxBatchBytes = 128 << 10
	// batchRoom and eventRoom are what a batch takes beside its type and events, and an event
	// beside its message and handlers, at most.
	batchRoom = 64
	eventRoom = 40
)

// parcel is what is sent to a reader: an event, or a message that is no batch.
type parcel struct {
	talk    any
	shelf   *shelf
	nonce   wire.ID
	gift    handout.Gift
	message []byte // nil: it is to be read from the stream
}

// room is how many bytes of a batch a parcel takes.
func (p *parcel) room() int { return p.overhead() + len(p.message) }

func (p *parcel) overhead() int {
	n := eventRoom
	for _, name := range p.gift.Done {
		n += len(name) + 3
	}
	return n
}

// deliver sends what is queued, until nothing is. A slow link holds up this goroutine alone.
func (r *reader) deliver() {
	for {
		r.mu.Lock()
		queue, limit := r.queue, r.limit
		r.queue = nil
		if len(queue) == 0 {
			r.sending = false
			r.mu.Unlock()
			return
		}
		r.mu.Unlock()
		b := batch{reader: r, most: min(limit, maxBatchBytes), limit: limit}
		for i := range queue {
			b.add(&queue[i])
			queue[i] = parcel{} // its message can go
		}
		b.flush()
	}
}

// batch is what is being made of the parcels to a reader.
type batch struct {
	reader      *reader
	most, limit int
	wire.Batch
	bytes int
}

// add puts a parcel into the batch, and sends the batch when it is full.
func (b *batch) add(p *parcel) {
	if p.talk != nil {
		b.flush()
		b.reader.say(p.talk, b.limit)
		return
	}
	if b.reader.library.ctx.Err() != nil {
		return // it was not given: the file says that it waits
	}
	if p.message == nil && !p.load(b.reader) {
		return
	}
	if len(p.message) > b.limit {
		b.reader.put(oversize{p.shelf, p.gift.Sequence, len(p.message)}, 0)
		return
	}
	if p.overhead() > b.most/4 {
		p.gift.Done = nil // then these handlers run once more
	}
	if len(b.Events) > 0 && (b.Type != p.shelf.kind.Subject || b.Nonce != p.nonce ||
		len(b.Events) == wire.MaxBatchEvents || b.bytes+p.room() > b.most) {
		b.flush()
	}
	if len(b.Events) == 0 {
		b.Type, b.Nonce = p.shelf.kind.Subject, p.nonce
		b.bytes = batchRoom + len(b.Type)
	}
	for part := b.most - b.bytes - p.overhead(); len(p.message) > part; {
		b.append(p, p.message[:part], true)
		p.message = p.message[part:]
		b.flush()
	}
	b.append(p, p.message, false)
}

func (b *batch) append(p *parcel, message []byte, more bool) {
	b.Events = append(b.Events, wire.BatchEvent{
		Sequence: p.gift.Sequence,
		Tries:    uint64(p.gift.Tries),
		Done:     p.gift.Done,
		Message:  message,
		More:     more,
	})
	b.bytes += p.overhead() + len(message)
}

// flush sends the batch, if anything is in it. Its type and nonce stay, for parts that follow.
func (b *batch) flush() {
	if len(b.Events) == 0 {
		return
	}
	b.reader.say(&b.Batch, b.limit)
	b.Events, b.bytes = b.Events[:0], batchRoom+len(b.Type)
}

// say sends a message. A reader that it does not reach has gone, until it says hello anew.
func (r *reader) say(talk any, limit int) {
	message, err := wire.EncodeTalk(talk)
	if err == nil && len(message) > limit {
		// It would close the link.
		err = fmt.Errorf("%T has %d bytes, and the reader takes %d: raise its max_payload", talk, len(message), limit)
	}
	if err == nil {
		err = r.library.outbox.config.Send(r.name, message)
	}
	if err != nil {
		r.library.log.Rarely("a reader of the outbox can not be reached", "reader", r.name, "error", err)
		r.put(departed{}, 0)
	}
}

// loadAgain is the pause before the stream is asked again.
const loadAgain = 50 * time.Millisecond

// load reads an event from the stream, and reports whether there is one. While the stream does not
// answer, as when its files are read anew, it waits.
func (p *parcel) load(r *reader) bool {
	l := r.library
	for l.ctx.Err() == nil {
		ctx, cancel := context.WithTimeout(l.ctx, l.outbox.config.tuning.answerTimeout)
		m, err := l.outbox.stream.GetMsg(ctx, p.gift.Sequence)
		cancel()
		switch {
		case err == nil:
			p.message = eventOf(m.Data)
			if p.message == nil {
				p.message = []byte{}
			}
			return true
		case errors.Is(err, jetstream.ErrMsgNotFound):
			r.put(missing{p.shelf, p.gift.Sequence}, 0)
			return false
		}
		clock.Sleep(l.ctx, loadAgain)
	}
	return false
}
