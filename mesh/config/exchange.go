package config

import "time"

// Export declares that a type of this node's own service may leave it.
type Export struct {
	// Event is the type's subject; no wildcards, so that what leaves a node can be read from its
	// configuration.
	Event string `yaml:"event,omitempty" reload:"live" remedy:"name one event type, and make an entry for each"`
	Limit Limit  `yaml:"limit,omitempty" reload:"parts"`
	// KeptFor makes the export durable and names the services that it is kept for: an event stays
	// in this node's outbox until each of them has handled it, also one that starts a day late.
	// They must import it as durable. The instances of a service share the events; to give all to
	// each instance, name the instances, as in [score-1, score-2], and import with delivery each.
	// Emit then returns only when the event is stored. Empty: at most once, nothing is stored.
	KeptFor []string `yaml:"kept_for,omitempty" reload:"restart" remedy:"name the services that it is kept for, as in [score]"`
	// Bounds has an entry for services of KeptFor that have a bound of their own. The others have
	// that of the whole outbox.
	Bounds []Bound `yaml:"bounds,omitempty" reload:"restart" remedy:"make an entry for each service, as in - {service: score, max_age: 24h, full: lose}"`
	// Drop names services that are no longer in KeptFor and for which what still waits may be lost.
	// Without it, a node does not open whose outbox has events for such a service.
	Drop []string `yaml:"drop,omitempty" reload:"restart" remedy:"name the services for which what waits may be lost, as in [score]"`
}

// IsDurable reports whether the export is kept for any service. Nil is not.
func (e *Export) IsDurable() bool { return e != nil && len(e.KeptFor) > 0 }

// Import declares that a type of another service may enter this node.
type Import struct {
	// Event is the type's subject; no wildcards, so that what enters a node can be read from its
	// configuration. A peer of the type's service must have a URL.
	Event string `yaml:"event,omitempty" reload:"live" remedy:"name one event type, and make an entry for each"`
	// Delivery says which instances of this service get an event. Empty is Shared.
	Delivery Delivery `yaml:"delivery,omitempty" reload:"restart"`
	Limit    Limit    `yaml:"limit,omitempty" reload:"parts"`
	// Durable takes the events out of the outboxes of the exporting nodes, each at least once,
	// whatever dies when. The export must be durable and name this service, whose instances share
	// the events; with delivery each it names the instances.
	Durable bool `yaml:"durable,omitempty" reload:"restart" remedy:"write true or false; the services stand in the export, under kept_for"`
	// Ordered keeps the order in which a node stored its events, by key or of all: see
	// docs/durable.md for what that costs. For durable imports. Empty is OrderedNo.
	Ordered Ordered `yaml:"ordered,omitempty" reload:"restart"`
	// Redelivery says how often an event of a durable import is delivered.
	Redelivery Redelivery `yaml:"redelivery,omitempty" reload:"parts"`
}

func (i Import) withDefaults() Import {
	i.Limit = i.Limit.WithDefaults()
	if i.Delivery == "" {
		i.Delivery = Shared
	}
	if i.Durable {
		i.Redelivery = i.Redelivery.WithDefaults()
	}
	return i
}

// Delivery says which instances of a service get an imported event.
type Delivery string

const (
	// Shared gives each event to one instance of the importing service. The exporter chooses it by
	// the key: the events of a key go to one instance as long as the same instances are there, also
	// from several exporters. Events without a key go to the one with the fewest on their way.
	Shared Delivery = "shared"
	// Each gives each event to every instance. For a durable import the export names the instances.
	Each Delivery = "each"
)

// Redelivery says how often an event of a durable import is delivered, and how long after a failure
// it comes again: After, then twice as long each time, at most Max. A delivery fails when a handler
// gives the event up, after its own tries (see mesh.Retry); one in which it was not tried, or the
// outbox did not take what it emitted, does not count while the node lives. After the last one the
// event becomes a durable dead letter: see mesh.Node.Letters.
type Redelivery struct {
	Tries int           `yaml:"tries,omitempty" reload:"restart"` // default 8, at most 1000
	After time.Duration `yaml:"after,omitempty" reload:"restart"` // default 1s
	Max   time.Duration `yaml:"max,omitempty" reload:"restart"`   // default 1m
}

// MaxRedeliveries bounds the Tries of a [Redelivery].
const MaxRedeliveries = 1000

// WithDefaults fills in what is left out.
func (r Redelivery) WithDefaults() Redelivery {
	if r.Tries == 0 {
		r.Tries = 8
	}
	if r.After == 0 {
		r.After = time.Second
	}
	if r.Max == 0 {
		r.Max = max(time.Minute, r.After)
	}
	return r
}
