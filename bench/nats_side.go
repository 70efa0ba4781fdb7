package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// natsLocal is raw nats.go publish and subscribe through a server in the same
// process. Once encoded outside, the payload costs it nothing; typed encodes
// and decodes each event as a service would have to.
func natsLocal(typed bool) side {
	s := side{name: "raw NATS in process, encoded once", window: wideWindow}
	if typed {
		s.name = "raw NATS in process, typed"
	}
	s.open = func(ctx context.Context, handle func()) (carrier, error) {
		s, err := startServer(ctx, "server_name: local")
		if err != nil {
			return nil, err
		}
		c := &natsCarrier{servers: []*server.Server{s}}
		if err := c.connect(s, s, nil, nil); err != nil {
			return nil, errors.Join(err, c.close(ctx))
		}
		return c, c.subscribe(ctx, typed, handle)
	}
	return s
}

// startServer starts a server without a client port.
func startServer(ctx context.Context, config string) (*server.Server, error) {
	options := &server.Options{}
	if err := options.ProcessConfigString(config); err != nil {
		return nil, fmt.Errorf("configure NATS server: %w", err)
	}
	options.NoSigs, options.DontListen, options.NoLog = true, true, true
	s, err := server.NewServer(options)
	if err != nil {
		return nil, fmt.Errorf("make NATS server: %w", err)
	}
	s.Start()
	wait := 10 * time.Second
	if deadline, ok := ctx.Deadline(); ok {
		wait = min(wait, time.Until(deadline))
	}
	if !s.ReadyForConnections(wait) {
		s.Shutdown()
		return nil, fmt.Errorf("NATS server %s not ready within %v", s.Name(), wait)
	}
	return s, nil
}

// natsCarrier is a publisher and a subscriber, each on a connection of its own,
// to one server or to two that are linked.
type natsCarrier struct {
	servers  []*server.Server
	from, to *nats.Conn
	typed    bool
	payload  []byte
}

func (c *natsCarrier) connect(from, to *server.Server, fromUser, toUser nats.Option) (err error) {
	if c.from, err = connect(from, fromUser); err != nil {
		return err
	}
	c.to, err = connect(to, toUser)
	return err
}

func connect(s *server.Server, user nats.Option) (*nats.Conn, error) {
	options := []nats.Option{nats.InProcessServer(s)}
	if user != nil {
		options = append(options, user)
	}
	c, err := nats.Connect("", options...)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS server %s: %w", s.Name(), err)
	}
	return c, nil
}

// subscribe joins a queue group, as a shared import does.
func (c *natsCarrier) subscribe(ctx context.Context, typed bool, handle func()) error {
	c.typed, c.payload = typed, must(encoder.Marshal(&sample))
	_, err := c.to.QueueSubscribe(rawPattern, "score", func(m *nats.Msg) {
		if typed {
			var value answerJudged
			if err := decoder.Unmarshal(m.Data, &value); err != nil {
				panic(err) // we encoded it
			}
		}
		handle()
	})
	if err == nil {
		err = c.to.FlushWithContext(ctx)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("subscribe: %w", err), c.close(ctx))
	}
	return nil
}

func (c *natsCarrier) emit(_ context.Context, value *answerJudged) error {
	if !c.typed {
		return c.from.Publish(rawSubject, c.payload)
	}
	payload, err := encoder.Marshal(value)
	if err != nil {
		return err
	}
	return c.from.Publish(rawSubject, payload)
}

func (c *natsCarrier) close(context.Context) error {
	for _, connection := range []*nats.Conn{c.from, c.to} {
		if connection != nil {
			connection.Close()
		}
	}
	for _, s := range c.servers {
		s.Shutdown()
	}
	for _, s := range c.servers {
		s.WaitForShutdown()
	}
	return nil
}
