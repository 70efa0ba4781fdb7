package adapter

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/ThreeDotsLabs/watermill/message"

	"leafmesh/mesh"
)

// ErrClosed is returned by a publisher or a subscriber that was closed.
var ErrClosed = errors.New("adapter: closed")

// Publisher emits messages on the node of its bus.
type Publisher struct {
	bus    *Bus
	closed atomic.Bool
}

var _ message.Publisher = (*Publisher)(nil)

// Publish emits the messages in order and returns when all are admitted; those of a durable bus are
// stored then. An error is about the first message that is not, and those behind it were not tried.
// Publishing all again makes no second event of what was stored.
func (p *Publisher) Publish(topic string, messages ...*message.Message) error {
	for _, m := range messages {
		if p.closed.Load() {
			return ErrClosed
		}
		event := newPublished(p.bus.kind, topic, m)
		ctx := mesh.WithID(p.bus.node.Load().Context(context.Background()), event.id())
		if err := messagePublished.Emit(ctx, event); err != nil {
			return fmt.Errorf("publish message %s: %w", m.UUID, err)
		}
	}
	return nil
}

// Close ends the publisher. The bus goes on.
func (p *Publisher) Close() error {
	p.closed.Store(true)
	return nil
}
