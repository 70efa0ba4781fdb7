package inlet

import (
	"errors"

	"leafmesh/mesh/internal/wire"
)

// parts puts events together that come in several parts. It keeps a few at a time: an exporter may
// send small events between the parts of a large one.
type parts struct {
	begun []part // in the order in which they began
}

type part struct {
	sequence uint64
	bytes    []byte
}

// maxBegun bounds the events that are not complete; each has at most wire.MaxMessageBytes.
const maxBegun = 16

// Errors of events in parts. What is dropped comes again on the next link.
var (
	errGap      = errors.New("a part of an event is missing")
	errTooLong  = errors.New("an event in parts is larger than the wire allows")
	errTooMany  = errors.New("more events come in parts at once than are taken: the oldest is dropped")
	errNoEvents = errors.New("a batch has more events, or an event names more handlers, than the wire allows")
)

// add takes what came of an event. It returns the whole event, or nil if more is to come. On an
// error an event is dropped: this one, or with errTooMany another. With errGap it comes again if
// the exporter is told so, after its last part.
func (p *parts) add(e *wire.BatchEvent) (message []byte, err error) {
	at := -1
	for i := range p.begun {
		if p.begun[i].sequence == e.Sequence {
			at = i
		}
	}
	switch {
	case at < 0 && e.From > 0:
		return nil, errGap
	case at < 0 && !e.More:
		return e.Message, nil
	case at < 0:
		if len(p.begun) == maxBegun {
			p.drop(0)
			err = errTooMany
		}
		p.begun = append(p.begun, part{sequence: e.Sequence})
		at = len(p.begun) - 1
	}
	whole := &p.begun[at].bytes
	if uint64(len(*whole)) != e.From {
		p.drop(at)
		return nil, errGap
	}
	if len(*whole)+len(e.Message) > wire.MaxMessageBytes {
		p.drop(at)
		return nil, errTooLong
	}
	*whole = append(*whole, e.Message...)
	if e.More {
		return nil, err
	}
	message = *whole
	p.drop(at)
	return message, err
}

func (p *parts) drop(at int) { p.begun = append(p.begun[:at], p.begun[at+1:]...) }

func (p *parts) clear() { p.begun = nil }
