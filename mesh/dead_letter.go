package mesh

import (
	"errors"
	"time"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/delivery"
	"leafmesh/mesh/internal/handling"
	"leafmesh/mesh/internal/letters"
	"leafmesh/mesh/internal/outbox"
	"leafmesh/mesh/internal/outlet"
	"leafmesh/mesh/internal/steps"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/stats"
)

// DeadLetter tells of an event that a handler gave up.
type DeadLetter struct {
	Event   cause.ID `cbor:"1,keyasint"` // the event
	Subject string   `cbor:"2,keyasint"` // its type
	Key     string   `cbor:"3,keyasint"`
	Handler string   `cbor:"4,keyasint"` // the handler's name
	Tries   int      `cbor:"5,keyasint"`
	Error   string   `cbor:"6,keyasint"` // of the last try, cut to 1024 bytes
	Payload []byte   `cbor:"7,keyasint"` // the event's value as CBOR; nil if it cannot be encoded
	// NoPayload says why the value could not be encoded, cut to 1024 bytes; "" if it was.
	NoPayload string `cbor:"8,keyasint,omitempty"`
}

// DeadLetters are the events that handlers gave up, on the node where they did. A dead letter
// belongs to the cascade of its event. Handle it to keep it; a handler of dead letters that fails
// makes no other dead letter.
var DeadLetters = NewEvent[DeadLetter](deadLetterSubject, Key(func(d DeadLetter) string { return d.Subject }))

var deadLetters = byRuntime(DeadLetters)

// The log has a line at the first failure of an event, so that a handler that fails is not silent
// while its events are tried again, and one when the event ends: that it was handled after all, or
// given up. What fails at once for the last time has the second one alone, and what fails again has
// none: meshctl retrying lists it.

// TryAgain tells of a call that failed, and gives back what it charged to the event's cascade.
func (c *caller) TryAgain(it *delivery.Item, try int, err error) {
	c.desk.takeBack()
	if try == 1 {
		c.tellFailed(it, try, err)
	}
}

// Recovered tells that an event was handled in the end. Of one that has come again from an outbox,
// or as a letter, others tell.
func (c *caller) Recovered(it *delivery.Item, try int) {
	if !hasFailed(it) {
		c.flow.log.InfoAbout(&it.Header, "event handled after failures", "handler", c.name, "try", try)
	}
}

// GiveUp ends an event that the handler failed too often. One of a durable import comes again,
// unless this was the last time.
func (c *caller) GiveUp(it *delivery.Item, value any, tries int, last steps.Span, why error) {
	if d := it.Handover; d != nil {
		f := c.failure(it, tries, why)
		if d.Fail(f); f.Excused || !d.Last && !f.Final {
			it.At.Returned.PassSpan(&it.Header, last, why)
			if _, notNow := handling.IsNotNow(why); notNow && tries == 0 || !notNow && tries == 1 { // else no call failed, or the first one was told
				c.tellFailed(it, 1, why)
			}
			return
		}
	}
	it.At.Failed.PassSpan(&it.Header, last, why)
	text := letters.ErrorText(why)
	if it.Handover == nil { // else the line of the durable dead letter says it
		c.tell(it, "event given up", stackOf(why), "handler", c.name, "tries", tries, "error", text)
	}
	subject := it.Header.Subject()
	if subject == deadLetterSubject {
		return // failed is its name; a letter about a letter would not end
	}
	letter := DeadLetter{Event: it.Header.ID, Subject: subject, Key: it.Header.Key,
		Handler: c.name, Tries: tries, Error: text}
	keeps, listens := it.Handover == nil && c.hasRoom(subject), c.flow.listens(deadLetterSubject)
	if keeps || listens {
		payload, err := wire.AppendPayload(nil, value)
		if keeps {
			c.keepLetter(it, payload, err, tries, text)
		}
		if err != nil {
			letter.NoPayload = letters.ErrorText(err)
		} else {
			letter.Payload = payload
		}
	}
	err := deadLetters.Emit(c.desk.begin(&it.Header, it.At.Tally), letter)
	if err = errors.Join(err, c.desk.end(err == nil)); err != nil {
		c.flow.trace.Point(steps.Step{Type: deadLetterSubject, Outcome: stats.Lost, Place: c.place, Rule: stats.NoDeadLetter}).PassError(&it.Header, err)
	}
}

// tellFailed tells of the first failure of an event.
func (c *caller) tellFailed(it *delivery.Item, try int, err error) {
	if hasFailed(it) {
		return
	}
	c.tell(it, "handler failed", stackOf(err), "handler", c.name, "try", try, "tries", c.settings.Tries, "error", letters.ErrorText(err))
}

// tell writes a warning about an event that a handler failed at, with the stack if it panicked.
func (c *caller) tell(it *delivery.Item, text string, stack []byte, attrs ...any) {
	if stack != nil {
		attrs = append(attrs, "stack", string(stack))
	}
	c.flow.log.WarnAbout(&it.Header, text, attrs...)
}

// hasFailed reports whether the event has failed before it came here this time.
func hasFailed(it *delivery.Item) bool { return it.Handover != nil && it.Handover.Again }

// hasRoom reports whether a letter can be kept of an event from no outbox. If the node keeps such
// letters and has no room, it counts the letter as lost, before anybody has encoded the event.
func (c *caller) hasRoom(subject string) bool {
	kept := c.flow.localLetters
	if kept == nil {
		return false
	}
	err := kept.Room()
	if err != nil {
		c.flow.loseLetter(subject, c.name, stats.NoRoom, err)
	}
	return err == nil
}

// keepLetter keeps the event of a local handler, or of an import that is not durable. payload is
// its value, unless err says why there is none.
func (c *caller) keepLetter(it *delivery.Item, payload []byte, err error, tries int, text string) {
	var message []byte
	if err == nil {
		message, err = outlet.Message(&it.Header, payload)
	}
	if err != nil {
		rule, err := unencodable(err)
		c.flow.loseLetter(it.Header.Subject(), c.name, rule, err)
		return
	}
	c.flow.localLetters.Keep(letters.Letter{ID: it.Header.ID, Handler: c.name, Subject: it.Header.Subject(), Tries: tries, Error: text,
		At: time.Unix(0, c.flow.clock.Wall()), Message: message})
}

// loseLetter counts a letter that is not kept, or no longer.
func (f *flow) loseLetter(subject, handler, rule string, why error) {
	f.trace.Point(steps.Step{Type: subject, Outcome: stats.Lost, Place: steps.AtHandler(handler), Rule: rule}).PassUnknown(1, why)
	f.log.Warn("dead letter not kept", "type", subject, "handler", handler, "error", why)
}

// failure says why an event of a durable import was not handled. When the node no longer waits for
// its handlers their context has ended: that they fail then is no reason to give the event up.
func (c *caller) failure(it *delivery.Item, tries int, why error) delivery.Failure {
	f := delivery.Failure{Place: it.At.Place, Final: handling.IsFinal(why), Err: why}
	after, notNow := handling.IsNotNow(why)
	f.After, f.Stack = after, stackOf(why)
	f.Excused = tries == 0 || notNow || c.flow.life.handling.Err() != nil && !f.Final ||
		handling.IsOneOf(why, outbox.ErrFull, outbox.ErrDisk, outbox.ErrUncertain)
	return f
}

// listens reports whether a handler of this node takes the subject.
func (f *flow) listens(subject string) bool {
	t, err := f.typeOf(subject)
	return err == nil && (len(t.handlers.Takers) > 0 || f.config.Tap != nil)
}

// stackOf is where a handler panicked, as Call noted it; a handler's own errors are not asked.
func stackOf(why error) []byte {
	if panicked, ok := why.(*PanicError); ok {
		return panicked.Stack
	}
	return nil
}
