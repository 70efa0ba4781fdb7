package outbox

import (
	"reflect"
	"slices"

	"leafmesh/mesh/internal/handout"
	"leafmesh/mesh/internal/wire"
)

// parcel is an event for a reader.
type parcel struct {
	shelf   *shelf
	nonce   wire.ID
	gift    handout.Gift
	message []byte // nil: it is to be read from the stream
	from    int    // how much of it was sent: it goes in parts
}

// room is how many bytes of a batch a parcel takes.
func (p *parcel) room() int { return p.overhead() + p.gift.Bytes }

func (p *parcel) overhead() int {
	n := eventRoom
	for _, name := range p.gift.Done {
		n += len(name) + 3
	}
	return n
}

// follows reports whether a parcel has to come after another: they have a key in common.
func (p *parcel) follows(other *parcel) bool {
	return p.shelf == other.shelf && p.gift.Key == other.gift.Key && p.gift.Key != ""
}

// outgoing is what is to be sent to a reader and was not yet. Events that are larger than a message
// go in parts, and small ones of other keys in between: so a large one holds up only its own key.
type outgoing struct {
	talk   []any    // messages that are no batch; they go first
	events []parcel // in order
	large  []parcel // each goes in parts, one after the other
	behind []parcel // of a key of a large one
	turn   bool     // of a large one
}

func (o *outgoing) isEmpty() bool {
	return len(o.talk)+len(o.events)+len(o.large)+len(o.behind) == 0
}

// say queues a message that is no batch, in place of one of its kind that is not sent yet: who asks
// again and again, over a link that takes nothing, costs no memory.
func (o *outgoing) say(talk any) {
	o.talk = slices.DeleteFunc(o.talk, func(t any) bool { return reflect.TypeOf(t) == reflect.TypeOf(talk) })
	o.talk = append(o.talk, talk)
}

// nextTalk takes the next message that is no batch; nil if there is none.
func (o *outgoing) nextTalk() (talk any) {
	if len(o.talk) > 0 {
		talk, o.talk = o.talk[0], o.talk[1:]
	}
	return talk
}

// nextPart is the large event of which a part goes next; nil if small ones do.
func (o *outgoing) nextPart(most int) *parcel {
	o.sort(most)
	o.turn = !o.turn && len(o.large) > 0
	if !o.turn && (len(o.events) > 0 || len(o.large) == 0) {
		return nil
	}
	return &o.large[0]
}

// nextBatch takes what fits into a batch: events of one type, in order.
func (o *outgoing) nextBatch(most int, into []parcel) []parcel {
	room := most - batchRoom
	for o.sort(most); len(o.events) > 0; o.sort(most) {
		p := &o.events[0]
		if len(into) == 0 {
			room -= len(p.shelf.kind.Subject)
		} else if first := &into[0]; first.shelf != p.shelf || first.nonce != p.nonce || len(into) == wire.MaxBatchEvents || p.room() > room {
			break
		}
		room -= p.room()
		into = append(into, *p)
		o.pop()
	}
	return into
}

// sort puts those first events apart that are too large for a batch, or have to come after such.
func (o *outgoing) sort(most int) {
	for len(o.events) > 0 {
		p := &o.events[0]
		switch {
		case slices.ContainsFunc(o.large, func(l parcel) bool { return p.follows(&l) }):
			o.behind = append(o.behind, *p)
		case batchRoom+len(p.shelf.kind.Subject)+p.room() > most:
			o.large = append(o.large, *p)
		default:
			return
		}
		o.pop()
	}
}

func (o *outgoing) pop() {
	o.events[0] = parcel{} // its message can go
	if o.events = o.events[1:]; len(o.events) == 0 {
		o.events = nil
	}
}

// endPart ends the large event of which a part went last. Those that came after it go on.
func (o *outgoing) endPart() {
	ended := o.large[0]
	o.large[0] = parcel{}
	o.large = o.large[1:]
	var free, behind []parcel
	for _, p := range o.behind {
		if p.follows(&ended) {
			free = append(free, p)
		} else {
			behind = append(behind, p)
		}
	}
	o.behind = behind
	o.events = append(free, o.events...)
}

// unsent gives the first event of each shelf that is still to be sent.
func (o *outgoing) unsent() (first []parcel) {
	for _, list := range [][]parcel{o.large, o.events} {
		for _, p := range list {
			if !slices.ContainsFunc(first, func(f parcel) bool { return f.shelf == p.shelf }) {
				first = append(first, p)
			}
		}
	}
	return first
}

// forget drops everything, and returns the events.
func (o *outgoing) forget() []parcel {
	events := slices.Concat(o.large, o.behind, o.events)
	*o = outgoing{}
	return events
}
