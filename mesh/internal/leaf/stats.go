package leaf

import (
	"cmp"
	"slices"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Direction tells which way a link carries events.
type Direction string

const (
	// Outbound is a link we dialed: we import from the peer.
	Outbound Direction = "imports from"
	// Inbound is a link the peer dialed: we export to it.
	Inbound Direction = "exports to"
)

// Link is the state of one link. One that is configured and not connected is
// listed too, with zero figures. All figures begin anew with each connection.
type Link struct {
	Peer      string
	Direction Direction
	Connected bool
	// Proven: the peer has registered the beacon subject that only its key may.
	// Until then Peer is only what it calls itself. Always false for Outbound.
	Proven bool
	// RTT is that of the last ping; 0 before the first.
	RTT time.Duration
	// Messages and bytes since it was connected, beacons included. Bytes are those
	// of payloads with their NATS headers. They are updated after each batch read.
	MessagesIn, MessagesOut, BytesIn, BytesOut uint64
	// Beacons is how many of MessagesOut (Inbound) or MessagesIn (Outbound) are
	// beacons. They are counted before they are sent and after they arrive, so
	// MessagesOut minus Beacons is never above the events that went out.
	Beacons uint64
	// Subjects are the wire subjects an importer has registered here, sorted. Nil
	// for Outbound.
	Subjects []string
}

// Links lists all links, sorted by direction and peer. It takes the lock of each
// link for a moment: for reports, not for each event.
func (s *Server) Links() []Link {
	spec := s.currentSpec()
	links := s.inboundLinks(spec)
	links = append(links, s.outboundLinks(spec)...)
	slices.SortFunc(links, func(a, b Link) int {
		return cmp.Or(cmp.Compare(a.Direction, b.Direction), cmp.Compare(a.Peer, b.Peer))
	})
	return links
}

func (s *Server) inboundLinks(spec Spec) []Link {
	var links []Link
	missing := map[string]bool{}
	for _, importer := range spec.Importers {
		missing[importer.Name] = true
	}
	for _, in := range s.inbound() {
		link := newLink(in.info, Inbound)
		link.Subjects = in.subjects
		link.Beacons = s.exporter.count(in.id)
		if in.importer != "" {
			link.Peer, link.Proven = in.importer, true
		}
		delete(missing, link.Peer)
		links = append(links, link)
	}
	for name := range missing {
		links = append(links, Link{Peer: name, Direction: Inbound})
	}
	return links
}

func (s *Server) outboundLinks(spec Spec) []Link {
	var links []Link
	present := s.outbound()
	for _, remote := range spec.Remotes {
		link := Link{Peer: remote.Name, Direction: Outbound}
		for _, out := range present {
			if out.info.Name == remote.Name && remote.isAt(out.info.IP, out.info.Port) {
				link = newLink(out.info, Outbound)
				h, _, _ := s.importer.latest(out.nonce)
				link.Beacons = h.count
			}
		}
		links = append(links, link)
	}
	return links
}

func newLink(info *server.LeafInfo, direction Direction) Link {
	rtt, _ := time.ParseDuration(info.RTT) // "" before the first ping
	return Link{
		Peer:        info.Name,
		Direction:   direction,
		Connected:   true,
		RTT:         rtt,
		MessagesIn:  uint64(max(0, info.InMsgs)),
		MessagesOut: uint64(max(0, info.OutMsgs)),
		BytesIn:     uint64(max(0, info.InBytes)),
		BytesOut:    uint64(max(0, info.OutBytes)),
	}
}
