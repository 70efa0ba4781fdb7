package mesh

import "time"

// OutboxStats is what a node keeps for services that import from it, as it was
// within the last second.
type OutboxStats struct {
	// Events are stored. Those that all have handled stay for some minutes, so that
	// one that is emitted again is recognized.
	Events uint64 `json:"events"`
	Bytes  uint64 `json:"bytes"`
	// Oldest is how long ago the oldest of them was stored that a service has still to
	// handle; 0 if there is none.
	Oldest time.Duration `json:"oldest"`
	// Readers has an entry for each service and type.
	Readers []OutboxReader `json:"readers"`
}

// OutboxReader is one service that durable events of one type are kept for.
type OutboxReader struct {
	Service string `json:"service"`
	Type    string `json:"type"`
	// Known says that the service has come for the type at least once.
	Known bool `json:"known"`
	// Backlog counts the events that it has not handled; 0 unless Known, although all
	// of the type are kept for it then.
	Backlog uint64 `json:"backlog"`
	// UnderWay counts those of them that its nodes have taken and not settled.
	UnderWay int `json:"under_way"`
	// Redelivered counts those of them that were delivered more than once.
	Redelivered int `json:"redelivered"`
}

// DurableImport is one event type that the node takes out of a peer's outbox.
type DurableImport struct {
	Peer string `json:"peer"`
	Type string `json:"type"`
	// Connected says that the node is pulling; Problem says why it is not.
	Connected bool   `json:"connected"`
	Problem   string `json:"problem,omitempty"`
	// UnderWay counts the events that were taken and not settled.
	UnderWay int `json:"under_way"`
}

// LetterStats is about the durable dead letters. See [Node.Letters].
type LetterStats struct {
	Count  int           `json:"count"`
	Oldest time.Duration `json:"oldest"` // how long ago the oldest was given up; 0 if there is none
}

// addDurable fills in what is durable.
func (n *Node) addDurable(s *Stats) {
	if n.outbox != nil {
		o := n.outbox.Stats()
		s.Outbox = &OutboxStats{Events: o.Messages, Bytes: o.Bytes}
		if !o.OldestAt.IsZero() {
			s.Outbox.Oldest = max(0, time.Unix(0, n.clock.now()).Sub(o.OldestAt)) // another clock read that one
		}
		for _, r := range o.Readers {
			s.Outbox.Readers = append(s.Outbox.Readers, OutboxReader{Service: r.Service, Type: r.Subject, Known: r.Exists,
				Backlog: r.Pending + uint64(r.Unacked), UnderWay: r.Unacked, Redelivered: r.Redelivered})
		}
	}
	for _, d := range n.durables {
		state := d.state.Load()
		i := DurableImport{Peer: d.peer, Type: d.event, Connected: state.bound, UnderWay: d.underWay()}
		if state.err != nil {
			i.Problem = state.err.Error()
		}
		s.DurableImports = append(s.DurableImports, i)
	}
	if n.letters != nil {
		s.Letters = LetterStats{Count: n.letters.Len()}
		if oldest := n.letters.Oldest(); !oldest.IsZero() {
			s.Letters.Oldest = time.Unix(0, n.clock.now()).Sub(oldest)
		}
	}
}
