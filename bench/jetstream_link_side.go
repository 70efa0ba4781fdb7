package main

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// rawDurable is raw JetStream over a leaf link: published and stored at the exporter,
// taken by a pull consumer of the importer, and acknowledged one by one. Each event
// is encoded and decoded.
func rawDurable() side {
	return side{name: "raw JetStream over a leaf link, typed", open: func(ctx context.Context, handle func()) (carrier, error) {
		c := &jetstreamLinkCarrier{jetstreamCarrier: jetstreamCarrier{how: async}}
		if err := c.open(ctx); err != nil {
			return nil, err
		}
		if err := c.consume(ctx, handle); err != nil {
			return nil, errors.Join(err, c.close(ctx))
		}
		return c, nil
	}}
}

// jetstreamLinkCarrier owns the goroutine that takes what comes over the link.
type jetstreamLinkCarrier struct {
	jetstreamCarrier
	messages jetstream.MessagesContext
	taking   sync.WaitGroup
}

// consume takes and acknowledges, with the settings of a durable import.
func (c *jetstreamLinkCarrier) consume(ctx context.Context, handle func()) error {
	js, err := jetstream.NewWithDomain(c.to, "clue-1")
	if err != nil {
		return err
	}
	consumer, err := c.consumer(ctx, js)
	if err != nil {
		return fmt.Errorf("make a consumer: %w", err)
	}
	if c.messages, err = consumer.Messages(jetstream.PullMaxMessages(rawInFlight)); err != nil {
		return fmt.Errorf("pull: %w", err)
	}
	c.taking.Go(func() { // ends with close
		for {
			m, err := c.messages.Next()
			if err != nil {
				return
			}
			var value answerJudged
			if err := decoder.Unmarshal(m.Data(), &value); err != nil {
				panic(err) // we encoded it
			}
			handle()
			if err := m.Ack(); err != nil {
				return // the connection is closed
			}
		}
	})
	return nil
}

// consumer makes it as soon as the link carries requests.
func (c *jetstreamLinkCarrier) consumer(ctx context.Context, js jetstream.JetStream) (jetstream.Consumer, error) {
	for {
		consumer, err := js.CreateOrUpdateConsumer(ctx, rawStream, jetstream.ConsumerConfig{
			Durable: "score", FilterSubject: rawPattern, DeliverPolicy: jetstream.DeliverAllPolicy,
			AckPolicy: jetstream.AckExplicitPolicy, MaxAckPending: rawInFlight, MaxRequestBatch: rawInFlight,
		})
		if err == nil || ctx.Err() != nil || !errors.Is(err, nats.ErrNoResponders) && !errors.Is(err, jetstream.ErrNoStreamResponse) {
			return consumer, err
		}
	}
}

func (c *jetstreamLinkCarrier) close(ctx context.Context) error {
	if c.messages != nil {
		c.messages.Stop()
		c.taking.Wait()
	}
	return c.jetstreamCarrier.close(ctx)
}
