package adapter

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"leafmesh/mesh"
)

const (
	workers = 16
	// queued is how many messages may wait in memory for each worker: more than the suite publishes
	// before it subscribes, as Publish waits while a queue is full.
	queued = 16384
	// elsewhere is when a durable message comes again for which nobody here has subscribed.
	elsewhere = 50 * time.Millisecond
)

var errNacked = errors.New("the subscriber said nack")

// Subscriber hands messages to those who subscribe to their topics. On a bus with a hop it is a
// node of its own, which starts with the first subscription.
type Subscriber struct {
	bus     *Bus
	service string
	desk    desk

	mu   sync.Mutex // held while the node starts
	node *mesh.Node
	seat *seat

	end    sync.Once
	ended  error
	closed chan struct{} // when it begins to close
}

var (
	_ message.Subscriber           = (*Subscriber)(nil)
	_ message.SubscribeInitializer = (*Subscriber)(nil)
)

func newSubscriber(b *Bus, service string) *Subscriber {
	return &Subscriber{bus: b, service: service, desk: desk{topics: map[string]*topic{}}, closed: make(chan struct{})}
}

// SubscribeInitialize sees to it that messages published from now on arrive. What is kept for the
// service, and what stays on the node, does so anyway; a link of another kind must be up.
func (s *Subscriber) SubscribeInitialize(string) error {
	if s.bus.kind.durable() {
		return nil
	}
	return s.start()
}

// Subscribe gives the messages of a topic, until ctx ends or the subscriber closes; then the
// channel is closed. Of several subscriptions to one topic the newest gets the messages.
func (s *Subscriber) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	subscribed, ok := s.desk.subscribe(topic)
	if !ok {
		return nil, ErrClosed
	}
	if err := s.start(); err != nil {
		subscribed.end()
		return nil, err
	}
	context.AfterFunc(ctx, subscribed.end)
	return subscribed.out, nil
}

// start opens the node and waits for its link, unless that is done or there is no hop.
func (s *Subscriber) start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.closed:
		return ErrClosed
	default:
	}
	if s.node != nil || !s.bus.kind.hops() {
		return nil
	}
	seat, err := s.bus.take(s.service)
	if err != nil {
		return err
	}
	s.seat = seat
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	node, err := mesh.Open(ctx, s.config())
	if err != nil {
		return fmt.Errorf("open node %s: %w", seat.name, err)
	}
	s.node = node
	if err := node.Ready(ctx); err != nil {
		return fmt.Errorf("link node %s: %w", seat.name, err)
	}
	return nil
}

func (s *Subscriber) config() mesh.Config {
	imports := messagePublished.Import(mesh.Limit{}, mesh.Shared)
	c := mesh.Config{
		Name: s.seat.name, Seed: s.seat.seed, Logger: s.bus.logger,
		Peers:    []mesh.Peer{{Name: s.bus.config.Name, URL: "nats-leaf://" + s.bus.config.Listen, Key: s.bus.key}},
		Handlers: []mesh.Handler{s.handler()},
	}
	if s.bus.kind.durable() {
		c.Data = mesh.Path(filepath.Join(filepath.Dir(string(s.bus.config.Data)), s.seat.name))
		imports.Durable, imports.Ordered = true, s.bus.kind.order()
		imports.Redelivery = mesh.Redelivery{Tries: 1000, After: 10 * time.Millisecond, Max: 100 * time.Millisecond}
	}
	c.Imports = []mesh.Import{imports}
	return c
}

// handler tries a durable message once: the outbox has it come again.
func (s *Subscriber) handler() mesh.Handler {
	retry := mesh.Retry{Tries: 10000, FirstPause: 10 * time.Millisecond, LongestPause: 100 * time.Millisecond}
	if s.bus.kind.durable() {
		retry = mesh.Retry{Tries: 1}
	}
	return messagePublished.Handle("hand over", s.handOver, mesh.Workers(workers), mesh.Queue(queued), retry)
}

// handOver gives a message to a subscription and waits for its ack.
func (s *Subscriber) handOver(ctx context.Context, p published) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // the message's context ends when it was answered
	m := p.message()
	m.SetContext(ctx)
	taken, err := s.offer(ctx, p.Topic, m)
	if err != nil {
		return err
	}
	select {
	case <-m.Acked():
		return nil
	case <-m.Nacked():
		return errNacked
	case <-s.closed:
		return s.givenBack()
	case <-taken.ended:
		return mesh.NotNow(0)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// offer waits for a subscription that takes the message. A durable one that nobody has subscribed
// to here goes back meanwhile, so that others pass.
func (s *Subscriber) offer(ctx context.Context, topic string, m *message.Message) (*subscription, error) {
	for {
		newest, changed := s.desk.newest(topic)
		switch {
		case newest != nil:
			if newest.send(ctx, m, changed) {
				return newest, nil
			}
		case s.bus.kind.durable():
			return nil, mesh.NotNow(elsewhere)
		default:
			select {
			case <-changed:
			case <-s.closed:
			case <-ctx.Done():
			}
		}
		select {
		case <-s.closed:
			return nil, s.givenBack()
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		default:
		}
	}
}

// givenBack is what becomes of a message that a closing subscriber has not answered. A durable one
// goes back to the outbox. One in memory has nowhere to go, and is counted as failed.
func (s *Subscriber) givenBack() error {
	if s.bus.kind.durable() {
		return mesh.NotNow(0)
	}
	return mesh.Final(ErrClosed)
}

// Close ends all subscriptions, and the node with them. It may be called more than once.
func (s *Subscriber) Close() error {
	s.end.Do(func() {
		close(s.closed)
		s.desk.close()
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.node != nil {
			s.ended = closeNode(s.node)
		}
		s.bus.leave(s, s.seat)
	})
	return s.ended
}
