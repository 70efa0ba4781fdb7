package outlet

import (
	"context"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/delivery"
	"leafmesh/mesh/internal/journal"
	"leafmesh/mesh/internal/queue"
	"leafmesh/mesh/internal/readers"
	"leafmesh/mesh/internal/rules"
	"leafmesh/mesh/internal/steps"
	"leafmesh/mesh/internal/wire"
)

// Tap is the way to the clients at the tap. Its methods are safe for concurrent use.
type Tap interface {
	// Open reports, at no cost, whether anybody might listen at all.
	Open() bool
	// Interested reports whether somebody listens to a literal subject.
	Interested(subject string) bool
	// Publish sends a message. The message may be changed afterwards.
	Publish(subject string, message []byte) error
}

// NoTap is the tap of a node that has none.
type NoTap struct{}

// Open returns false.
func (NoTap) Open() bool { return false }

// Interested returns false.
func (NoTap) Interested(string) bool { return false }

// Publish does nothing.
func (NoTap) Publish(string, []byte) error { return nil }

// Env is what outlets need of their node.
type Env struct {
	Clock      *clock.Clock
	Log        *journal.Log
	MaxPayload int              // the largest message, in bytes
	Handling   context.Context  // ends when the node waits for its handlers no longer
	Readers    *readers.Readers // set before the first event is sent, as Tap is
	Tap        Tap
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

// outlet sends the events of one type.
type outlet struct {
	Spec
	queue *queue.Core[delivery.Item]
	boxes boxes
	flush func() // the boxes

	subjects              map[string]string // by key: what was escaped lately, for the tap
	payload, event, short []byte            // used again for each event
	alone                 wire.Container    // as well
	steps                 [][]byte
}

// New makes an outlet that takes events out of a queue.
func New(s Spec, q *queue.Core[delivery.Item]) queue.Processor[delivery.Item] {
	o := &outlet{Spec: s, queue: q, subjects: map[string]string{}}
	if s.Export != nil {
		o.boxes = newBoxes(s.Env, s.Export)
		o.flush = o.boxes.flush
	}
	return o
}

// maxSubjects bounds the subjects that an outlet remembers.
const maxSubjects = 1024

// subjectOf is the event's subject at the tap.
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

// Process sends an event, or puts it into boxes that are sent when nothing else waits: see
// queue.Processor.
func (o *outlet) Process(it *delivery.Item, value any) bool {
	inForce := o.Rules()
	if o.queue.Overtakes(it, it.KeptBy != nil) {
		return false
	}
	defer it.Done()
	subject, tapped := "", o.Tap.Open() && it.KeptBy == nil // else it was shown before
	if tapped {
		subject = o.subjectOf(&it.Header)
		tapped = o.Tap.Interested(subject)
	}
	export := o.Export != nil && o.exports(it, value, inForce)
	if export {
		for _, absent := range o.boxes.audience.Absent() {
			absent.Pass(&it.Header)
		}
		export = o.boxes.withinLimits(&it.Header) // before it is encoded: a flood is to cost little here, too
	}
	if !export && !tapped {
		return true
	}
	payload, err := o.payloadOf(value)
	if err == nil && export {
		err = o.send(&it.Header, payload)
	}
	if err == nil && tapped {
		err = o.show(subject, &it.Header, payload)
	}
	if err != nil {
		it.At.LostMalformed.PassError(&it.Header, err)
		o.Log.WarnAbout(&it.Header, "event cannot be encoded", "error", err)
	}
	return true
}

// send puts an event into the boxes of its readers: short for those who know its path.
func (o *outlet) send(h *cause.Header, payload []byte) (err error) {
	number, some, others := o.boxes.number(h)
	if some {
		o.short, err = appendShort(o.short[:0], h, number, payload)
	}
	if err == nil && others {
		err = o.encode(h, payload)
	}
	if err == nil {
		o.boxes.put(h, o.event, o.short)
	}
	return err
}

// Idle sends what is in the boxes: nothing else waits. See queue.Gatherer.
func (o *outlet) Idle() { o.boxes.flush() }

// exports says whether the event goes to readers: it is not cut, somebody reads it, and the limit
// of the export lets it pass, perhaps after a wait.
func (o *outlet) exports(it *delivery.Item, value any, inForce []*rules.Rule) bool {
	if it.At.Cut.Load() {
		it.At.ShedCut.Pass(&it.Header)
		return false
	}
	if !o.isHeard(it) {
		return false
	}
	if len(inForce) == 0 {
		return true
	}
	event := rules.Of(&it.Header)
	event.BeforeWait = o.flush // those in the boxes do not wait with it
	v, err := rules.Admit(o.Handling, rules.After(inForce, it.KeptBy), &event, o.Clock.Now())
	if v.Keep != nil {
		delivery.Keep(v.Keep, o.queue, it, o.Copy(value))
	}
	if v != rules.Passed || err != nil {
		return false // the rule counts
	}
	return event.Waited() == 0 || o.isHeard(it) // readers may have come and gone meanwhile
}

// isHeard chooses who gets the event, and counts it if nobody does.
func (o *outlet) isHeard(it *delivery.Item) bool {
	heard := o.boxes.choose(it.Header.Key)
	if !heard {
		it.At.Unheard.Pass(&it.Header)
	}
	return heard
}

// show sends an event to the clients at the tap. Errors: it cannot be encoded.
func (o *outlet) show(subject string, h *cause.Header, payload []byte) error {
	if err := o.encode(h, payload); err != nil {
		return err
	}
	o.alone.Reset()
	o.alone.Add(o.event)
	message := o.alone.Bytes()
	if len(message) > o.MaxPayload {
		o.AtTap.LostOversize.Pass(h)
		o.Log.WarnAbout(h, "event too large to send", "place", "tap", "bytes", len(message), "max_payload", o.MaxPayload)
		return nil
	}
	if err := o.Tap.Publish(subject, message); err != nil {
		o.AtTap.LostClosed.PassError(h, err)
		o.Log.WarnAbout(h, "event not shown at the tap", "error", err)
		return nil
	}
	o.AtTap.Tapped.Pass(h)
	return nil
}

// encode makes o.event of an event.
func (o *outlet) encode(h *cause.Header, payload []byte) (err error) {
	o.steps = h.Lineage().AppendSteps(o.steps[:0])
	o.event, err = AppendEvent(o.event[:0], h, o.steps, payload)
	return err
}

// payloadOf is the payload that the value is, or is encoded to, valid until the next call.
func (o *outlet) payloadOf(value any) (_ []byte, err error) {
	if payload, ok := value.(*delivery.Payload); ok {
		return *payload, nil
	}
	o.payload, err = wire.AppendPayload(o.payload[:0], value)
	return o.payload, err
}
