package mesh

import (
	"leafmesh/mesh/internal/delivery"
	"leafmesh/mesh/internal/letters"
)

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

// Recovered tells that an event was handled in the end. Of one that has come again from an outbox,
// or as a letter, others tell.
func (c *caller) Recovered(it *delivery.Item, try int) {
	if !hasFailed(it) {
		c.flow.log.InfoAbout(&it.Header, "event handled after failures", "handler", c.name, "try", try)
	}
}
