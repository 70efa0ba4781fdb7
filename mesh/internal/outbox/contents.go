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

// eventsOf are the events of a stored message. What cannot be read is one event: its readers say
// what is wrong, and keep it as a dead letter. The events share the message's memory.
func eventsOf(sequence uint64, subject string, message []byte) []fed {
	events, err := wire.SplitStored(message, nil)
	if err != nil {
		events = [][]byte{message}
	}
	all := make([]fed, len(events))
	for i, event := range events {
		_, key, ok := wire.Label(event)
		if !ok && len(events) == 1 {
			_, key = typeOf(subject)
		}
		all[i] = fed{handout.Entry{Sequence: numberOf(sequence, i, len(events)), Key: key, Bytes: len(event)}, event}
	}
	return all
}

// rememberAtOnce is how many messages are read at once.
const rememberAtOnce = 512

// learn reads which ids were stored lately, while readers are served already. Nothing is stored
// before.
func (o *Outbox) learn() {
	l := o.library
	for l.ctx.Err() == nil {
		err := o.remember(l.ctx, o.sender.known)
		if err == nil {
			close(o.sender.ready)
			return
		}
		if l.ctx.Err() == nil {
			l.log.Warn("the outbox cannot read the ids of what was stored lately", "error", err)
		}
		clock.Sleep(l.ctx, openAgain)
	}
}

// remember makes known the ids of the events that were stored lately.
func (o *Outbox) remember(ctx context.Context, k *known) error {
	if o.stream.CachedInfo().State.Msgs == 0 {
		return nil
	}
	since := time.Now().Add(-o.config.Duplicates)
	consumer, err := o.stream.CreateConsumer(ctx, jetstream.ConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartTimePolicy,
		OptStartTime:  &since,
		AckPolicy:     jetstream.AckNonePolicy,
		MemoryStorage: true,
	})
	if err != nil {
		return fmt.Errorf("read what was stored lately: %w", err)
	}
	err = o.readIDs(ctx, consumer, k)
	if gone := o.stream.DeleteConsumer(ctx, consumer.CachedInfo().Name); !errors.Is(gone, jetstream.ErrConsumerNotFound) {
		err = errors.Join(err, gone)
	}
	if err != nil {
		return fmt.Errorf("read what was stored lately: %w", err)
	}
	return nil
}

func (o *Outbox) readIDs(ctx context.Context, consumer jetstream.Consumer, k *known) error {
	now := o.config.Clock.Now()
	var events [][]byte
	for more := true; more; {
		batch, err := consumer.FetchNoWait(rememberAtOnce)
		if err != nil {
			return err
		}
		more = false
		for m := range batch.Messages() {
			more = true
			if events, err = wire.SplitStored(m.Data(), events[:0]); err != nil {
				continue // its readers say what is wrong
			}
			for _, event := range events {
				if id, _, ok := wire.Label(event); ok {
					k.add(id, now)
				}
			}
		}
		if err := batch.Error(); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return clock.EndOf(ctx)
		}
	}
	return nil
}
