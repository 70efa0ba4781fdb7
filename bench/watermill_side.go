package main

import (
	"context"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/gochannel"
)

// goChannel is watermill's in-process Pub/Sub with bytes that were encoded once,
// outside, and one constant message id: neither encoding nor ids are counted
// against it. With ordered, Publish waits for each ack, as it must for events of
// one key to stay in order; without, every message has a goroutine of its own
// and order is lost.
func goChannel(ordered bool) side {
	s := side{name: "watermill gochannel, unordered", window: queueSize}
	if ordered {
		s = side{name: "watermill gochannel, ordered"}
	}
	s.open = func(ctx context.Context, handle func()) (carrier, error) {
		bus := gochannel.NewGoChannel(gochannel.Config{
			OutputChannelBuffer: queueSize, BlockPublishUntilSubscriberAck: ordered,
		}, watermill.NopLogger{})
		messages, err := bus.Subscribe(ctx, eventSubject)
		if err != nil {
			return nil, err
		}
		c := watermillCarrier{bus: bus, payload: must(encoder.Marshal(&sample)), done: make(chan struct{})}
		go func() { // ends with close
			defer close(c.done)
			for m := range messages {
				handle()
				m.Ack()
			}
		}()
		return c, nil
	}
	return s
}

type watermillCarrier struct {
	bus     *gochannel.GoChannel
	payload []byte
	done    chan struct{}
}

func (c watermillCarrier) emit(context.Context, *answerJudged) error {
	return c.bus.Publish(eventSubject, message.NewMessage(sample.Attempt, c.payload))
}

func (c watermillCarrier) close(context.Context) error {
	err := c.bus.Close()
	<-c.done
	return err
}
