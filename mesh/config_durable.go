package mesh

import (
	"errors"
	"fmt"
	"time"

	"leafmesh/mesh/internal/outbox"
	"leafmesh/mesh/internal/route"
)

// Outbox bounds what a node's durable exports keep on disk. At each bound new
// events are refused: Emit returns [ErrOutboxFull] and nothing was stored. An event
// that a service has still to handle is never removed to make room.
type Outbox struct {
	// MaxAge is how long an event may wait for a service; while one waits longer,
	// new ones are refused, as nobody seems to come for them. More than 2 minutes;
	// default 168h (7 days).
	MaxAge time.Duration `yaml:"max_age,omitempty"`
	// MaxBytes is how much is kept, in bytes on disk; default 1 GiB.
	MaxBytes int64 `yaml:"max_bytes,omitempty"`
	// MaxEvents is how many events are kept; default 1,000,000.
	MaxEvents int64 `yaml:"max_events,omitempty"`
	// Sync says when what was written is forced to the disk: after each event
	// ("always") or at an interval; default 1s. An event is written before Emit
	// returns, so that a crash of the process loses nothing either way; a crash of
	// the machine may lose the events of the last interval.
	Sync Sync `yaml:"sync,omitempty"`
}

// Sync is an interval, or [SyncAlways].
type Sync time.Duration

// SyncAlways forces each event to the disk before Emit returns.
const SyncAlways Sync = -1

const (
	defaultOutboxAge    = 7 * 24 * time.Hour
	defaultOutboxBytes  = 1 << 30
	defaultOutboxEvents = 1_000_000
	defaultOutboxSync   = Sync(time.Second)
	minOutboxBytes      = 1 << 20
	maxOutboxBytes      = 1 << 40
	maxOutboxEvents     = 1_000_000_000
)

// String gives "always" or the interval.
func (s Sync) String() string {
	if s == SyncAlways {
		return "always"
	}
	return time.Duration(s).String()
}

// MarshalText gives "always" or the interval.
func (s Sync) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads "always" or an interval, "1s".
func (s *Sync) UnmarshalText(text []byte) error {
	if string(text) == "always" {
		*s = SyncAlways
		return nil
	}
	interval, err := time.ParseDuration(string(text))
	if err != nil || interval <= 0 {
		return errors.New("it is neither always nor a positive interval, as in 1s")
	}
	*s = Sync(interval)
	return nil
}

func (o Outbox) withDefaults() Outbox {
	if o.MaxAge == 0 {
		o.MaxAge = defaultOutboxAge
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = defaultOutboxBytes
	}
	if o.MaxEvents == 0 {
		o.MaxEvents = defaultOutboxEvents
	}
	if o.Sync == 0 {
		o.Sync = defaultOutboxSync
	}
	return o
}

// Redelivery says how often an event of a durable import is delivered, and how
// long after a failure it comes again: After, then twice as long each time, at
// most Max. A delivery fails when a handler gives the event up, after its own
// tries (see [Retry]); one in which it was not tried, or the outbox did not take what
// it emitted, does not count while the node lives. After the last one the event becomes a durable dead letter:
// see [Node.Letters].
type Redelivery struct {
	Tries int           `yaml:"tries,omitempty"` // default 8, at most 1000
	After time.Duration `yaml:"after,omitempty"` // default 1s
	Max   time.Duration `yaml:"max,omitempty"`   // default 1m
}

const maxRedeliveries = 1000

func (r Redelivery) withDefaults() Redelivery {
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

// durableExports lists the exports that are durable.
func (c Config) durableExports() (exports []Export) {
	for _, e := range c.Exports {
		if e.durable() {
			exports = append(exports, e)
		}
	}
	return exports
}

// keeps reports whether the node keeps anything on disk.
func (c Config) keeps() bool {
	if len(c.durableExports()) > 0 {
		return true
	}
	for _, i := range c.Imports {
		if i.Durable {
			return true
		}
	}
	return false
}

// durability checks what is durable, and what belongs to it.
func (v *validation) durability() {
	if v.config.keeps() && v.config.Data == "" {
		v.add("data", "an export or an import is durable, and there is no directory to keep it in", "name a directory of this node's own")
	}
	v.outbox()
	v.durableRules()
	for i, e := range v.config.Exports {
		if e.durable() {
			v.durableExport(fmt.Sprintf("exports[%d]", i), e)
		}
	}
	for i, m := range v.config.Imports {
		v.durableImport(fmt.Sprintf("imports[%d]", i), m)
	}
}

func (v *validation) outbox() {
	o := v.config.Outbox
	if o != (Outbox{}) && len(v.config.durableExports()) == 0 {
		v.add("outbox", "no export is durable, so there is no outbox", "name the services an export is kept for (durable: […]), or remove it")
		return
	}
	if o.MaxAge != 0 && o.MaxAge <= outbox.DefaultDuplicates {
		v.add("outbox.max_age", fmt.Sprintf("%v is too short: what was handled stays for %v, so that a copy is recognized", o.MaxAge, outbox.DefaultDuplicates),
			fmt.Sprintf("give more than %v, or leave it out for 168h", outbox.DefaultDuplicates))
	}
	if o.MaxBytes < 0 || o.MaxBytes > 0 && o.MaxBytes < minOutboxBytes || o.MaxBytes > maxOutboxBytes {
		v.add("outbox.max_bytes", fmt.Sprintf("%d is out of range", o.MaxBytes), fmt.Sprintf("choose from %d to %d, or leave it out for %d", minOutboxBytes, maxOutboxBytes, defaultOutboxBytes))
	}
	v.within("outbox.max_events", o.MaxEvents, maxOutboxEvents, fmt.Sprint(defaultOutboxEvents))
	if o.Sync < 0 && o.Sync != SyncAlways {
		v.add("outbox.sync", fmt.Sprintf("%v is no interval", time.Duration(o.Sync)), "give always or a positive interval, or leave it out for 1s")
	}
}

// durableExport checks that each service can read what is kept for it, and that
// no rule drops what Emit says is stored.
func (v *validation) durableExport(field string, e Export) {
	seen, readers := firsts{}, map[string]bool{}
	for _, p := range v.config.Peers {
		if p.Key != "" || p.KeyFile != "" {
			readers[service(p.Name)] = true
		}
	}
	for i, s := range e.Durable {
		at := fmt.Sprintf("%s.durable[%d]", field, i)
		switch first := seen.twice(s, at); {
		case first != "":
			v.add(at, fmt.Sprintf("%q already stands in %s", s, first), "keep one of the two")
		case !serviceName.MatchString(s):
			v.add(at, fmt.Sprintf("%.80q is no service's name", s), `name the service without its instance, as in "score"`)
		case s == v.service:
			v.add(at, fmt.Sprintf("%q is this node's own service", s), "remove it: a service's events do not come in from its other instances")
		case !readers[s] && !v.config.oneProcess:
			v.add(at, fmt.Sprintf("no peer of service %s has a key, so nobody could ever read what is kept for it", s), "add key or key_file to a peer of that service, or remove it")
		}
	}
	if e.Limit.Policy == Shed {
		v.add(field+".limit.policy", "a durable export can not shed: what Emit admits is stored", "choose refuse or wait")
	}
}

// durableRules checks that no rule drops an event that Emit says is stored.
func (v *validation) durableRules() {
	for i, r := range v.config.Limits {
		drops := r.Limit.Policy == Shed || r.Limit.Policy == Coalesce
		if !drops || r.Place == AtImport || r.Place == AtHandler {
			continue
		}
		for _, e := range v.config.durableExports() {
			if route.Match(r.Event, e.Event) {
				v.add(fmt.Sprintf("limits[%d].limit.policy", i), fmt.Sprintf("%s would drop events of the durable export %s", r.Limit.Policy, e.Event), "choose refuse or wait, or events that are not durable")
			}
		}
	}
}

func (v *validation) durableImport(field string, m Import) {
	r := m.Redelivery
	switch {
	case !m.Durable && m.Ordered:
		v.add(field+".ordered", "only a durable import can keep the order through crashes", "add durable: true, or remove it")
	case !m.Durable && r != (Redelivery{}):
		v.add(field+".redelivery", "only events of a durable import come again", "add durable: true, or remove it")
	case m.Durable && m.Delivery == Each:
		v.add(field+".delivery", "the instances of a service share a durable import", "remove it, or durable")
	case m.Durable && m.Limit.Policy == Shed:
		v.add(field+".limit.policy", "a durable import can not shed: what it does not take comes again", "choose wait or refuse")
	}
	v.within(field+".redelivery.tries", int64(r.Tries), maxRedeliveries, "8")
	if r.After < 0 || r.Max < 0 || r.Max > 0 && r.Max < r.After {
		v.add(field+".redelivery", fmt.Sprintf("waits of %v to %v make no sense", r.After, r.Max), "give positive times, the longest last")
	}
}
