package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"leafmesh/mesh/internal/wire"
)

// CheckRules reports what is wrong with rules that are to replace all rules of a running node with
// this configuration: what [Node.Validate] and [Node.CheckProgram] say of them, as FieldErrors with
// fields of "limits".
func (n Node) CheckRules(rules []Rule, declared func(subject string) bool) error {
	n.Limits = rules
	v := &validation{config: n, rules: firsts{}, service: ServiceOf(n.Name)}
	v.limits()
	v.durableRules()
	if len(v.problems) > 0 {
		return joined(v.problems)
	}
	return n.checkRulesOfProgram(declared)
}

// checkRulesOfProgram reports rules that the program gives nothing to limit: of events that it does
// not declare, and of handlers that it does not have or that take none of the events.
func (n Node) checkRulesOfProgram(declared func(subject string) bool) error {
	var errs []error
	for i, r := range n.Limits {
		errs = append(errs, n.checkDeclared(fmt.Sprintf("limits[%d].event", i), r.Event, declared),
			checkRuleHandler(fmt.Sprintf("limits[%d]", i), r, n.Handlers))
	}
	return errors.Join(errs...)
}

// checkRuleHandler reports a rule for a handler that would limit nothing.
func checkRuleHandler(field string, r Rule, handlers []Handler) error {
	if r.Handler == "" {
		return nil
	}
	switch at := slices.IndexFunc(handlers, func(h Handler) bool { return h.Name() == r.Handler }); {
	case at < 0:
		return &FieldError{Field: field + ".handler", Problem: fmt.Sprintf("no handler is named %q", r.Handler),
			Remedy: "correct the name, or leave it out for each handler of the events"}
	case !Overlap(handlers[at].Pattern(), r.Event):
		return &FieldError{Field: field + ".event", Remedy: "name an event that the handler takes",
			Problem: fmt.Sprintf("handler %s takes %s and never %s", r.Handler, handlers[at].Pattern(), r.Event)}
	}
	return nil
}

// limits checks the rules.
func (v *validation) limits() {
	for i, r := range v.config.Limits {
		field := fmt.Sprintf("limits[%d]", i)
		if err := wire.CheckPattern(r.Event); err != nil {
			v.add(field+".event", err.Error(), "")
		} else {
			v.ruleOnce(field, field+".event", r)
			v.ruleOwner(field, r)
		}
		if r.Root != "" {
			if err := wire.CheckSubject(r.Root); err != nil {
				v.add(field+".root", err.Error(), "")
			}
		}
		v.oneOf(field+".place", string(r.Place), string(AtEmit), string(AtExport), string(AtImport), string(AtHandler))
		v.oneOf(field+".by", string(r.By), string(ByType), string(ByKey), string(ByRoot), string(ByPeer))
		if r.Handler != "" && r.Place.known() && r.Place != AtHandler {
			v.add(field+".handler", "only a rule at place handler is for one handler", "add place: handler, or remove it", field+".place")
		}
		v.within(field+".keys", int64(r.Keys), maxKeys, fmt.Sprint(defaultKeys))
		v.ruleLimit(field, r)
	}
}

// ruleOnce checks that a rule, or the short form of one, stands once.
func (v *validation) ruleOnce(entry, field string, r Rule) {
	if first := v.rules.twice(fmt.Sprint(r.WithDefaults().Identity()), entry); first != "" {
		v.add(field, fmt.Sprintf("%q already stands in %s, by the same place, root and key", r.Event, first), "keep one of the two", entry, first)
	}
}

// ruleOwner checks that a rule for what the node emits can meet an event: it emits only types of
// its service, and the framework's own.
func (v *validation) ruleOwner(field string, r Rule) {
	of, place := OwnerOf(r.Event), r.WithDefaults().Place
	if place != AtEmit && place != AtExport || v.service == "" || slices.Contains([]string{v.service, ownService, "*", ">"}, of) {
		return
	}
	v.add(field+".event", fmt.Sprintf("%q belongs to service %s, and a rule at %s is for what this node of service %s emits", r.Event, of, place, v.service),
		"name the place where such events come by: import or handler", field+".place")
}

// ruleLimit checks what a rule allows: a rate or a concurrency.
func (v *validation) ruleLimit(field string, r Rule) {
	v.within(field+".concurrency", int64(r.Concurrency), maxWorkers, "no bound")
	switch {
	case !r.Place.known(): // what would only follow from that is not said
	case r.Concurrency != 0 && r.Place != AtHandler:
		v.add(field+".concurrency", "only a rule at place handler bounds the calls that run at once", "add place: handler, or give a rate", field+".place")
	case r.Concurrency != 0 && (!r.Limit.Unlimited() || r.Limit.Burst != 0):
		v.add(field+".concurrency", "a rule has either a concurrency or a rate with its burst", "make two rules of it")
	case r.Concurrency != 0:
		v.policy(field+".limit.policy", r.Limit.Policy, Refuse, Wait, Shed, Coalesce)
	case r.Limit == (Limit{}):
		v.add(field+".limit", "the limit limits nothing", "give a rate, as in 200/s, or remove the entry", field+".concurrency")
	default:
		v.limit(field+".limit", r.Limit, Refuse, Wait, Shed, Coalesce)
	}
	v.within(field+".waiting", int64(r.Waiting), maxWaiting, fmt.Sprint(defaultWaiting))
	limits := r.Limit != (Limit{}) || r.Concurrency != 0 // else that is said above
	if r.Waiting > 0 && limits && r.Limit.Policy.known() && !r.waits() {
		v.add(field+".waiting", fmt.Sprintf("%d is for nothing", r.Waiting), "give it with policy wait only", field+".limit")
	}
	if r.Within < 0 || r.Within > 0 && limits && r.Limit.Policy.known() && r.Limit.Policy != Coalesce {
		v.add(field+".within", fmt.Sprintf("%v is for nothing", r.Within), "give a positive time, with policy coalesce only", field+".limit")
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

// alarms checks the thresholds of the graph's alarms.
func (v *validation) alarms() {
	v.threshold("alarms.factor", v.config.Alarms.Factor, defaultAlarmFactor)
	v.threshold("alarms.gain", v.config.Alarms.Gain, defaultAlarmGain)
	a := v.config.Alarms
	for _, d := range []struct {
		field           string
		given, standard time.Duration
	}{
		{"handling", a.Handling, defaultAlarmHandling},
		{"slow", a.Slow, defaultAlarmSlow},
		{"backlog", a.Backlog, defaultAlarmBacklog},
		{"clock", a.Clock, defaultAlarmClock},
	} {
		if d.given < 0 {
			v.add("alarms."+d.field, fmt.Sprintf("%v is not a time to come", d.given), fmt.Sprintf("give a positive one, or leave it out for %v", d.standard))
		}
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
	if v.policy(field+".policy", l.Policy, policies...) && l.Unlimited() && (l.Burst > 0 || l.Policy != "") {
		v.add(field+".rate", "there is a burst or a policy but no rate", "give a rate, as in 200/s")
	}
}

// policy checks a policy, and reports whether it is one of those.
func (v *validation) policy(field string, p Policy, policies ...Policy) bool {
	if p == "" || slices.Contains(policies, p) {
		return true
	}
	words := make([]string, len(policies))
	for i, known := range policies {
		words[i] = string(known)
	}
	last := len(words) - 1
	choices := fmt.Sprintf("choose %s or %s", strings.Join(words[:last], ", "), words[last])
	if p.known() {
		v.add(field, fmt.Sprintf("%s is for rules", p), choices+", or make a rule of it under limits")
	} else {
		v.add(field, fmt.Sprintf("unknown policy %.80q", string(p)), choices)
	}
	return false
}
