package config

import (
	"fmt"
	"slices"
	"time"
)

// durability checks what is durable, and what belongs to it.
func (v *validation) durability() {
	if v.config.IsDurable() && v.config.Data == "" {
		what := "an export or an import is durable"
		if v.config.Letters == AllLetters {
			what = "all dead letters are to be kept"
		}
		v.add("data", what+", and there is no directory to keep it in", "name a directory of this node's own")
	}
	if !v.config.Letters.known() {
		v.add("letters", fmt.Sprintf("%q is unknown", v.config.Letters), "choose durable or all")
	}
	v.outbox()
	v.durableRules()
	for i, e := range v.config.Exports {
		if e.IsDurable() || len(e.Drop)+len(e.Bounds) > 0 {
			v.durableExport(fmt.Sprintf("exports[%d]", i), e)
		}
	}
	for i, m := range v.config.Imports {
		v.durableImport(fmt.Sprintf("imports[%d]", i), m)
	}
}

func (v *validation) outbox() {
	o := v.config.Outbox
	if o != (Outbox{}) && len(v.config.DurableExports()) == 0 {
		v.add("outbox", "no export is durable, so there is no outbox", "name the services an export is kept for (kept_for: […]), or remove it", "exports")
		return
	}
	if o.MaxAge != 0 && o.MaxAge <= IDMemory {
		v.add("outbox.max_age", fmt.Sprintf("%v is too short: what was handled stays for %v, so that a copy is recognized", o.MaxAge, IDMemory),
			fmt.Sprintf("give more than %v, or leave it out for 168h", IDMemory))
	}
	if o.MaxBytes < 0 || o.MaxBytes > 0 && o.MaxBytes < minOutboxBytes || o.MaxBytes > maxOutboxBytes {
		v.add("outbox.max_bytes", fmt.Sprintf("%v is out of range", o.MaxBytes), fmt.Sprintf("choose from %v to %v, or leave it out for %v", minOutboxBytes, maxOutboxBytes, defaultOutboxBytes))
	}
	v.within("outbox.max_events", o.MaxEvents, maxOutboxEvents, fmt.Sprint(defaultOutboxEvents))
	if o.Sync < 0 && o.Sync != SyncAlways {
		v.add("outbox.sync", fmt.Sprintf("%v is no interval", time.Duration(o.Sync)), "give always or a positive interval, or leave it out for 1s")
	}
}

// noReader says whom an export can be kept for.
const noReader = `name a service, as in "score", or one instance of it, as in "score-1"`

// durableExport checks that each service can read what is kept for it, and that no rule drops what
// Emit says is stored.
func (v *validation) durableExport(field string, e Export) {
	seen, readers := firsts{}, map[string]bool{}
	for _, p := range v.config.Peers {
		if p.MayImport.Includes(e.Event) {
			readers[ServiceOf(p.Name)], readers[p.Name] = true, true
		}
	}
	for i, s := range e.KeptFor {
		at := fmt.Sprintf("%s.kept_for[%d]", field, i)
		switch first := seen.twice(s, at); {
		case first != "":
			v.add(at, fmt.Sprintf("%q already stands in %s", s, first), "keep one of the two")
		case !serviceName.MatchString(s) && !nodeName.MatchString(s):
			v.add(at, fmt.Sprintf("%.80q is no name of a service or instance", s), noReader)
		case nodeName.MatchString(s) && slices.Contains(e.KeptFor, ServiceOf(s)):
			v.add(at, fmt.Sprintf("%q is an instance of service %s, which it is kept for too", s, ServiceOf(s)), "name the service, whose instances share the events, or its instances")
		case nodeName.MatchString(s) && ServiceOf(s) != v.service && !readers[s] && !v.config.OneProcess:
			v.add(at, fmt.Sprintf("peer %s may not import it, so it could never read what is kept for it", s), "name it in may_import of that peer, or remove it", "peers")
		case s == v.service || ServiceOf(s) == v.service && nodeName.MatchString(s):
			v.add(at, fmt.Sprintf("%q is of this node's own service", s), "remove it: a service's events do not come in from its other instances")
		case !readers[s] && !v.config.OneProcess:
			v.add(at, fmt.Sprintf("no peer of service %s may import it, so nobody could ever read what is kept for it", s), "name it in may_import of a peer of that service, or remove it", "peers")
		}
	}
	v.bounds(field, e)
	for i, s := range e.Drop {
		at := fmt.Sprintf("%s.drop[%d]", field, i)
		switch first := seen.twice(s, at); {
		case first != "":
			v.add(at, fmt.Sprintf("%q already stands in %s", s, first), "keep one of the two: what waits for a service is kept, or may be lost")
		case !serviceName.MatchString(s) && !nodeName.MatchString(s):
			v.add(at, fmt.Sprintf("%.80q is no name of a service or instance", s), noReader)
		}
	}
	if e.IsDurable() && e.Limit.Policy == Shed && !e.Limit.Unlimited() {
		v.add(field+".limit.policy", "a durable export cannot shed: what Emit admits is stored", "choose refuse or wait")
	}
}

// durableRules checks that no rule drops an event that Emit says is stored.
func (v *validation) durableRules() {
	for i, r := range v.config.Limits {
		drops := r.Limit.Policy == Shed || r.Limit.Policy == Coalesce
		if !drops || r.Limit.Unlimited() || r.Place == AtImport || r.Place == AtHandler {
			continue
		}
		for _, e := range v.config.DurableExports() {
			if Match(r.Event, e.Event) {
				v.add(fmt.Sprintf("limits[%d].limit.policy", i), fmt.Sprintf("%s would drop events of the durable export %s", r.Limit.Policy, e.Event), "choose refuse or wait, or events that are not durable")
			}
		}
	}
}

func (v *validation) durableImport(field string, m Import) {
	r := m.Redelivery
	switch {
	case !m.Durable && m.Ordered != OrderedNo:
		v.add(field+".ordered", "only a durable import can keep the order through crashes", "add durable: true, or remove it", field+".durable")
	case !m.Durable && r != (Redelivery{}):
		v.add(field+".redelivery", "only events of a durable import come again", "add durable: true, or remove it", field+".durable")
	case m.Durable && m.Limit.Policy == Shed && !m.Limit.Unlimited():
		v.add(field+".limit.policy", "a durable import cannot shed: what it does not take comes again", "choose wait or refuse")
	}
	if m.Ordered > OrderedAll {
		v.add(field+".ordered", fmt.Sprintf("%d is no order", m.Ordered), "use OrderedNo, OrderedByKey or OrderedAll")
	}
	v.within(field+".redelivery.tries", int64(r.Tries), MaxRedeliveries, "8")
	if r.After < 0 || r.Max < 0 || r.Max > 0 && r.Max < r.After {
		v.add(field+".redelivery", fmt.Sprintf("waits of %v to %v make no sense", r.After, r.Max), "give positive times, the longest last")
	}
}
