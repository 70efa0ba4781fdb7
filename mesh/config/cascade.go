package config

import (
	"cmp"
	"time"

	"leafmesh/mesh/internal/wire"
)

// Cascade bounds a cascade: all events descended from one root event. Depth, loops and deadline
// hold over all nodes, as they follow from what an event carries; the number of descendants is
// counted on each node.
type Cascade struct {
	// Root is the type of the root event; empty for all that have no entry.
	Root string `yaml:"root,omitempty" reload:"live"`
	// Depth is how many events may lie between the root and the deepest one; default 16, at most
	// 31, which is what the wire format holds. A cascade that serves a purpose passes few services:
	// the treasure hunt's is 4 deep.
	Depth int `yaml:"depth,omitempty" reload:"live"`
	// Descendants is how many events beside the root the cascade may have on this node, emitted or
	// imported, and each dead letter, which is never refused; default 1000, at most a million.
	// Tries of a handler are not counted, and what they emit counts once. Depth alone does not
	// bound a cascade: fan-out 2 under depth 16 is 131,071 events.
	Descendants int `yaml:"descendants,omitempty" reload:"live"`
	// Loops is how often any type may recur in its own path; default 0. The higher one of this and
	// the type's own allowance counts. See mesh.AllowLoop.
	Loops int `yaml:"loops,omitempty" reload:"live"`
	// Deadline is the age up to which events of the cascade are admitted; default 30s. The age is
	// what handlers took, one after the other, from the root to the event: see cause.Header.Age.
	// What events waited for does not count, and no two nodes' clocks are compared.
	Deadline time.Duration `yaml:"deadline,omitempty" reload:"live"`
}

const (
	defaultDepth       = 16
	defaultDescendants = 1000
	defaultDeadline    = 30 * time.Second
	maxDescendants     = 1_000_000
	maxDepth           = wire.MaxPathSteps - 1
)

// WithDefaults fills in what is left out.
func (c Cascade) WithDefaults() Cascade {
	c.Depth = cmp.Or(c.Depth, defaultDepth)
	c.Descendants = cmp.Or(c.Descendants, defaultDescendants)
	c.Deadline = cmp.Or(c.Deadline, defaultDeadline)
	return c
}
