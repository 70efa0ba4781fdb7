package central

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"log"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"leafmesh/bench/story/cascade"
	"leafmesh/bench/story/part"
	"leafmesh/services/store"
)

const (
	// unacknowledged is how many messages a consumer may hold: 16 workers with 256 messages each.
	// The default is 1,000.
	unacknowledged = 4096
	// waiting is how many messages wait for a worker; more wait in the client.
	waiting = 256
)

type service struct {
	part.Assignment
	account    *cascade.Account
	connection *nats.Conn
	js         jetstream.JetStream
	db         *store.DB // nil without state
	consuming  []jetstream.ConsumeContext
}

// Open makes a service at the bus.
func Open(ctx context.Context, a part.Assignment, account *cascade.Account) (part.Side, error) {
	s := &service{Assignment: a, account: account}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(err, s.Close(ctx))
	}
	return s, nil
}

func (s *service) open(ctx context.Context) (err error) {
	if s.Line.State {
		if s.db, err = cascade.OpenState(s.Folder, s.Service); err != nil {
			return err
		}
	}
	if s.connection, err = dial(ctx, s.BusURL); err != nil {
		return err
	}
	if s.js, err = jetstream.New(s.connection); err != nil {
		return err
	}
	for _, h := range cascade.Of(s.Service) {
		if h.Bad && s.BadRoot < 0 {
			continue
		}
		if err := s.consume(ctx, h); err != nil {
			return fmt.Errorf("consume for handler %s: %w", h.Name, err)
		}
	}
	return nil
}

// consume gives the messages of a handler to its workers, by team.
func (s *service) consume(ctx context.Context, h cascade.Handler) error {
	consumer, err := s.js.CreateOrUpdateConsumer(ctx, stream, jetstream.ConsumerConfig{
		Durable: s.Service + "-" + h.Name, FilterSubject: h.On + ".*", AckPolicy: jetstream.AckExplicitPolicy, MaxAckPending: unacknowledged,
	})
	if err != nil {
		return err
	}
	workers := make([]chan jetstream.Msg, cascade.Workers)
	for i := range workers {
		workers[i] = make(chan jetstream.Msg, waiting)
		go s.work(context.WithoutCancel(ctx), h, workers[i])
	}
	seed := maphash.MakeSeed()
	consuming, err := consumer.Consume(func(m jetstream.Msg) {
		workers[maphash.String(seed, m.Subject())%cascade.Workers] <- m
	})
	if err != nil {
		return err
	}
	s.consuming = append(s.consuming, consuming)
	return nil
}

// work handles one message after the other, until the process ends. A message that fails comes
// again when the server has waited 30 s for its acknowledgement.
func (s *service) work(ctx context.Context, h cascade.Handler, messages <-chan jetstream.Msg) {
	for m := range messages {
		if err := s.handle(ctx, h, m); err != nil {
			log.Printf("%s: handler %s, message on %s: %v", s.Service, h.Name, m.Subject(), err)
		}
	}
}

func (s *service) handle(ctx context.Context, h cascade.Handler, m jetstream.Msg) error {
	var f cascade.Fact
	if err := json.Unmarshal(m.Data(), &f); err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	if h.Bad {
		return s.misbehave(ctx, h, f, m)
	}
	if s.db != nil && h.Work != nil {
		begun := time.Now()
		if err := h.Work(ctx, s.db, f, func(*store.Tx) error { return nil }); err != nil {
			return err
		}
		s.account.Worked(begun)
	}
	for n, subject := range h.Follows {
		if err := s.publish(ctx, subject, h.Next(f, n)); err != nil {
			return err
		}
	}
	if err := m.Ack(); err != nil {
		return fmt.Errorf("acknowledge: %w", err)
	}
	if h.Effect {
		s.account.Effect(f.Root)
	}
	return nil
}

// misbehave multiplies what comes of the bad root.
func (s *service) misbehave(ctx context.Context, h cascade.Handler, f cascade.Fact, m jetstream.Msg) error {
	if int64(f.Root) == s.BadRoot {
		s.account.Rogue()
		for n, subject := range h.Follows {
			if err := s.publish(ctx, subject, h.Next(f, n)); err != nil {
				return err
			}
		}
	}
	if err := m.Ack(); err != nil {
		return fmt.Errorf("acknowledge: %w", err)
	}
	return nil
}

// publish waits for the answer of the stream.
func (s *service) publish(ctx context.Context, subject string, f cascade.Fact) error {
	data, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	var options []jetstream.PublishOpt
	if s.Line.Kept {
		options = append(options, jetstream.WithMsgID(fmt.Sprintf("%s/%s/%d/%d", subject, f.Clue, f.Root, f.Number)))
	}
	if _, err := s.js.Publish(ctx, subject+"."+f.Team, data, options...); err != nil {
		return fmt.Errorf("publish %s: %w", subject, err)
	}
	return nil
}

// Emit publishes a root.
func (s *service) Emit(ctx context.Context, f cascade.Fact) error {
	if err := s.publish(ctx, cascade.Submitted, f); err != nil {
		log.Printf("%s: request for root %d: %v", s.Service, f.Root, err)
		return err
	}
	return nil
}

// Losses names nothing: nobody counts them.
func (s *service) Losses() []string { return nil }

// Close ends at once: what is under way is the stream's.
func (s *service) Close(context.Context) error {
	for _, c := range s.consuming {
		c.Stop()
	}
	if s.connection != nil {
		s.connection.Close()
	}
	if s.db != nil {
		return s.db.Close()
	}
	return nil
}
