package delivery

import (
	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/queue"
	"leafmesh/mesh/internal/rules"
	"leafmesh/mesh/internal/steps"
	"leafmesh/mesh/stats"
)

// Item is one event in a queue. Its value is beside it.
type Item struct {
	Header   cause.Header
	At       *Subscription
	KeptBy   *rules.Rule // the rule that took it out of the queue and put it back; nil: none
	Handover *Handover   // of a durable import; nil: none
}

// order is that of items that were put back. The rule asked last comes first: what it kept had
// passed the others, so it is older than what they keep of its type and key.
func order(a, b *Item) int { return a.KeptBy.Order(b.KeptBy) }

// Awaited reports whether somebody has to be told when the item was processed: then Done must be
// called, also if its processing ends the goroutine.
func (it *Item) Awaited() bool { return it.KeptBy != nil || it.Handover != nil }

// Done tells that the item was processed.
func (it *Item) Done() {
	if it.KeptBy != nil { // not before: nothing may overtake it until here
		event := rules.Of(&it.Header)
		it.KeptBy.Arrived(&event)
	}
	if it.Handover != nil {
		it.Handover.Leave()
	}
}

// Lose ends an event that a place did not try to handle. One of a durable import is not lost: it
// comes again.
func (it *Item) Lose(as *steps.Point, why error) {
	if it.Handover == nil {
		as.PassError(&it.Header, why)
		return
	}
	it.Handover.Fail(Failure{Place: it.At.Place, Excused: true, Err: why})
	it.At.Returned.PassError(&it.Header, why)
}

// kept is an item that was in a queue and that a rule keeps. It goes back there, before all that
// came after it, and has arrived when the queue's worker has processed it.
type kept struct {
	queue *queue.Core[Item]
	item  Item
	value any // points to a copy of the item's value
}

// Keep gives a rule an item that it keeps until later, with its handover. value points to a copy of
// the item's value.
func Keep(by *rules.Rule, q *queue.Core[Item], it *Item, value any) {
	k := &kept{queue: q, item: *it, value: value}
	it.Handover = nil
	event := rules.Of(&k.item.Header)
	by.Keep(&event, k)
}

// GoOn puts the item back. An abandoned queue loses it.
func (k *kept) GoOn(by *rules.Rule) {
	k.item.KeptBy = by
	if k.queue.PutBack(&k.item, k.value) {
		return
	}
	k.item.Lose(k.item.At.LostClosed, stats.ErrClosed)
	if k.item.Handover != nil {
		k.item.Handover.Leave()
	}
}

// Header is the event's.
func (k *kept) Header() *cause.Header { return &k.item.Header }
