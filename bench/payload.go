package main

import (
	"github.com/fxamacker/cbor/v2"

	"leafmesh/mesh"
)

// answerJudged is the payload of every measurement: a judged answer, as the
// treasure hunt's clue service emits one for each guess.
type answerJudged struct {
	Attempt string `cbor:"1,keyasint"`
	Team    string `cbor:"2,keyasint"`
	Clue    string `cbor:"3,keyasint"`
	Verdict uint8  `cbor:"4,keyasint"`
	At      int64  `cbor:"5,keyasint"`
	Guess   string `cbor:"6,keyasint"`
}

const (
	eventSubject = "clue.answer.judged"
	// rawSubject is what raw NATS publishes to: as many tokens as our own wire
	// subject has, the last one the key.
	rawSubject = eventSubject + ".puzzlin-wugs"
	// rawPattern is what raw NATS subscribes to, as our imports do.
	rawPattern = eventSubject + ".*"
)

var judged = mesh.NewEvent[answerJudged](eventSubject, mesh.Key(func(a answerJudged) string { return a.Team }))

// sample is the one value that all sides carry.
var sample = answerJudged{
	Attempt: "0199b2c4-7d1e-7a53-8c11-5b0f3c2a9e74", Team: "puzzlin-wugs", Clue: "try-and-eat",
	Verdict: 2, At: 1521227921000, Guess: "CHOCOLATECHIPCOOKIE",
}

// The codec of the raw sides: deterministic encoding and strict decoding, as a
// service would set it up that takes messages from others.
var (
	encoder = must(cbor.CoreDetEncOptions().EncMode())
	decoder = must(cbor.DecOptions{
		DupMapKey: cbor.DupMapKeyEnforcedAPF, IndefLength: cbor.IndefLengthForbidden, TagsMd: cbor.TagsForbidden,
	}.DecMode())
)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err) // the options are constant
	}
	return value
}
