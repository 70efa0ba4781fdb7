package readers

import (
	"slices"

	"leafmesh/mesh/config"
)

// Room is how large a message to a reader may be, in bytes; 0 if it is not there. The nil Readers
// have none.
func (r *Readers) Room(name string) int {
	if r == nil {
		return 0
	}
	p := r.presenceOf(name)
	if p == nil {
		return 0
	}
	line := r.lines.to(name)
	if line == nil {
		return 0
	}
	if _, up := line.Link(); !up {
		return 0
	}
	return p.room
}

// Expects reports whether a reader should be there: it has said hello since the node was opened, or
// the outbox keeps events for it.
func (r *Readers) Expects(name string) bool {
	if r == nil || r.lines.to(name) == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.met[name] || slices.ContainsFunc(*r.exports.Load(), func(e config.Export) bool { return r.keepsFor(e.Event, name) })
}

// Takes reports whether a reader gets events of a type, or did within the last minute. The nil
// Readers get none.
func (r *Readers) Takes(name, subject string) bool {
	if r == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.greeted[name]
	return p != nil && p.asks[subject]
}

// keepsFor reports whether the outbox keeps events of a type for a reader or its service.
func (r *Readers) keepsFor(subject, name string) bool {
	return slices.ContainsFunc(*r.exports.Load(), func(e config.Export) bool {
		return e.Event == subject && (slices.Contains(e.KeptFor, name) || slices.Contains(e.KeptFor, config.ServiceOf(name)))
	})
}

// Misses reports whether a reader should be there and is not.
func (r *Readers) Misses(name string) bool { return r.Expects(name) && r.Room(name) == 0 }
