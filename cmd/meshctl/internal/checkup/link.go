package checkup

import (
	"slices"

	"leafmesh/mesh/stats"
)

// LinkState is what is known of a link.
type LinkState string

// The states.
const (
	Up   LinkState = "up"
	Down LinkState = "down"
	// Unused: the peer may import from the node, and imports nothing, so it does not dial.
	Unused LinkState = "unused"
	// Unknown: the peer has not dialed, and was not heard of whether it is to.
	Unknown LinkState = "unknown"
)

// StateOf judges a link of a node by what it says of itself and by what its peer says, if it is
// among those that answered. A node does not know which of those that may import from it have
// anything to import.
func StateOf(node string, l stats.Link, all []stats.Stats) LinkState {
	if l.Connected {
		return Up
	}
	if l.Direction == "imports" {
		return Down
	}
	at := slices.IndexFunc(all, func(s stats.Stats) bool { return s.Node == l.Peer })
	switch {
	case at < 0:
		return Unknown
	case slices.ContainsFunc(all[at].Links, func(back stats.Link) bool { return back.Peer == node && back.Direction == "imports" }):
		return Down
	}
	return Unused
}
