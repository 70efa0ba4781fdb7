package outbox

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"
)

// opened is a message that was read for one of its events. The others are often wanted next.
type opened struct {
	sequence uint64
	events   []fed
}

// event is the event of a number, which is not nil. The error is jetstream.ErrMsgNotFound if the
// stream does not have it any more.
func (o *opened) event(ctx context.Context, stream jetstream.Stream, number uint64) ([]byte, error) {
	if sequence := sequenceOf(number); o.sequence != sequence {
		m, err := stream.GetMsg(ctx, sequence)
		if err != nil {
			return nil, err
		}
		o.sequence, o.events = sequence, eventsOf(sequence, m.Subject, m.Data)
	}
	index := indexOf(number, len(o.events))
	if index < 0 {
		return nil, jetstream.ErrMsgNotFound
	}
	return append([]byte{}, o.events[index].message...), nil
}

// close lets the message go.
func (o *opened) close() { *o = opened{} }
