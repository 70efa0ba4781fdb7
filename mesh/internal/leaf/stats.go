package leaf

import (
	"cmp"
	"slices"
	"strings"
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
	// ToHubs is the link to the hub, over which other nodes are reached both ways.
	ToHubs Direction = "hub"
)

// Link is the state of one link. One that is configured and not connected is
// listed too, with zero figures. All figures begin anew with each connection.
type Link struct {
	// Peer is who it is by its key for Inbound, the Remote's name for Outbound, and HubName.
	Peer      string
	Direction Direction
	Connected bool
	// RTT is that of the last ping; 0 before the first.
	RTT time.Duration
	// Messages and bytes since it was connected. Bytes are those of payloads with their NATS
	// headers. They are updated after each batch read.
	MessagesIn, MessagesOut, BytesIn, BytesOut uint64
}

// Links lists all links, sorted by direction and peer. It takes the lock of each
// link for a moment: for reports, not for each event.
func (s *Server) Links() (links []Link) {
	spec, present := s.currentSpec(), map[Account][]*server.LeafInfo{}
	for _, info := range s.leafs("") {
		if remote, dialed := strings.CutPrefix(info.Account, exporterPrefix); !dialed || info.Name == remote {
			present[Account(info.Account)] = append(present[Account(info.Account)], info)
		}
	}
	add := func(peer string, account Account, direction Direction) {
		if len(present[account]) == 0 {
			links = append(links, Link{Peer: peer, Direction: direction})
		}
		for _, info := range present[account] {
			links = append(links, newLink(info, peer, direction))
		}
	}
	for _, importer := range spec.Importers {
		if !importer.Shut {
			add(importer.Name, readerAccount(importer.Name), Inbound)
		}
	}
	for _, remote := range spec.Remotes {
		if !remote.Shut {
			add(remote.Name, exporterAccount(remote.Name), Outbound)
		}
	}
	if spec.Hub != nil {
		add(HubName, hubAccount, ToHubs)
	}
	slices.SortStableFunc(links, func(a, b Link) int {
		return cmp.Or(cmp.Compare(a.Direction, b.Direction), cmp.Compare(a.Peer, b.Peer))
	})
	return links
}

func newLink(info *server.LeafInfo, peer string, direction Direction) Link {
	rtt, _ := time.ParseDuration(info.RTT) // "" before the first ping
	return Link{
		Peer:        peer,
		Direction:   direction,
		Connected:   true,
		RTT:         rtt,
		MessagesIn:  uint64(max(0, info.InMsgs)),
		MessagesOut: uint64(max(0, info.OutMsgs)),
		BytesIn:     uint64(max(0, info.InBytes)),
		BytesOut:    uint64(max(0, info.OutBytes)),
	}
}
