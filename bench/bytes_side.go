package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	ce "github.com/cloudevents/sdk-go/v2/event"

	"leafmesh/embedded/guesslog"
	"leafmesh/mesh"
)

var submitted = mesh.NewEvent[answerJudged]("clue.answer.submitted", mesh.Key(func(a answerJudged) string { return a.Team }))

// answers are the judged answers of a guess log.
func answers(path string) (all []answerJudged, err error) {
	log, err := guesslog.Read(path)
	if err != nil {
		return nil, err
	}
	for _, g := range log.Guesses {
		a := sample
		a.Team, a.Clue, a.Guess = g.Team, g.Puzzle, g.Text
		all = append(all, a)
	}
	return all, nil
}

// meshLogged encodes each judged answer of a log, as a handler of the submitted one emits it, and
// decodes it for a handler. The gate is asked too, and the event goes through two queues: Stage and
// Relay are the public names of encoding and decoding.
func meshLogged(log string) side {
	return side{name: "leafmesh, stage and relay", open: func(ctx context.Context, _ func()) (carrier, error) {
		all, err := answers(log)
		if err != nil {
			return nil, err
		}
		c := &loggedCarrier{answers: all, staged: make(chan mesh.Staged, queueSize), handled: make(chan struct{}, queueSize)}
		c.node, err = mesh.Open(ctx, mesh.Config{Name: "clue-1", Handlers: []mesh.Handler{
			submitted.Handle("judge", func(ctx context.Context, a answerJudged) error {
				one, err := judged.Stage(ctx, a)
				c.staged <- one
				return err
			}),
			judged.Handle("count", func(context.Context, answerJudged) error {
				c.handled <- struct{}{}
				return nil
			}),
		}})
		return c, err
	}}
}

type loggedCarrier struct {
	node      *mesh.Node
	answers   []answerJudged
	staged    chan mesh.Staged
	handled   chan struct{}
	bytes     int
	events    int
	envelopes []int
}

// loggedBatch is how many events are under way at once.
const loggedBatch = 256

func (c *loggedCarrier) carry(ctx context.Context, events int) error {
	c.bytes, c.events, c.envelopes = 0, events, c.envelopes[:0]
	root, batch := c.node.Context(ctx), make([]mesh.Staged, 0, loggedBatch)
	for from := 0; from < events; from += loggedBatch {
		batch = batch[:0]
		for i := from; i < min(events, from+loggedBatch); i++ {
			if err := submitted.Emit(root, c.answers[i%len(c.answers)]); err != nil {
				return err
			}
		}
		for i := from; i < min(events, from+loggedBatch); i++ {
			one := <-c.staged
			batch = append(batch, one)
			c.bytes += len(one.Message)
			c.envelopes = append(c.envelopes, len(one.Message))
		}
		if _, err := c.node.Relay(ctx, batch...); err != nil {
			return err
		}
		for range batch {
			<-c.handled
		}
	}
	return nil
}

// observe takes the payloads out of the messages, outside the time that is measured.
func (c *loggedCarrier) observe(f *figures) {
	f.Bytes = float64(c.bytes) / float64(c.events)
	for i := range c.envelopes {
		payload, err := encoder.Marshal(c.answers[i%len(c.answers)])
		if err != nil {
			panic(err) // it was encoded before
		}
		c.envelopes[i] -= len(payload)
	}
	slices.Sort(c.envelopes)
	f.Envelope = float64(c.envelopes[len(c.envelopes)/2])
}

func (c *loggedCarrier) emit(context.Context, *answerJudged) error { return nil } // carry emits
func (c *loggedCarrier) close(ctx context.Context) error           { return c.node.Close(ctx) }

// cloudEvents encodes and decodes the same with the official SDK, as JSON, with the facts that an
// envelope of leafmesh has.
func cloudEvents(log string) side {
	return side{name: "CloudEvents SDK, JSON", open: func(context.Context, func()) (carrier, error) {
		all, err := answers(log)
		return &cloudCarrier{answers: all}, err
	}}
}

type cloudCarrier struct {
	answers []answerJudged
	bytes   int
	events  int
}

func (c *cloudCarrier) carry(_ context.Context, events int) error {
	c.bytes, c.events = 0, events
	for i := range events {
		text, err := encodeCloud(&c.answers[i%len(c.answers)])
		if err != nil {
			return err
		}
		c.bytes += len(text)
		var back ce.Event
		var value answerJudged
		if err := errors.Join(back.UnmarshalJSON(text), back.DataAs(&value)); err != nil {
			return fmt.Errorf("decode a CloudEvent: %w", err)
		}
	}
	return nil
}

func encodeCloud(a *answerJudged) ([]byte, error) {
	e := ce.New()
	e.SetID(a.Attempt)
	e.SetSource("clue-1")
	e.SetType(eventSubject)
	e.SetSubject(a.Team)
	e.SetTime(time.UnixMilli(a.At))
	e.SetExtension("root", "0199b2c4-7d1e-7a53-8c11-5b0f3c2a9e73")
	e.SetExtension("parent", "0199b2c4-7d1e-7a53-8c11-5b0f3c2a9e73")
	e.SetExtension("path", "clue-1:clue.answer.submitted clue-1:clue.answer.judged")
	e.SetExtension("age", 120)
	if err := e.SetData(ce.ApplicationJSON, a); err != nil {
		return nil, fmt.Errorf("encode a CloudEvent: %w", err)
	}
	return e.MarshalJSON()
}

func (c *cloudCarrier) observe(f *figures)                        { f.Bytes = float64(c.bytes) / float64(c.events) }
func (c *cloudCarrier) emit(context.Context, *answerJudged) error { return nil } // carry emits
func (c *cloudCarrier) close(context.Context) error               { return nil }
