package mesh

import (
	"fmt"
	"slices"
	"strings"

	"leafmesh/mesh/internal/wire"
)

// validateRules checks rules that are to replace those of a running node with
// the given exports.
func validateRules(rules []Rule, exports []Export) error {
	v := &validation{config: Config{Limits: rules, Exports: exports}, rules: firsts{}}
	v.limits()
	v.durableRules()
	return joined(v.problems)
}

// limits checks the rules. They may name an event of any service, as Emit takes
// one of any.
func (v *validation) limits() {
	for i, r := range v.config.Limits {
		field := fmt.Sprintf("limits[%d]", i)
		if err := wire.CheckPattern(r.Event); err != nil {
			v.add(field+".event", err.Error(), "")
		} else {
			v.ruleOnce(field, field+".event", r)
		}
		if r.Root != "" {
			if err := wire.CheckSubject(r.Root); err != nil {
				v.add(field+".root", err.Error(), "")
			}
		}
		v.oneOf(field+".place", string(r.Place), string(AtEmit), string(AtExport), string(AtImport), string(AtHandler))
		v.oneOf(field+".by", string(r.By), string(ByType), string(ByKey), string(ByRoot), string(ByPeer))
		if r.Handler != "" && r.Place != AtHandler {
			v.add(field+".handler", "only a rule at place handler is for one handler", "add place: handler, or remove it")
		}
		v.within(field+".keys", int64(r.Keys), maxKeys, fmt.Sprint(defaultKeys))
		v.ruleLimit(field, r)
	}
}

// ruleOnce checks that a rule, or the short form of one, stands once.
func (v *validation) ruleOnce(entry, field string, r Rule) {
	if first := v.rules.twice(fmt.Sprint(r.withDefaults().identity()), entry); first != "" {
		v.add(field, fmt.Sprintf("%q already stands in %s, by the same place, root and key", r.Event, first), "keep one of the two")
	}
}

// ruleLimit checks what a rule allows: a rate or a concurrency.
func (v *validation) ruleLimit(field string, r Rule) {
	v.within(field+".concurrency", int64(r.Concurrency), maxConcurrency, "no bound")
	switch {
	case r.Concurrency != 0 && r.Place != AtHandler:
		v.add(field+".concurrency", "only a rule at place handler bounds the calls that run at once", "add place: handler, or give a rate")
	case r.Concurrency != 0 && (!r.Limit.Unlimited() || r.Limit.Burst != 0):
		v.add(field+".concurrency", "a rule has either a concurrency or a rate with its burst", "make two rules of it")
	case r.Concurrency != 0:
		v.policy(field+".limit.policy", r.Limit.Policy, Refuse, Wait, Shed, Coalesce)
	case r.Limit == (Limit{}):
		v.add(field+".limit", "the limit limits nothing", "give a rate, as in 200/s, or remove the entry")
	default:
		v.limit(field+".limit", r.Limit, Refuse, Wait, Shed, Coalesce)
	}
	if r.Within < 0 || r.Within > 0 && r.Limit.Policy != Coalesce {
		v.add(field+".within", fmt.Sprintf("%v is for nothing", r.Within), "give a positive time, with policy coalesce only")
	}
}

// ruleID is what two rules may not have in common.
type ruleID [6]string

func (r Rule) identity() ruleID {
	kind := "rate"
	if r.Concurrency != 0 {
		kind = "concurrency"
	}
	return ruleID{kind, r.Event, string(r.Place), r.Handler, r.Root, string(r.By)}
}

// oneOf checks a word, of which none stands for the first.
func (v *validation) oneOf(field, word string, words ...string) {
	if word != "" && !slices.Contains(words, word) {
		v.add(field, fmt.Sprintf("%.200q is none of %s", word, strings.Join(words, ", ")), fmt.Sprintf("leave it out for %s", words[0]))
	}
}

// cascades checks the bounds of cascades.
func (v *validation) cascades() {
	seen := firsts{}
	for i, c := range v.config.Cascades {
		field := fmt.Sprintf("cascades[%d]", i)
		if c.Root != "" {
			v.subject(field+".root", c.Root, seen)
		} else if first := seen.twice("", field); first != "" {
			v.add(field, "a second entry is for all roots, after "+first, "name a root in one of the two")
		}
		v.within(field+".depth", int64(c.Depth), maxDepth, "16")
		v.within(field+".descendants", int64(c.Descendants), maxDescendants, "1000")
		v.within(field+".loops", int64(c.Loops), maxDepth, "no loops")
		if c.Deadline < 0 {
			v.add(field+".deadline", fmt.Sprintf("%v is not a time to come", c.Deadline), "give a positive one, or leave it out for 30s")
		}
	}
}

// within checks a number of which 0 stands for the default.
func (v *validation) within(field string, n, most int64, standard string) {
	if n < 0 || n > most {
		v.add(field, fmt.Sprintf("%d is out of range", n), fmt.Sprintf("choose from 1 to %d, or leave it out for %s", most, standard))
	}
}

// exports checks that what leaves the node is its own, one type at a time.
func (v *validation) exports() {
	seen := firsts{}
	for i, e := range v.config.Exports {
		field := fmt.Sprintf("exports[%d]", i)
		good := v.subject(field+".event", e.Event, seen)
		if of := serviceOf(e.Event); good && v.service != "" && of != v.service {
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
	if strings.ContainsAny(subject, "*>") {
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

// imports checks that each import can be satisfied, and that no event comes in
// twice.
func (v *validation) imports() {
	seen := firsts{}
	reachable := map[string]bool{}
	for _, peer := range v.config.Peers {
		reachable[service(peer.Name)] = reachable[service(peer.Name)] || peer.URL != ""
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
	switch of := serviceOf(subject); {
	case of == v.service:
		v.add(field, fmt.Sprintf("%q is of this node's own service", subject), "remove it: a service's events do not come in from its other instances")
	case !reachable[of]:
		v.add(field, fmt.Sprintf("%q: no peer of service %s has a url", subject, of), "add one to the peers, or correct the event's name")
	}
}

// limit checks a limit of any kind, which may have one of some policies.
func (v *validation) limit(field string, l Limit, policies ...Policy) {
	if !l.Rate.valid() {
		v.add(field+".rate", fmt.Sprintf("%g events a second is no rate", float64(l.Rate)), "give a positive number with a unit, as in 200/s, or leave it out for no limit")
	}
	if l.Burst < 0 {
		v.add(field+".burst", fmt.Sprintf("a burst of %d is negative", l.Burst), "give how many events may pass at once")
	}
	v.policy(field+".policy", l.Policy, policies...)
	if l.Unlimited() && (l.Burst > 0 || l.Policy != "") {
		v.add(field+".rate", "there is a burst or a policy but no rate", "give a rate, as in 200/s")
	}
}

func (v *validation) policy(field string, p Policy, policies ...Policy) {
	if p == "" || slices.Contains(policies, p) {
		return
	}
	words := make([]string, len(policies))
	for i, known := range policies {
		words[i] = string(known)
	}
	last := len(words) - 1
	v.add(field, fmt.Sprintf("unknown policy %.80q", string(p)), fmt.Sprintf("choose %s or %s", strings.Join(words[:last], ", "), words[last]))
}
