package mesh

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/stats"
)

// DeadLetter tells of an event that a handler gave up.
type DeadLetter struct {
	Event   ID     `cbor:"1,keyasint"` // the event
	Subject string `cbor:"2,keyasint"` // its type
	Key     string `cbor:"3,keyasint"`
	Handler string `cbor:"4,keyasint"` // the handler's name
	Tries   int    `cbor:"5,keyasint"`
	Error   string `cbor:"6,keyasint"` // of the last try, cut to 1024 bytes
	Payload []byte `cbor:"7,keyasint"` // the event's value as CBOR; nil if it can not be encoded
}

// DeadLetters are the events that handlers gave up, on the node where they
// did. A dead letter belongs to the cascade of its event. Handle it to keep
// it; a handler of dead letters that fails makes no other dead letter.
var DeadLetters = NewEvent[DeadLetter]("mesh.event.deadlettered", Key(func(d DeadLetter) string { return d.Subject }))

// maxErrorText bounds what a dead letter says of the error, in bytes.
const maxErrorText = 1024

// giveUp ends an event that the handler failed too often. One of a durable import
// comes again, unless this was the last time.
func (w *handlerWorker[T]) giveUp(it *item[T], tries int, cause error) {
	if d := it.handover; d != nil {
		f := failure{place: it.tally.place, excused: tries == 0 || notStored(cause), final: final(cause), err: cause}
		if d.fail(f); f.excused || !d.last && !f.final {
			it.tally.returned.Add(1)
			return
		}
	}
	it.tally.failed.Add(1)
	text := errorText(cause)
	panicked, _ := cause.(*PanicError) // as call made it; a handler's own errors are not asked
	w.node.logFailure(it.header, w.name, tries, text, panicked)
	subject := it.header.Subject()
	if subject == DeadLetters.subject {
		return // failed is its name; a letter about a letter would not end
	}
	letter := DeadLetter{Event: it.header.ID, Subject: subject, Key: it.header.Key,
		Handler: w.name, Tries: tries, Error: text}
	if w.node.listens(DeadLetters.subject) {
		letter.Payload = payloadOf(it.value)
	}
	err := DeadLetters.Emit(w.stage.begin(&it.header, it.tally), letter)
	if err = errors.Join(err, w.stage.end(err == nil)); err != nil {
		w.node.counters.cell(DeadLetters.subject, stats.Lost, "handler "+w.name, stats.NoDeadLetter).Add(1)
	}
}

// errorText is what a letter can hold of an error: cut, and valid UTF-8 as the
// wire wants it. It goes by way of fmt, which survives an Error method that
// panics, as that of a nil pointer in an error does.
func errorText(err error) string {
	text := fmt.Sprint(err)
	if len(text) > maxErrorText {
		text = text[:maxErrorText]
	}
	return strings.ToValidUTF8(text, "?")
}

func payloadOf(value any) []byte {
	if a, ok := value.(Any); ok {
		payload, err := a.Payload()
		if err != nil {
			return nil
		}
		return payload
	}
	payload, err := wire.AppendPayload(nil, value)
	if err != nil {
		return nil
	}
	return payload
}

// listens reports whether a handler of this node takes the subject.
func (n *Node) listens(subject string) bool {
	t, err := n.typeOf(subject)
	return err == nil && (len(t.handlers) > 0 || n.config.Tap != nil)
}

// logFailure writes a line for a dead letter, unless there were many just now:
// a storm must not drown the log. The counters have them all.
func (n *Node) logFailure(h Header, handler string, tries int, text string, panicked *PanicError) {
	if !n.logLimit.Allow() {
		return
	}
	attrs := []any{"node", n.name, "handler", handler, "event", h.ID, "type", h.Subject(), "tries", tries, "error", text}
	if panicked != nil {
		attrs = append(attrs, slog.String("stack", string(panicked.Stack)))
	}
	n.log.Warn("event given up", attrs...)
}
