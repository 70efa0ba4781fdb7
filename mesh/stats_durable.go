package mesh

import (
	"leafmesh/mesh/stats"
	"time"
)

// addDurable fills in what is durable.
func (n *Node) addDurable(s *stats.Stats) {
	if n.outbox != nil {
		o := n.outbox.Stats()
		s.Outbox = &stats.Outbox{Events: o.Messages, Bytes: o.Bytes}
		if !o.OldestAt.IsZero() {
			s.Outbox.Oldest = max(0, time.Unix(0, n.clock.now()).Sub(o.OldestAt)) // another clock read that one
		}
		for _, r := range o.Readers {
			s.Outbox.Readers = append(s.Outbox.Readers, stats.OutboxReader{Service: r.Service, Type: r.Subject, Known: r.Exists,
				Backlog: r.Pending + uint64(r.Unacked), UnderWay: r.Unacked, Redelivered: r.Redelivered})
		}
	}
	for _, d := range n.durables {
		state := d.state.Load()
		i := stats.DurableImport{Peer: d.peer, Type: d.event, Connected: state.bound, UnderWay: d.underWay()}
		if state.err != nil {
			i.Problem = state.err.Error()
		}
		s.DurableImports = append(s.DurableImports, i)
	}
	if n.letters != nil {
		s.Letters = stats.Letters{Count: n.letters.Len()}
		if oldest := n.letters.Oldest(); !oldest.IsZero() {
			s.Letters.Oldest = time.Unix(0, n.clock.now()).Sub(oldest)
		}
	}
}
