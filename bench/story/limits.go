package main

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/fxamacker/cbor/v2"

	"leafmesh/bench/limit"
	"leafmesh/bench/story/cascade"
)

// physical is what neither side can be quicker than, measured before the trials.
type physical struct {
	// Awake is a TCP loopback one way while both ends are awake; Asleep, while each is woken for
	// one message in 4 ms, as at 250 roots a second.
	Awake  time.Duration `json:"loopback_awake_ns"`
	Asleep time.Duration `json:"loopback_asleep_ns"`
	// CBOR and JSON are encoding and decoding of one event's payload.
	CBOR time.Duration `json:"cbor_ns"`
	JSON time.Duration `json:"json_ns"`
}

const (
	limitMessages = 5000
	limitAsleep   = 200
	limitRest     = 4 * time.Millisecond
)

// limits measures them, in some seconds.
func limits() (l physical, err error) {
	if l.Awake, err = limit.Loopback(limitMessages, 0); err != nil {
		return l, err
	}
	if l.Asleep, err = limit.Loopback(limitAsleep, limitRest); err != nil {
		return l, err
	}
	fact := cascade.Root(1, time.Now().UnixMilli())
	if l.CBOR, err = codec(fact, cbor.Marshal, cbor.Unmarshal); err != nil {
		return l, err
	}
	l.JSON, err = codec(fact, json.Marshal, json.Unmarshal)
	return l, err
}

// codec measures an encoding and a decoding.
func codec(fact cascade.Fact, encode func(any) ([]byte, error), decode func([]byte, any) error) (each time.Duration, err error) {
	each = limit.Each(limitMessages, func() {
		text, problem := encode(fact)
		if problem == nil {
			var back cascade.Fact
			problem = decode(text, &back)
		}
		if problem != nil {
			err = fmt.Errorf("encode and decode a fact: %w", problem)
		}
	})
	return each, err
}

func (l physical) write(out io.Writer) {
	fmt.Fprintf(out, "limits: a TCP loopback of %d bytes takes %v one way, and %v where each end is woken for it; a payload's encoding and decoding %v as CBOR, %v as JSON\n",
		limit.MessageBytes, l.Awake, l.Asleep, l.CBOR, l.JSON)
}
