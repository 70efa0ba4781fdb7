package inlet

import (
	"testing"

	"leafmesh/mesh/stats"
)

// hubbed is the way to clue-1 by a hub.
type hubbed struct{ *site }

func (hubbed) ByHub() bool { return true }

// Events that did not arrive over the link that is there still were lost on the exporter's way to
// the hub; over another link than before, with this node's own.
func TestWhereEventsWereLost(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newSite(t, nil)
		s.dial()
		talk := s.set.exchange.Load().talks["clue-1"]
		i := newPlain(talk, talk.imports[0].of)
		i.link = s.epoch
		lost := func(before uint64, rule string, want uint64) {
			t.Helper()
			i.count(nil, 7, before) // no subscription has dropped any
			if n := s.count(stats.Lost, rule); n != want {
				t.Errorf("%d lost by %s, want %d", n, rule, want)
			}
		}
		lost(2, stats.LinkCut, 2) // a direct link: NATS tells no more
		var byHub Exporter = hubbed{s}
		talk.way.Store(&byHub)
		lost(5, stats.HubCut, 3)
		lost(6, stats.HubCut, 4)
		s.dial()
		lost(10, stats.LinkCut, 6)
		lost(11, stats.HubCut, 5)
		i.behind = 1 // of what the client has dropped
		lost(12, stats.SlowConsumer, 1)
	})
}
