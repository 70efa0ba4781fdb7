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
	Again    *Again      // what is known of it from before it rested; nil: it has not rested
	Handover *Handover   // of a durable import; nil: none
	Timing   steps.Timing
}

// Again is what a handler knows of an item that comes to it again: because it was tried in vain, or
// because an older one of its key was.
type Again struct {
	Tries  int         // so far, as far as they count
	Begun  bool        // it was tried; else it waited behind one that was
	Settle func(error) // tells the handler's breaker how it ends; nil: there is none
}

// order is that of items that were put back. One that rested comes first: all of its key that came
// later wait behind it. Then the rule asked last comes first: what it kept had passed the others,
// so it is older than what they keep of its type and key.
func order(a, b *Item) int {
	switch {
	case a.Again != nil && b.Again != nil:
		return 0
	case a.Again != nil:
		return 1
	case b.Again != nil:
		return -1
	}
	return a.KeptBy.Order(b.KeptBy)
}

// WasBack reports whether the item was put back into its queue.
func (it *Item) WasBack() bool { return it.KeptBy != nil || it.Again != nil }

// Take moves the item out, to come again: what has to be told when it was processed is told then.
func (it *Item) Take(a *Again) Item {
	taken := *it
	taken.Again = a
	it.KeptBy, it.Handover, it.Again = nil, nil, nil
	return taken
}

// Abandon loses an item whose queue was abandoned.
func (it *Item) Abandon() {
	it.Lose(it.At.LostClosed, stats.ErrClosed)
	if it.Handover != nil {
		it.Handover.Leave()
	}
}

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
	k.item.Again = nil
	it.Handover = nil
	event := rules.Of(&k.item.Header)
	by.Keep(&event, k)
}

// GoOn puts the item back. An abandoned queue loses it.
func (k *kept) GoOn(by *rules.Rule) {
	k.item.KeptBy = by
	if !k.queue.PutBack(&k.item, k.value) {
		k.item.Abandon()
	}
}

// Header is the event's.
func (k *kept) Header() *cause.Header { return &k.item.Header }
