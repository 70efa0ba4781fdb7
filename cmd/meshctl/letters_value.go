package main

import (
	"encoding/json"

	"leafmesh/cmd/meshctl/internal/notation"
)

// shownLetter is a letter with its value, of which people can read something.
type shownLetter struct {
	nodeLetter
	// Value is the payload as JSON, and Problem why there is none.
	Value   json.RawMessage `json:"value,omitempty"`
	Problem string          `json:"problem,omitempty"`
}

// decoded puts the value in place of the payload. A payload that is no CBOR stays: it may be why
// the event was given up.
func (l shownLetter) decoded() shownLetter {
	value, err := notation.JSON(l.Payload)
	if err != nil {
		l.Problem = err.Error()
		return l
	}
	l.Value, l.Payload = value, nil
	return l
}
