package main

import (
	"context"
	"fmt"
	"time"

	"leafmesh/bench/limit"
)

// loopback is a TCP loopback of a message's bytes, one way and one at a time: what no hop can be
// quicker than.
func loopback() side {
	return side{name: "TCP loopback", open: func(context.Context, func()) (carrier, error) {
		return &limitCarrier{measure: func(messages int) (time.Duration, error) { return limit.Loopback(messages, 0) }}, nil
	}}
}

// codecAlone encodes and decodes the payload: what no event between processes can do without.
func codecAlone() side {
	return side{name: "encode and decode of a payload", open: func(context.Context, func()) (carrier, error) {
		return &limitCarrier{measure: measureCodec}, nil
	}}
}

func measureCodec(times int) (each time.Duration, err error) {
	each = limit.Each(times, func() {
		text, problem := encoder.Marshal(sample)
		if problem == nil {
			var back answerJudged
			problem = decoder.Unmarshal(text, &back)
		}
		if problem != nil {
			err = fmt.Errorf("encode and decode the sample: %w", problem)
		}
	})
	return each, err
}

// limitCarrier measures a limit.
type limitCarrier struct {
	measure func(times int) (time.Duration, error)
	each    time.Duration
}

func (c *limitCarrier) carry(_ context.Context, times int) (err error) {
	c.each, err = c.measure(times)
	return err
}

func (c *limitCarrier) observe(f *figures)                        { f.Nanos = float64(c.each) }
func (c *limitCarrier) emit(context.Context, *answerJudged) error { return nil } // carry measures
func (c *limitCarrier) close(context.Context) error               { return nil }
