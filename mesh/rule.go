package mesh

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"time"

	"leafmesh/mesh/internal/gate"
	"leafmesh/mesh/internal/route"
)

// Place is where a rule is asked.
type Place string

const (
	// AtEmit is when a handler or the outside emits an event. It is the default.
	AtEmit Place = "emit"
	// AtExport is before an event is sent to the links.
	AtExport Place = "export"
	// AtImport is when an event has come over a link.
	AtImport Place = "import"
	// AtHandler is before a handler handles an event. A rule that waits holds up the
	// handler's worker; one that refuses makes the event a dead letter.
	AtHandler Place = "handler"
)

// By says which events share a bucket of a rule.
type By string

const (
	// ByType gives each event type a bucket. It is the default.
	ByType By = "type"
	// ByKey gives each type and key a bucket: one team can not use up what
	// others need.
	ByKey By = "key"
	// ByRoot gives each type of root event, on its node, a bucket for all events
	// of its cascades. On emit a descendant only takes from the bucket and is never
	// stopped; the root events are. So the origin of a storm is throttled, and not
	// the last emitter in the chain. On import each event is stopped.
	ByRoot By = "root"
	// ByPeer gives each node that emitted the event a bucket.
	ByPeer By = "peer"
)

// Rule limits events at one place of a node.
type Rule struct {
	// Name is what errors, counters and logs call the rule; default: the place
	// and "-limit". Rules of one name are counted together.
	Name string `yaml:"name,omitempty"`
	// Place is where the rule is asked; default emit.
	Place Place `yaml:"place,omitempty"`
	// Handler is the name of the handler that a rule at place handler is for;
	// empty: each handler of the events has buckets of its own. A node without such
	// a handler does not open.
	Handler string `yaml:"handler,omitempty"`
	// Event is a subject, or a pattern: "clue.answer.submitted", "clue.>", ">".
	// Each type that matches has buckets of its own, but for [ByRoot].
	Event string `yaml:"event"`
	// Root restricts the rule to cascades that began with an event of this type.
	Root string `yaml:"root,omitempty"`
	// By says which events share a bucket; default type.
	By By `yaml:"by,omitempty"`
	// Keys is how many buckets a rule that is not by type holds for each event
	// type; default 10000. What happens past it: see gate.Keyed. It is also how many
	// events a rule that coalesces keeps; past it the one kept longest goes early.
	Keys int `yaml:"keys,omitempty"`
	// Limit is the rate, the burst and the policy of each bucket.
	Limit Limit `yaml:"limit,omitempty"`
	// Concurrency is, instead of a rate, how many calls of a handler may run at
	// once for this event type, in all of its workers: of each key, root or peer, as
	// By says. A call is under way until the event is handled or given up, with all
	// its tries. At most 1024. The policy is Wait if none is given. For place
	// handler.
	Concurrency int `yaml:"concurrency,omitempty"`
	// Within is how long a rule that coalesces may keep an event; default 1s.
	Within time.Duration `yaml:"within,omitempty"`
}

const (
	defaultKeys = 10_000
	maxKeys     = 1_000_000
	// maxConcurrency is the most workers that a handler can have.
	maxConcurrency = 1024
)

func (r Rule) withDefaults() Rule {
	r.Place = cmp.Or(r.Place, AtEmit)
	r.By = cmp.Or(r.By, ByType)
	r.Keys = cmp.Or(r.Keys, defaultKeys)
	if r.Concurrency > 0 {
		r.Name = cmp.Or(r.Name, string(r.Place)+"-concurrency")
		r.Limit.Policy = cmp.Or(r.Limit.Policy, Wait)
	} else {
		r.Name = cmp.Or(r.Name, string(r.Place)+"-limit")
		r.Limit = r.Limit.withDefaults()
	}
	if r.Limit.Policy == Coalesce {
		r.Within = cmp.Or(r.Within, time.Second)
	}
	return r
}

// rules lists all rules of a configuration: the limits, and those that exports
// and imports have as a short form.
func (c Config) rules() []Rule {
	rules := slices.Clone(c.Limits)
	for _, e := range c.Exports {
		if !e.Limit.Unlimited() {
			rules = append(rules, Rule{Place: AtExport, Event: e.Event, Limit: e.Limit})
		}
	}
	for _, i := range c.Imports {
		if !i.Limit.Unlimited() {
			rules = append(rules, Rule{Place: AtImport, Event: i.Event, Limit: i.Limit})
		}
	}
	for i := range rules {
		rules[i] = rules[i].withDefaults()
	}
	return rules
}

// ruleSet is what an event type has to pass at each place. It never changes;
// another one takes its place.
type ruleSet struct {
	emit         []*limit
	exportRefuse []*limit // asked on emit, whose caller gets the error
	export       []*limit // asked behind the queue: all others
	imports      []*limit
}

// narrowness orders rules: see limit.order.
var narrowness = map[By]int{ByKey: 0, ByPeer: 1, ByRoot: 2, ByType: 3}

// rulesLocked makes the rule set of a subject. Buckets are taken over from old
// limits whose rule is the same.
func (n *Node) rulesLocked(subject string, old *ruleSet) *ruleSet {
	set := &ruleSet{}
	kept := old.byRule()
	for _, r := range n.rules {
		if r.Limit.Unlimited() || r.Place == AtHandler || !route.Match(r.Event, subject) {
			continue
		}
		if r.Place == AtExport && !n.config.exports(subject) {
			continue // nothing of the type is sent: it may not be refused for that
		}
		l := kept[r]
		if l == nil {
			l = n.newLimitLocked(subject, string(r.Place), r)
		}
		switch {
		case r.Place == AtEmit:
			set.emit = append(set.emit, l)
		case r.Place == AtImport:
			set.imports = append(set.imports, l)
		case r.Limit.Policy == Refuse:
			set.exportRefuse = append(set.exportRefuse, l)
		default:
			set.export = append(set.export, l)
		}
	}
	for _, list := range [][]*limit{set.emit, set.exportRefuse, set.export, set.imports} {
		slices.SortFunc(list, (*limit).order)
	}
	return set
}

func (s *ruleSet) byRule() map[Rule]*limit {
	if s == nil {
		return nil
	}
	limits := map[Rule]*limit{}
	for _, list := range [][]*limit{s.emit, s.exportRefuse, s.export, s.imports} {
		for _, l := range list {
			limits[l.rule] = l
		}
	}
	return limits
}

// Rules gives the rules in force, with defaults filled in; those of exports and
// imports too.
func (n *Node) Rules() []Rule {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.rules)
}

// SetRules replaces all rules of the running node, those of exports and imports
// too: change what [Node.Rules] gave. No event is lost by it, and the buckets of
// rules that stay the same are kept. Events that wait for a token of an old rule
// wait for it to the end; those that an old rule keeps go at once. A concurrency
// may change alone: under a higher one waiting calls go on at once, under a lower
// one those under way finish. The error is that of [Config.Validate], with fields
// of "limits"; then nothing has changed.
func (n *Node) SetRules(rules []Rule) error {
	if err := errors.Join(validateRules(rules, n.config.Exports), checkRuleHandlers(rules, n.config.Handlers)); err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.rules = make([]Rule, len(rules))
	for i, r := range rules {
		n.rules[i] = r.withDefaults()
	}
	// Before the new rules are in force, so that nothing overtakes what was kept.
	n.coalescing = slices.DeleteFunc(n.coalescing, func(l *limit) bool {
		gone := !slices.Contains(n.rules, l.rule)
		if gone {
			l.coalescer.close()
		}
		return gone
	})
	maps.DeleteFunc(n.rootBuckets, func(r Rule, _ *gate.Keyed[string]) bool { return !slices.Contains(n.rules, r) })
	for _, t := range n.table.Load().types {
		t.rules.Store(n.rulesLocked(t.subject, t.rules.Load()))
		n.limitHandlersLocked(t)
	}
	return nil
}
