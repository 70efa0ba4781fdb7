package mesh

import (
	"cmp"
	"slices"
	"strings"
)

// Outcome is what became of events that are counted together.
type Outcome string

// The outcomes. At rest, for each handler: delivered = handled + failed + coalesced
// + returned
// + lost under the rule "closed" + shed under any rule but "queue-full" and "cut",
// which come before.
const (
	Admitted  Outcome = "admitted"  // passed the gate of this node
	Delivered Outcome = "delivered" // put into a queue, once for each consumer
	Handled   Outcome = "handled"   // the handler returned nil
	Failed    Outcome = "failed"    // the handler gave up: a dead letter
	Retried   Outcome = "retried"   // tries after the first
	Returned  Outcome = "returned"  // of a durable import, not handled: it comes again
	Exported  Outcome = "exported"  // published to the links
	Stored    Outcome = "stored"    // put into this node's outbox
	Unheard   Outcome = "unheard"   // an export that no node listened for
	Tapped    Outcome = "tapped"    // shown to clients at the tap
	Imported  Outcome = "imported"  // came over a link and was understood
	// Acknowledged events of a durable import are done with: handled, or dead letters.
	Acknowledged Outcome = "acknowledged"
	// Redelivered events of a durable import came again.
	Redelivered Outcome = "redelivered"
	// OutboxChanged counts outboxes of peers that were not as this node left them: wiped,
	// restored from an old copy, or renamed.
	OutboxChanged Outcome = "outbox-changed"
	// DeadLettered events of a durable import became durable dead letters.
	DeadLettered Outcome = "dead-lettered"
	// Rerooted events are imported ones whose causal header was missing or damaged,
	// so that each became a root.
	Rerooted Outcome = "rerooted"
	Delayed  Outcome = "delayed" // waited for a limit
	// Coalesced events gave way to a newer one of their key.
	Coalesced Outcome = "coalesced"
	// Overflowed events found the buckets of a rule in use by other keys, and were
	// judged by the one that such events share.
	Overflowed Outcome = "overflowed"
	// Evicted counts the keys whose full bucket of a rule went to another key. It
	// is no loss.
	Evicted Outcome = "evicted"
	// ShedEvents were dropped by a rule that sheds.
	ShedEvents Outcome = "shed"
	Refused    Outcome = "refused" // stopped by a rule; who emitted it got an error, if still there
	Lost       Outcome = "lost"    // neither delivered nor refused
)

// The rules that events are refused, shed or lost by, beside those of the
// configuration and of the cascade guard.
const (
	ruleQueueFull   = "queue-full"
	ruleBreaker     = "breaker"
	ruleCut         = "cut"
	ruleClosed      = "closed"
	ruleMalformed   = "malformed"
	ruleOversize    = "payload-size"
	ruleKey         = "key"
	ruleTypes       = "too-many-types"
	ruleSlow        = "slow-consumer"
	ruleDeadLetter  = "dead-letter"
	ruleNotWireSafe = "not-wire-safe"
	ruleDepth       = "depth"
	ruleOrphaned    = "outbox-gone"
)

// Count is one counter: how many events of a type had an outcome at a place,
// and by which rule. Counts only grow while the node lives.
type Count struct {
	Type    string  `json:"type"`
	Outcome Outcome `json:"outcome"`
	Place   string  `json:"place,omitempty"`
	Rule    string  `json:"rule,omitempty"`
	Count   uint64  `json:"count"`
}

// Link is one directed connection to a peer. Its messages are events; the bytes
// also have the links' own traffic.
type Link struct {
	Peer string `json:"peer"`
	// Direction is "imports" for a link this node reads from and "exports" for
	// one a peer reads this node's exports from.
	Direction   string `json:"direction"`
	Connected   bool   `json:"connected"`
	MessagesIn  uint64 `json:"messages_in"`
	MessagesOut uint64 `json:"messages_out"`
	BytesIn     uint64 `json:"bytes_in"`
	BytesOut    uint64 `json:"bytes_out"`
}

// Stats is a node's counters at a moment. The counters are read one after the
// other while events flow; at rest they agree.
type Stats struct {
	Node string `json:"node"`
	// Counts are those above zero, ordered by type, outcome, place and rule.
	Counts []Count `json:"counts"`
	Links  []Link  `json:"links"`
	// Waiting counts the events reserved, waiting or being handled in all queues,
	// and those that rules keep.
	Waiting  int64        `json:"waiting"`
	Cascades CascadeStats `json:"cascades"`
	// Outbox is what this node keeps for others; nil without a durable export.
	Outbox *OutboxStats `json:"outbox,omitempty"`
	// DurableImports has an entry for each durable import and peer.
	DurableImports []DurableImport `json:"durable_imports,omitempty"`
	Letters        LetterStats     `json:"letters,omitzero"`
}

// CascadeStats is how full the ledger of the cascade guard is.
type CascadeStats struct {
	// Known cascades had a descendant on this node lately: at most 65,536.
	Known int `json:"known"`
	// Forgotten ones made room for others, each time one did. Should one go on, its
	// budget of descendants begins anew.
	Forgotten uint64 `json:"forgotten"`
}

// Total sums an outcome over all types, places and rules.
func (s Stats) Total(outcome Outcome) uint64 { return s.Of("", outcome) }

// Of sums an outcome over all places and rules of one type; "" means all types.
func (s Stats) Of(subject string, outcome Outcome) (sum uint64) {
	for _, c := range s.Counts {
		if c.Outcome == outcome && (subject == "" || c.Type == subject) {
			sum += c.Count
		}
	}
	return sum
}

// Stats gives the node's counters. It may be called at any time, also after
// Close.
func (n *Node) Stats() Stats {
	for _, i := range n.imports {
		i.countDropped()
	}
	s := Stats{Node: n.name, Counts: n.counters.list(), Links: n.links(), Cascades: n.guard.stats()}
	for _, r := range n.receivers() {
		s.Waiting += r.depth()
	}
	s.Waiting += n.kept()
	n.addDurable(&s)
	return s
}

// kept counts the events that rules keep.
func (n *Node) kept() (sum int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, l := range n.coalescing {
		sum += int64(l.coalescer.len())
	}
	return sum
}

func (c *counters) list() []Count {
	c.mu.Lock()
	defer c.mu.Unlock()
	counts := []Count{} // a list in JSON, also without entries
	for key, cell := range c.cells {
		if n := cell.Load(); n > 0 {
			counts = append(counts, Count{key.subject, key.outcome, key.place, key.rule, n})
		}
	}
	slices.SortFunc(counts, func(a, b Count) int {
		return cmp.Or(strings.Compare(a.Type, b.Type), cmp.Compare(a.Outcome, b.Outcome),
			strings.Compare(a.Place, b.Place), strings.Compare(a.Rule, b.Rule))
	})
	return counts
}
