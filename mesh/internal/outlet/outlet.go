package outlet

import (
	"context"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/delivery"
	"leafmesh/mesh/internal/journal"
	"leafmesh/mesh/internal/queue"
	"leafmesh/mesh/internal/rules"
	"leafmesh/mesh/internal/steps"
	"leafmesh/mesh/internal/wire"
)

// Port is a way out of the node: the links, or the tap. Its methods are safe for concurrent use.
type Port interface {
	// Open reports, at no cost, whether anybody might listen at all.
	Open() bool
	// Interested reports whether somebody listens to a literal subject.
	Interested(subject string) bool
	// Publish sends a message. The message may be changed afterwards.
	Publish(subject string, message []byte) error
}

// Nowhere is a port that leads to nobody.
type Nowhere struct{}

// Open returns false.
func (Nowhere) Open() bool { return false }

// Interested returns false.
func (Nowhere) Interested(string) bool { return false }

// Publish does nothing.
func (Nowhere) Publish(string, []byte) error { return nil }

// Env is what outlets need of their node.
type Env struct {
	Clock      *clock.Clock
	Log        *journal.Log
	MaxPayload int             // the largest message, in bytes
	Handling   context.Context // ends when the node waits for its handlers no longer
	Links, Tap Port            // set before the first event is sent
}

// Spec says what an outlet is to send. It is the worker of a consumer.
type Spec struct {
	*Env
	// Export is the type at its export; nil: events of the type do not leave the node.
	Export *delivery.Subscription
	// AtTap has the points of the type at the tap.
	AtTap *steps.Tally
	// Rules returns the rules of the export that are in force.
	Rules func() []*rules.Rule
	// Copy copies what a pointer to an event's value points to, and points to the copy.
	Copy func(value any) any
}

// outlet sends the events of one type, one at a time.
type outlet struct {
	Spec
	queue *queue.Core[delivery.Item]

	subjects       map[string]string // by key: what was escaped lately
	payload, event []byte            // used again for each event
	message        wire.Container
	steps          [][]byte
}

// New makes an outlet that takes events out of a queue.
func New(s Spec, q *queue.Core[delivery.Item]) queue.Processor[delivery.Item] {
	return &outlet{Spec: s, queue: q, subjects: map[string]string{}}
}

// maxSubjects bounds the subjects that an outlet remembers.
const maxSubjects = 1024

// subjectOf is the event's subject on the wire.
func (o *outlet) subjectOf(h *cause.Header) string {
	if subject, ok := o.subjects[h.Key]; ok {
		return subject
	}
	if len(o.subjects) >= maxSubjects {
		clear(o.subjects)
	}
	subject := string(wire.AppendSubject(nil, h.Subject(), h.Key))
	o.subjects[h.Key] = subject
	return subject
}

// Process sends an event: see queue.Processor.
func (o *outlet) Process(it *delivery.Item, value any) bool {
	inForce := o.Rules()
	if o.queue.Overtakes(it, it.KeptBy != nil) {
		return false
	}
	defer it.Done()
	tapped := o.Tap.Open() && it.KeptBy == nil // else it was shown before
	if o.Export == nil && !tapped {
		return true
	}
	subject := o.subjectOf(&it.Header)
	export := o.Export != nil && o.exports(it, value, subject, inForce)
	tapped = tapped && o.Tap.Interested(subject)
	if !export && !tapped {
		return true
	}
	message, err := o.encode(&it.Header, value)
	if err != nil {
		it.At.LostMalformed.PassError(&it.Header, err)
		o.Log.Rarely("event can not be encoded", "type", it.Header.Subject(), "error", err)
		return true
	}
	if export {
		o.publish(o.Links, subject, message, &it.Header, it.At.Tally, it.At.Exported)
	}
	if tapped {
		o.publish(o.Tap, subject, message, &it.Header, o.AtTap, o.AtTap.Tapped)
	}
	return true
}

// exports says whether the event goes to the links: it is not cut, somebody listens, and the limit
// of the export lets it pass, perhaps after a wait.
func (o *outlet) exports(it *delivery.Item, value any, subject string, inForce []*rules.Rule) bool {
	if it.At.Cut.Load() {
		it.At.ShedCut.Pass(&it.Header)
		return false
	}
	if !o.Links.Interested(subject) {
		it.At.Unheard.Pass(&it.Header)
		return false
	}
	if len(inForce) == 0 {
		return true
	}
	event := rules.Of(&it.Header)
	v, err := rules.Admit(o.Handling, rules.After(inForce, it.KeptBy), &event, o.Clock.Now())
	if v.Keep != nil {
		delivery.Keep(v.Keep, o.queue, it, o.Copy(value))
	}
	return v == rules.Passed && err == nil // the rule counts
}

func (o *outlet) publish(port Port, subject string, message []byte, h *cause.Header, tally *steps.Tally, sent *steps.Point) {
	if len(message) > o.MaxPayload {
		tally.LostOversize.Pass(h)
		o.Log.Rarely("event too large to send", "subject", subject, "bytes", len(message), "max_payload", o.MaxPayload)
		return
	}
	if err := port.Publish(subject, message); err != nil {
		tally.LostClosed.PassError(h, err)
		o.Log.Rarely("event not sent", "subject", subject, "error", err)
		return
	}
	sent.Pass(h)
}

// encode makes the message, valid until the next call.
func (o *outlet) encode(h *cause.Header, value any) ([]byte, error) {
	payload, err := o.payloadOf(value)
	if err != nil {
		return nil, err
	}
	o.steps = h.Lineage().AppendSteps(o.steps[:0])
	if o.event, err = AppendEvent(o.event[:0], h, o.steps, payload); err != nil {
		return nil, err
	}
	o.message.Reset()
	o.message.Add(o.event)
	return o.message.Bytes(), nil
}

// payloadOf is the payload that the value is, or is encoded to, valid until the next call.
func (o *outlet) payloadOf(value any) (_ []byte, err error) {
	if payload, ok := value.(*delivery.Payload); ok {
		return *payload, nil
	}
	o.payload, err = wire.AppendPayload(o.payload[:0], value)
	return o.payload, err
}
