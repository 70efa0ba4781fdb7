package central

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const stream = "EVENTS"

// MakeStream waits for the server and makes the stream that everything goes through.
func MakeStream(ctx context.Context, url string, kept bool) error {
	connection, err := dial(ctx, url)
	if err != nil {
		return err
	}
	defer connection.Close()
	js, err := jetstream.New(connection)
	if err != nil {
		return err
	}
	config := jetstream.StreamConfig{Name: stream, Subjects: []string{"clue.>", "hunt.>", "score.>"}, Storage: jetstream.MemoryStorage}
	if kept {
		config.Storage = jetstream.FileStorage
	}
	if _, err := js.CreateStream(ctx, config); err != nil {
		return fmt.Errorf("make the stream: %w", err)
	}
	return nil
}

// dial connects as soon as the server listens.
func dial(ctx context.Context, url string) (*nats.Conn, error) {
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for {
		connection, err := nats.Connect(url)
		if err == nil {
			return connection, nil
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("connect to the bus: %w", err), context.Cause(ctx))
		}
	}
}
