package mesh

import (
	"leafmesh/mesh/internal/delivery"
	"leafmesh/mesh/internal/letters"
)

// The log has a line at the first failure of an event, so that a handler that fails is not silent
// while its events are tried again, and one when the event ends: that it was handled after all, or
// given up. What fails at once for the last time has the second one alone.

// TryAgain tells of a failed call, and gives back what it charged to the event's cascade.
func (c *caller) TryAgain(it *delivery.Item, try int, err error) {
	c.desk.takeBack()
	c.tellFailed(it, try, err)
}

func (c *caller) tellFailed(it *delivery.Item, try int, err error) {
	c.flow.log.WarnAbout(&it.Header, "handler failed", "handler", c.name, "try", try, "tries", c.settings.Tries, "error", letters.ErrorText(err))
}

// Recovered tells that an event was handled in the end.
func (c *caller) Recovered(it *delivery.Item, try int) {
	c.flow.log.InfoAbout(&it.Header, "event handled after failures", "handler", c.name, "try", try)
}
