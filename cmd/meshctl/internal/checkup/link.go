package checkup

import (
	"slices"
	"strings"
	"time"

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
// anything to import, unless the link was up once or events are kept for the peer.
func StateOf(node string, l stats.Link, all []stats.Stats) LinkState {
	if l.Connected {
		return Up
	}
	if l.Direction != "exports" { // the node dials it
		return Down
	}
	at := slices.IndexFunc(all, func(s stats.Stats) bool { return s.Node == l.Peer })
	switch {
	case at < 0 && !l.Missed && l.Since.IsZero() && !isCause(l.Cause):
		return Unknown
	case at < 0:
		return Down
	case slices.ContainsFunc(all[at].Links, func(back stats.Link) bool { return back.Peer == node && back.Direction == "imports" }):
		return Down
	}
	return Unused
}

func isCause(c stats.Cause) bool { return c != "" && c != stats.Unknown }

// SinceWhen says since when a link is down and for which cause, as far as its node knows: "dead
// since 2026-11-29 13:00:00", or "".
func SinceWhen(l stats.Link) string {
	text := ""
	if isCause(l.Cause) {
		text = string(l.Cause) + " "
	}
	if !l.Since.IsZero() {
		text += "since " + l.Since.UTC().Format(time.DateTime)
	}
	return strings.TrimSpace(text)
}
