package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/fxamacker/cbor/v2"
	"github.com/nats-io/nats.go"

	"leafmesh/cmd/meshctl/internal/nodes"
	"leafmesh/cmd/meshctl/internal/notation"
	"leafmesh/cmd/meshctl/internal/show"
	"leafmesh/mesh"
	"leafmesh/mesh/cause"
	"leafmesh/mesh/config"
)

type emitCommand struct {
	target
	Output  show.Format `short:"o" enum:"text,json,yaml" default:"text" help:"How to print the verdict: ${enum}."`
	CBOR    bool        `name:"cbor" help:"The value is CBOR, and is read from standard input as it is."`
	Node    string      `help:"Emit on this node. Without it on one of the service that owns the type."`
	Subject string      `arg:"" help:"The event type: clue.answer.submitted."`
	Key     string      `arg:"" help:"The event's key, as its type has it; an empty text for none."`
	Value   string      `arg:"" optional:"" help:"The value as JSON. Without it, it is read from standard input."`
}

// Help is shown by meshctl emit --help.
func (emitCommand) Help() string {
	return `The event passes the same rules as one that the node emits itself, and the node
checks its key, and that its own handlers can decode its value. Nodes that import it look at the
value later. A key of digits in an object of JSON is an integer key, as the fields of events have.
Only nodes of the service that owns a type emit it.

  meshctl emit clue.hint.taken otters \
    '{"1":"otters","2":"weather","3":1,"4":2,"5":1795932173480}'
  jq -c .value event.json | meshctl emit -f configs/clue.yaml clue.hint.taken otters

The exit code is 0 if the event was admitted or coalesced, and 1 if it was shed or refused.`
}

// verdict is what the node said.
type verdict struct {
	Node    string   `json:"node"`
	Verdict string   `json:"verdict"`
	Event   cause.ID `json:"event,omitzero"`
	Rule    string   `json:"rule,omitempty"`
	Error   string   `json:"error,omitempty"`
}

// maxInput is how much is read from standard input: far more than an event may have.
const maxInput = 64 << 20

// read reads all there is.
func (in input) read() ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(in, maxInput+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read standard input: %w", err)
	case len(data) > maxInput:
		return nil, fmt.Errorf("standard input has more than %d MiB", maxInput>>20)
	}
	return data, nil
}

// Run emits the event.
func (c emitCommand) Run(ctx context.Context, in input, out output) error {
	if err := checkType(c.Subject); err != nil {
		return err
	}
	payload, err := c.payload(in)
	if err != nil {
		return err
	}
	at, err := c.find()
	if err != nil {
		return err
	}
	for _, t := range at.taps {
		if t.Problem != nil { // which says nothing of what becomes of the event
			out.complain(t.Title(), t.Problem)
		}
	}
	conn, err := c.connect(ctx, at.taps)
	if err != nil {
		return err
	}
	defer conn.Close()
	v, err := c.emit(ctx, conn, payload)
	if err != nil {
		return err
	}
	if c.Output == "text" {
		_, err = fmt.Fprintln(out.results, v)
	} else {
		err = c.Output.Write(out.results, v, nil)
	}
	if err == nil && v.Verdict != "admitted" && v.Verdict != "coalesced" {
		err = errReported
	}
	return err
}

func (c emitCommand) payload(in input) (payload []byte, err error) {
	data := []byte(c.Value)
	if c.Value == "" {
		if data, err = in.read(); err != nil {
			return nil, err
		}
	}
	switch {
	case c.CBOR && c.Value != "":
		return nil, errors.New("with --cbor the value is read from standard input, and not given as an argument")
	case c.CBOR:
		return data, nil
	}
	return notation.FromJSON(data)
}

// connect opens a connection to the node that is named, or to one of the service that owns the
// type. If there is none, any other one says so.
func (c emitCommand) connect(ctx context.Context, taps []nodes.Tap) (chosen *nats.Conn, err error) {
	var failed error
	for _, t := range taps {
		conn, err := t.Connect(ctx)
		if err != nil {
			failed = fmt.Errorf("%s: %w", t.Title(), err)
			continue
		}
		name := conn.ConnectedServerName()
		if c.Node == name || c.Node == "" && config.ServiceOf(name) == config.OwnerOf(c.Subject) {
			if chosen != nil {
				chosen.Close()
			}
			return conn, nil
		}
		if chosen == nil && c.Node == "" {
			chosen = conn
		} else {
			conn.Close()
		}
	}
	switch {
	case failed != nil:
		if chosen != nil {
			chosen.Close()
		}
		return nil, failed
	case chosen == nil:
		return nil, fmt.Errorf("%s: %w", c.Node, nodes.ErrNoTap)
	}
	return chosen, nil
}

func (c emitCommand) emit(ctx context.Context, conn *nats.Conn, payload []byte) (v verdict, err error) {
	v.Node = conn.ConnectedServerName()
	ctx, cancel := context.WithTimeout(ctx, nodes.AnswerWait)
	defer cancel()
	m, err := conn.RequestWithContext(ctx, "mesh.emit."+c.Subject+"."+notation.KeyToken(c.Key), payload)
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return v, fmt.Errorf("%s takes no events: it is closing", v.Node)
	case err != nil:
		return v, fmt.Errorf("%s gave no verdict; whether the event was emitted is not known: %w", v.Node, err)
	}
	var reply mesh.Reply
	if err := cbor.Unmarshal(m.Data, &reply); err != nil {
		return v, fmt.Errorf("%s: a verdict that cannot be read: %w", v.Node, err)
	}
	v.Verdict, v.Rule, v.Error = reply.Verdict, reply.Rule, reply.Error
	copy(v.Event[:], reply.ID)
	return v, nil
}

// String is the verdict for people.
func (v verdict) String() string {
	text := v.Verdict + " at " + v.Node
	if v.Rule != "" {
		text += " by rule " + v.Rule
	}
	if !v.Event.IsZero() {
		text += ": " + v.Event.String()
	}
	if v.Error != "" {
		text += ": " + strings.TrimPrefix(v.Error, "mesh: ")
	}
	return show.Printable(text)
}
