package notation

import (
	"fmt"
	"strings"
	"time"

	"leafmesh/mesh/cause"
)

// Event is an event as it crosses the wire: docs/wire.md.
type Event struct {
	ID     cause.ID
	Root   cause.ID
	Parent cause.ID // zero for none
	At     time.Time
	Key    string
	// Path has a step for each event from the root to this one, each "node:subject".
	Path    []string
	Payload []byte
}

// Type is the event's subject.
func (e Event) Type() string {
	_, subject, _ := strings.Cut(e.Path[len(e.Path)-1], ":")
	return subject
}

// Node is the name of the node that emitted the event.
func (e Event) Node() string {
	node, _, _ := strings.Cut(e.Path[len(e.Path)-1], ":")
	return node
}

// wireVersion is the version of messages that this program reads.
const wireVersion = 2

// message and event are the arrays of docs/wire.md.
type (
	message struct {
		_       struct{} `cbor:",toarray"`
		Version uint
		Names   []any
		Events  [][]byte
	}
	event struct {
		_                struct{} `cbor:",toarray"`
		ID, Root, Parent []byte
		Time             int64
		Age              uint64
		Key              string
		Path             []string
		Payload          []byte
	}
)

// Events reads a message of one or more events, as a tap shows them.
func Events(data []byte) (events []Event, err error) {
	var m message
	if err := decoder.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("read a message of events: %w", err)
	}
	if m.Version != wireVersion {
		return nil, fmt.Errorf("read a message of events: it has version %d, and this meshctl reads %d: use one of the nodes' version", m.Version, wireVersion)
	}
	for _, encoded := range m.Events {
		var w event
		if err := decoder.Unmarshal(encoded, &w); err != nil {
			return nil, fmt.Errorf("read an event: %w", err)
		}
		e := Event{At: time.Unix(0, w.Time).UTC(), Key: w.Key, Path: w.Path, Payload: w.Payload}
		for _, id := range []struct {
			from []byte
			into *cause.ID
		}{{w.ID, &e.ID}, {w.Root, &e.Root}, {w.Parent, &e.Parent}} {
			if len(id.from) != 0 && len(id.from) != len(id.into) {
				return nil, fmt.Errorf("read an event: an id has %d bytes", len(id.from))
			}
			copy(id.into[:], id.from)
		}
		if len(e.Path) == 0 {
			return nil, fmt.Errorf("read an event: it has no path")
		}
		events = append(events, e)
	}
	return events, nil
}
