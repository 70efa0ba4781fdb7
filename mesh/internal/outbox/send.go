package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/wire"
)

const (
	// maxBatchBytes is the largest message that is made of several events. With larger ones more
	// waits for a slow link, and nothing goes faster.
	maxBatchBytes = 128 << 10
	// batchRoom and eventRoom are what a batch takes beside its type and events, and an event
	// beside its message and handlers, at most.
	batchRoom = 64
	eventRoom = 48
)

// deliver sends what is queued, until nothing is. A slow link holds up this goroutine alone.
func (r *reader) deliver() {
	b := batch{reader: r}
	for {
		var work work
		switch work, b.parcels = r.next(b.parcels[:0]); work.kind {
		case workEnded:
			return
		case workWaits:
			select {
			case <-r.moved:
			case <-r.library.ctx.Done():
			}
		case workLies:
			select {
			case <-r.moved:
			case <-time.After(lookForRoom):
			case <-r.library.ctx.Done():
			}
		case workTalk:
			r.say(work.talk, work.limit)
		case workBatch:
			b.send(&work)
		case workPart:
			r.sendPart(&b, &work)
		}
	}
}

// lookForRoom is how often it is looked whether a reader's system has taken something.
const lookForRoom = 10 * time.Millisecond

// work is what a sender does next.
type work struct {
	kind        workKind
	talk        any
	part        parcel
	most, limit int // of a batch, and of any message, in bytes
	forgotten   int // of the reader
}

type workKind uint8

const (
	workEnded workKind = iota // there is none
	workWaits                 // until the reader says that it has more
	workLies                  // until the reader's system has what it says that it has
	workTalk
	workBatch // of the parcels
	workPart  // of a large event
)

// next takes what is to be done next. Events for a batch come in place of those given.
func (r *reader) next(into []parcel) (work, []parcel) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := work{limit: r.limit, forgotten: r.forgotten}
	w.most = min(w.limit, r.pace.most())
	if w.talk = r.out.nextTalk(); w.talk != nil {
		w.kind = workTalk
		return w, into
	}
	if r.library.ctx.Err() != nil {
		r.out.forget() // the file says that they wait
	}
	switch {
	case r.out.isEmpty():
		r.loaded.close()
		r.sending = false
	case !r.pace.allows():
		w.kind = workWaits
	case !r.library.outbox.config.HasRoom(r.name):
		w.kind = workLies
	default:
		if part := r.out.nextPart(w.most); part != nil {
			w.kind, w.part = workPart, *part
			break
		}
		w.kind, into = workBatch, r.out.nextBatch(w.most, into)
	}
	return w, into
}

// batch is what is being made of parcels to a reader.
type batch struct {
	reader  *reader
	parcels []parcel
	wire.Batch
	bytes int
	short []byte // events of Batch; a former array of it may hold some, too
}

// send sends the parcels as a batch.
func (b *batch) send(w *work) {
	for i := range b.parcels {
		p := &b.parcels[i]
		if p.message == nil && !p.load(b.reader) {
			continue
		}
		b.add(p, w, b.shorten(p.message), false)
		*p = parcel{} // its message can go
	}
	b.flush(w.limit)
}

// shorten returns the form of an event that the reader gets, valid until the batch is sent.
func (b *batch) shorten(event []byte) []byte {
	shorten := b.reader.library.outbox.config.Shorten
	if shorten == nil {
		return event
	}
	appended, ok := shorten(b.reader.name, b.short, event)
	if !ok {
		return event
	}
	from := len(b.short)
	b.short = appended
	return b.short[from:]
}

// sendPart sends a part of a large event, if the reader takes one as large.
func (r *reader) sendPart(b *batch, w *work) {
	p := &w.part
	switch {
	case p.message == nil && !p.load(r):
		r.endPart(w, true)
		return
	case p.from == 0 && len(p.message) > w.limit:
		r.put(oversize{p.shelf, p.gift.Sequence, len(p.message)}, 0)
		r.endPart(w, true)
		return
	}
	room := max(1, w.most-batchRoom-len(p.shelf.kind.Subject)-min(p.overhead(), w.most/4+eventRoom))
	part := p.message[p.from:]
	part = part[:min(room, len(part))]
	more := p.from+len(part) < len(p.message)
	b.add(p, w, part, more)
	p.from += len(part)
	b.flush(w.limit)
	r.endPart(w, !more)
}

// endPart notes that a part went, unless all was dropped meanwhile.
func (r *reader) endPart(w *work, last bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.forgotten != w.forgotten || len(r.out.large) == 0:
	case last:
		r.out.endPart()
	default:
		r.out.large[0] = w.part
	}
}

// add puts an event into the batch, or a part of it.
func (b *batch) add(p *parcel, w *work, message []byte, more bool) {
	if p.overhead() > w.most/4 {
		p.gift.Done = nil // then these handlers run once more
	}
	b.Type, b.Nonce = p.shelf.kind.Subject, p.nonce
	b.Events = append(b.Events, wire.BatchEvent{
		Sequence: p.gift.Sequence,
		Tries:    uint64(p.gift.Tries),
		Done:     p.gift.Done,
		Message:  message,
		More:     more,
		From:     uint64(p.from),
	})
	b.bytes += p.overhead() + len(message)
}

// flush sends the batch, if anything is in it.
func (b *batch) flush(limit int) {
	if len(b.Events) == 0 {
		return
	}
	r := b.reader
	r.mu.Lock()
	b.Number = r.pace.sent(batchRoom+len(b.Type)+b.bytes, r.library.now())
	r.mu.Unlock()
	r.say(&b.Batch, limit)
	clear(b.Events) // their messages can go
	b.Events, b.bytes, b.short = b.Events[:0], 0, b.short[:0]
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
		r.library.log.Warn("a reader of the outbox cannot be reached", "peer", r.name, "error", err)
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
		event, err := r.loaded.event(ctx, l.outbox.stream, p.gift.Sequence)
		cancel()
		switch {
		case err == nil:
			p.message = event
			return true
		case errors.Is(err, jetstream.ErrMsgNotFound):
			r.put(missing{p.shelf, p.gift.Sequence}, 0)
			return false
		}
		clock.Sleep(l.ctx, loadAgain)
	}
	return false
}
