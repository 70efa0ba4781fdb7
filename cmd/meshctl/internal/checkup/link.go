package checkup

import (
	"strings"
	"time"

	"leafmesh/mesh/stats"
)

// SinceWhen says since when a link is down and for which cause, as far as its node knows: "dead
// since 2026-11-29 13:00:00", or "".
func SinceWhen(l stats.Link) string {
	text := ""
	if l.Cause.IsKnown() {
		text = string(l.Cause) + " "
	}
	if !l.Since.IsZero() {
		text += "since " + l.Since.UTC().Format(time.DateTime)
	}
	return strings.TrimSpace(text)
}
