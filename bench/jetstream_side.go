package main

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// envelopeBytes is what the sample takes on the wire with its envelope.
	envelopeBytes = 195
	// rawInFlight is how many events a consumer may hold, as a durable import does.
	rawInFlight = 512
	rawStream   = "OUTBOX"
	// rawPatience is how long the client waits for an answer of JetStream.
	rawPatience = 10 * time.Second
)

// publishing is a way to publish many events to JetStream.
type publishing string

const (
	async      publishing = "PublishAsync"           // one goroutine, up to 4,000 unanswered
	concurrent publishing = "Publish, 64 goroutines" // each waits for its answer
)

// rawStored is raw JetStream in process, into a stream as leafmesh makes it. Each
// event has a message id. It takes bytes that were encoded once, outside: size of
// them, or 0 for those of the payload.
func rawStored(how publishing, size int) side {
	s := side{name: "raw JetStream, " + string(how)}
	payload := must(encoder.Marshal(&sample))
	if size > 0 {
		s.name += ", envelope's bytes"
		payload = append(payload, make([]byte, size-len(payload))...)
	}
	s.open = func(ctx context.Context, handle func()) (carrier, error) {
		c := &jetstreamCarrier{natsCarrier: natsCarrier{payload: payload}, how: how, stored: handle}
		return c, c.open(ctx)
	}
	return s
}

// jetstreamCarrier publishes to a stream on the first of two servers that are linked.
type jetstreamCarrier struct {
	natsCarrier
	how    publishing
	stored func() // told of each event that is stored, or nil
	js     jetstream.JetStream
	dir    string
	lost   atomic.Pointer[error]
	last   atomic.Uint64 // message id
}

func (c *jetstreamCarrier) open(ctx context.Context) (err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, c.close(ctx))
		}
	}()
	if c.dir, err = os.MkdirTemp("", "bench-jetstream"); err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	if err := c.link(ctx, c.dir); err != nil {
		return err
	}
	failed := func(_ jetstream.JetStream, _ *nats.Msg, err error) { c.lost.Store(&err) }
	if c.js, err = jetstream.New(c.from, jetstream.WithPublishAsyncErrHandler(failed)); err != nil {
		return err
	}
	_, err = c.js.CreateStream(ctx, jetstream.StreamConfig{
		Name: rawStream, Subjects: []string{rawPattern}, Storage: jetstream.FileStorage, Retention: jetstream.LimitsPolicy,
		Discard: jetstream.DiscardNew, MaxBytes: 1 << 30, MaxMsgs: 1_000_000, Duplicates: 2 * time.Minute, DenyDelete: true,
	})
	return err
}

// messageID is one of as many bytes as leafmesh's.
func (c *jetstreamCarrier) messageID() jetstream.PublishOpt {
	var id [16]byte
	binary.BigEndian.PutUint64(id[8:], c.last.Add(1))
	return jetstream.WithMsgID(hex.EncodeToString(id[:]))
}

// encoded is what was encoded outside, or the value.
func (c *jetstreamCarrier) encoded(value *answerJudged) []byte {
	if c.payload != nil {
		return c.payload
	}
	return must(encoder.Marshal(value))
}

func (c *jetstreamCarrier) emit(ctx context.Context, value *answerJudged) error {
	_, err := c.js.Publish(ctx, rawSubject, c.encoded(value), c.messageID())
	if err == nil && c.stored != nil {
		c.stored()
	}
	return err
}

func (c *jetstreamCarrier) emitMany(ctx context.Context, value *answerJudged, events int) error {
	if c.how == concurrent {
		return sideBySide(events, c.stored, func() error {
			_, err := c.js.Publish(ctx, rawSubject, c.encoded(value), c.messageID())
			return err
		})
	}
	for range events {
		if _, err := c.js.PublishAsync(rawSubject, c.encoded(value), c.messageID(), jetstream.WithStallWait(rawPatience)); err != nil {
			return err
		}
	}
	select {
	case <-c.js.PublishAsyncComplete():
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if err := c.lost.Load(); err != nil {
		return *err
	}
	for range events {
		if c.stored != nil {
			c.stored()
		}
	}
	return nil
}

func (c *jetstreamCarrier) close(ctx context.Context) error {
	return errors.Join(c.natsCarrier.close(ctx), os.RemoveAll(c.dir))
}

// emitters is how many goroutines emit side by side.
const emitters = 64

// sideBySide emits events from many goroutines, and tells of all when they are stored.
func sideBySide(events int, stored func(), emit func() error) error {
	var work sync.WaitGroup
	errs := make([]error, emitters)
	for i := range emitters {
		share := (events + i) / emitters // adds up to events
		work.Go(func() {
			for range share {
				if errs[i] = emit(); errs[i] != nil {
					return
				}
			}
		})
	}
	work.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for range events {
		stored()
	}
	return nil
}
