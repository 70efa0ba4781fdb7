package stats

import (
	"cmp"
	"slices"
	"time"

	"leafmesh/mesh/cause"
)

// Slowest is the slowest that a handler, a link or a cascade took lately.
type Slowest struct {
	Of    Measured      `json:"of"`
	Type  string        `json:"type,omitempty"`
	Place string        `json:"place,omitempty"`
	Peer  string        `json:"peer,omitempty"`
	Root  cause.ID      `json:"root"` // of the cascade
	Took  time.Duration `json:"took"`
	At    time.Time     `json:"at"`
}

// Slowest returns the example in the highest bucket. It is false if there is none.
func (d Durations) Slowest() (slow Slowest, known bool) {
	if len(d.Examples) == 0 {
		return slow, false
	}
	e := slices.MaxFunc(d.Examples, func(a, b Example) int { return cmp.Compare(a.Value, b.Value) })
	return Slowest{Of: d.Of, Type: d.Type, Place: d.Place, Peer: d.Peer, Root: e.Root, Took: e.Value, At: e.At}, true
}
