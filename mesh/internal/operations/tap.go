package operations

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"leafmesh/mesh/internal/inlet"
	"leafmesh/mesh/internal/journal"
	"leafmesh/mesh/internal/leaf"
	"leafmesh/mesh/internal/wire"
)

// emitPrefix begins the subjects on which a client at the tap emits by request:
// "mesh.emit.clue.answer.submitted.<key>".
const emitPrefix = "mesh.emit."

// emitTimeout bounds how long an emit by request waits for a limit or for a full queue: not long,
// as requests are served one after the other.
const emitTimeout = 100 * time.Millisecond

// Tap serves stock NATS clients at the node's loopback port: events to read, and emits by request.
// It is the way there for events.
type Tap struct {
	leaf.Port
	conn    *nats.Conn
	request *nats.Subscription
	log     *journal.Log
	intake  context.Context
	emit    Emit
}

// Emit puts an event that came encoded, on a wire subject, into the node. It returns what to
// answer, to be encoded as CBOR.
type Emit func(ctx context.Context, wireSubject string, payload []byte) (reply any)

func openTap(server *leaf.Server, log *journal.Log, intake context.Context, emit Emit) (*Tap, error) {
	conn, err := server.Connect(leaf.Local)
	if err != nil {
		return nil, fmt.Errorf("open the tap: %w", err)
	}
	t := &Tap{Port: server.Port(conn), conn: conn, log: log, intake: intake, emit: emit}
	t.request, err = conn.Subscribe(emitPrefix+">", t.serve)
	if err == nil {
		err = conn.Flush()
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("open the tap: %w", err)
	}
	return t, nil
}

// serve emits an event for a client: the request's data is the value's CBOR.
func (t *Tap) serve(m *nats.Msg) {
	ctx, cancel := context.WithTimeout(t.intake, emitTimeout)
	defer cancel()
	reply := t.emit(ctx, strings.TrimPrefix(m.Subject, emitPrefix), m.Data)
	if !leaf.IsInbox(m.Reply) { // there, other clients would take the reply for an event
		return
	}
	data, err := wire.AppendPayload(nil, reply)
	if err == nil {
		err = m.Respond(data)
	}
	if err != nil {
		t.log.Warn("no reply to an emit by request", "error", err)
	}
}

// stop ends the intake of requests; those that have come are answered.
func (t *Tap) stop(ctx context.Context) error {
	if _, err := inlet.Drain(ctx, t.request); err != nil {
		return fmt.Errorf("close the tap: %w", err)
	}
	return nil
}
