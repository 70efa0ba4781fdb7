package config

import (
	"fmt"
	"time"
)

// Bound is how much of a durable export may wait for one service, and what happens then.
type Bound struct {
	// Service is the service, as kept_for names it.
	Service string `yaml:"service,omitempty" reload:"restart"`
	// MaxEvents and MaxBytes bound what waits for the service. Left out: a service that loses has
	// half of what the outbox has, shared by all that lose, and another has as much as the outbox.
	MaxEvents int64 `yaml:"max_events,omitempty" reload:"restart"`
	MaxBytes  Size  `yaml:"max_bytes,omitempty" reload:"restart"`
	// MaxAge is how long an event may wait for the service. Left out: as long as in the outbox.
	MaxAge time.Duration `yaml:"max_age,omitempty" reload:"restart"`
	// Full is what happens at the bound. Empty is FullRefuse.
	Full Full `yaml:"full,omitempty" reload:"restart"`
}

// Full is what happens when as much waits for a service as may.
type Full string

const (
	// FullRefuse refuses new events, for all: Emit returns mesh.ErrOutboxFull, and names the
	// service.
	FullRefuse Full = "refuse"
	// FullLose loses the oldest that waits, for that service alone. Each is counted as lost at
	// "outbox <service>" by outbox-full.
	FullLose Full = "lose"
)

// BoundOf is the bound of a service, with what is left out filled in; o has its defaults, and
// losing is how many bounds of the node lose.
func (e Export) BoundOf(service string, o Outbox, losing int) (b Bound, ok bool) {
	for _, b := range e.Bounds {
		if b.Service == service {
			return b.withDefaults(o, losing), true
		}
	}
	return Bound{}, false
}

func (b Bound) withDefaults(o Outbox, losing int) Bound {
	share := int64(1)
	if b.Full == FullLose {
		share = int64(2 * max(1, losing))
	}
	if b.MaxEvents == 0 {
		b.MaxEvents = max(1, o.MaxEvents/share)
	}
	if b.MaxBytes == 0 {
		b.MaxBytes = max(1, o.MaxBytes/Size(share))
	}
	if b.MaxAge == 0 {
		b.MaxAge = o.MaxAge
	}
	return b
}

// Losing is how many bounds of the node's exports lose.
func (n Node) Losing() (losing int) {
	for _, e := range n.Exports {
		for _, b := range e.Bounds {
			if b.Full == FullLose {
				losing++
			}
		}
	}
	return losing
}

// bounds checks the bounds of an export.
func (v *validation) bounds(field string, e Export) {
	seen, o := firsts{}, v.config.Outbox.WithDefaults()
	kept := map[string]bool{}
	for _, s := range e.KeptFor {
		kept[s] = true
	}
	for i, b := range e.Bounds {
		at := fmt.Sprintf("%s.bounds[%d]", field, i)
		switch first := seen.twice(b.Service, at); {
		case b.Service == "":
			v.add(at+".service", "nothing says whose bound this is", "name a service of kept_for", at)
		case first != "":
			v.add(at+".service", fmt.Sprintf("%q already stands in %s", b.Service, first), "keep one of the two")
		case !kept[b.Service]:
			v.add(at+".service", fmt.Sprintf("the export is not kept for %.80q", b.Service), "name it as it stands in kept_for, or remove the bound", field+".kept_for")
		}
		v.within(at+".max_events", b.MaxEvents, o.MaxEvents, "the default")
		if b.MaxBytes < 0 || b.MaxBytes > o.MaxBytes {
			v.add(at+".max_bytes", fmt.Sprintf("%v is out of range", b.MaxBytes), fmt.Sprintf("choose up to that of the outbox, %v, or leave it out", o.MaxBytes))
		}
		if b.MaxAge < 0 || b.MaxAge > o.MaxAge {
			v.add(at+".max_age", fmt.Sprintf("%v is out of range", b.MaxAge), fmt.Sprintf("choose up to that of the outbox, %v, or leave it out", o.MaxAge))
		}
		if b.Full != "" && b.Full != FullRefuse && b.Full != FullLose {
			v.add(at+".full", fmt.Sprintf("unknown choice %.80q", string(b.Full)), "choose refuse (Emit refuses new events) or lose (the oldest is lost for this service)")
		}
	}
}
