package config

import (
	"fmt"

	"leafmesh/mesh/internal/wire"
)

// exports checks that what leaves the node is its own, one type at a time.
func (v *validation) exports() {
	seen := firsts{}
	for i, e := range v.config.Exports {
		field := fmt.Sprintf("exports[%d]", i)
		good := v.subject(field+".event", e.Event, seen)
		if of := OwnerOf(e.Event); good && v.service != "" && of != v.service {
			v.add(field+".event", fmt.Sprintf("%q belongs to service %s, and this node is of service %s", e.Event, of, v.service), "export it from a node of service "+of)
		}
		v.limit(field+".limit", e.Limit, Refuse, Wait, Shed)
		if !e.Limit.Unlimited() {
			v.ruleOnce(field, field+".limit", Rule{Place: AtExport, Event: e.Event, Limit: e.Limit})
		}
	}
}

// subject checks an event's subject and that it stands once.
func (v *validation) subject(field, subject string, seen firsts) bool {
	if IsPattern(subject) {
		v.add(field, fmt.Sprintf("%.200q has a wildcard", subject), "name each event type in an entry of its own")
		return false
	}
	if err := wire.CheckSubject(subject); err != nil {
		v.add(field, err.Error(), "")
		return false
	}
	if first := seen.twice(subject, field); first != "" {
		v.add(field, fmt.Sprintf("%q already stands in %s", subject, first), "keep one of the two")
	}
	return true
}

// imports checks that each import can be satisfied, and that no event comes in twice.
func (v *validation) imports() {
	seen := firsts{}
	reachable := map[string]bool{}
	for _, peer := range v.config.Peers {
		reachable[ServiceOf(peer.Name)] = reachable[ServiceOf(peer.Name)] || peer.URL != "" || v.config.ByHub(peer)
	}
	for i, m := range v.config.Imports {
		field := fmt.Sprintf("imports[%d]", i)
		if v.subject(field+".event", m.Event, seen) {
			v.source(field+".event", m.Event, reachable)
		}
		if m.Delivery != "" && m.Delivery != Shared && m.Delivery != Each {
			v.add(field+".delivery", fmt.Sprintf("unknown delivery %.80q", string(m.Delivery)), "choose shared (one instance of this service gets an event) or each (all do)")
		}
		v.limit(field+".limit", m.Limit, Refuse, Wait, Shed)
		if !m.Limit.Unlimited() {
			v.ruleOnce(field, field+".limit", Rule{Place: AtImport, Event: m.Event, Limit: m.Limit})
		}
	}
}

// source checks that there is a node to import from.
func (v *validation) source(field, subject string, reachable map[string]bool) {
	switch of := OwnerOf(subject); {
	case of == v.service:
		v.add(field, fmt.Sprintf("%q is of this node's own service", subject), "remove it: a service's events do not come in from its other instances")
	case !reachable[of]:
		v.add(field, fmt.Sprintf("%q: no peer of service %s has a url", subject, of), "add one to the peers, or correct the event's name", "peers")
	}
}
