package stats

import "slices"

// LinkStatus is what is known of a link, by what its node and its peer say.
type LinkStatus string

// What is known of links.
const (
	LinkUp   LinkStatus = "up"
	LinkDown LinkStatus = "down"
	// LinkUnused is that of a peer that may import from the node and imports nothing, so it does
	// not dial.
	LinkUnused LinkStatus = "unused"
	// LinkUnknown is that of a peer that has not dialed and was not heard of whether it is to.
	LinkUnknown LinkStatus = "unknown"
)

// StatusOf judges a link of a node by what it says of itself and by what its peer says, if it is
// among those that answered. A node does not know which of those that may import from it have
// anything to import, unless the link was up once or events are kept for the peer.
func StatusOf(node string, l Link, all []Stats) LinkStatus {
	if l.Connected {
		return LinkUp
	}
	if l.Direction != "exports" { // the node dials it
		return LinkDown
	}
	at := slices.IndexFunc(all, func(s Stats) bool { return s.Node == l.Peer })
	switch {
	case at < 0 && !l.Missed && l.Since.IsZero() && !l.Cause.IsKnown():
		return LinkUnknown
	case at < 0:
		return LinkDown
	case slices.ContainsFunc(all[at].Links, func(back Link) bool { return back.Peer == node && back.Direction == "imports" }):
		return LinkDown
	}
	return LinkUnused
}

// IsKnown reports whether the cause says why a link is down.
func (c Cause) IsKnown() bool { return c != "" && c != Unknown }
