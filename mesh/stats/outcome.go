package stats

// Outcome is what became of events that are counted together.
type Outcome string

// The outcomes. At rest, for each handler: delivered = handled + failed + coalesced + returned +
// lost under the rule "closed" + shed under any rule but "queue-full" and "cut", which come before.
const (
	Admitted  Outcome = "admitted"  // passed the gate of this node
	Delivered Outcome = "delivered" // put into a queue, once for each consumer
	Begun     Outcome = "begun"     // a handler was called; traced, not counted
	Handled   Outcome = "handled"   // the handler returned nil
	Failed    Outcome = "failed"    // the handler gave up: a dead letter
	Retried   Outcome = "retried"   // tries after the first
	Returned  Outcome = "returned"  // of a durable import, not handled: it comes again
	Exported  Outcome = "exported"  // published to the links
	// Stored events are in this node's outbox. One that was stored before, as after a retry, counts
	// again, although the outbox drops the copy.
	Stored   Outcome = "stored"
	Unheard  Outcome = "unheard"  // an export that no node listened for; with a service as its rule, none of that one
	Tapped   Outcome = "tapped"   // shown to clients at the tap
	Imported Outcome = "imported" // came over a link and was understood
	// Acknowledged events of a durable import are done with: handled, or dead letters.
	Acknowledged Outcome = "acknowledged"
	// Redelivered events of a durable import came again, as far as this node or the exporter
	// remembers. After either has crashed, an event may come again and count as new.
	Redelivered Outcome = "redelivered"
	// OutboxChanged counts outboxes of peers that were not as this node left them: wiped, restored
	// from an old copy, or renamed.
	OutboxChanged Outcome = "outbox-changed"
	// DeadLettered events of a durable import became durable dead letters.
	DeadLettered Outcome = "dead-lettered"
	// Rerooted events are imported ones whose causal header was missing or damaged, so that each
	// became a root.
	Rerooted Outcome = "rerooted"
	Delayed  Outcome = "delayed" // waited for a limit
	// Coalesced events gave way to a newer one of their key.
	Coalesced Outcome = "coalesced"
	// Overflowed events found the buckets of a rule in use by other keys, and were judged by the
	// one that such events share.
	Overflowed Outcome = "overflowed"
	// Evicted counts the keys whose full bucket of a rule went to another key. It is no loss.
	Evicted Outcome = "evicted"
	Shed    Outcome = "shed"    // dropped by a rule that sheds
	Refused Outcome = "refused" // stopped by a rule; who emitted it got an error, if still there
	Lost    Outcome = "lost"    // neither delivered nor refused
)

// IsLoss reports whether events with this outcome did not do what they were emitted for: lost,
// failed, refused or shed. An event that is unheard is none: it was handled on its own node, and
// nobody else asked for it. What a rule refused or shed is a loss for whoever emitted it, as
// somebody decided; meshctl doctor looks only for [Lost].
func (o Outcome) IsLoss() bool {
	switch o {
	case Lost, Failed, Refused, Shed:
		return true
	}
	return false
}

// The rules that events are refused, shed or lost by, beside those that a configuration names. The
// first four are the cascade guard's.
const (
	CascadeDepth       = "cascade-depth"
	CascadeLoop        = "cascade-loop"
	CascadeDeadline    = "cascade-deadline"
	CascadeDescendants = "cascade-descendants"

	QueueFull    = "queue-full"
	Breaker      = "breaker"
	Cut          = "cut"
	Closed       = "closed"
	Malformed    = "malformed"
	PayloadSize  = "payload-size"
	BadKey       = "key"
	NotOwner     = "not-owner"    // the type is another service's
	ForeignTurn  = "foreign-turn" // the context is of another node's handler
	UnknownType  = "unknown-type"
	TooManyTypes = "too-many-types"
	SlowConsumer = "slow-consumer"
	ReaderLimit  = "reader-limit" // more than the import of a reader takes, so not sent to it
	LinkCut      = "link-cut"     // sent by an exporter and not arrived, as the link was cut
	HubCut       = "hub-cut"      // as well, by a hub: the exporter's link to it was cut, or one between its servers
	NoDeadLetter = "dead-letter"  // the dead letter itself was refused
	NoRoom       = "letters"      // the dead letter is not kept: no room, or the disk fails
	NotWireSafe  = "not-wire-safe"
	OutboxGone   = "outbox-gone"

	// A durable export is refused by these.
	OutboxFull      = "outbox-full"
	OutboxDisk      = "outbox-disk"
	OutboxUncertain = "outbox-uncertain"
	OutboxRefused   = "outbox-refused"
)
