package config

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Place is where on a node a rule is asked.
type Place string

const (
	// AtEmit is when a handler or the outside emits an event. It is the default.
	AtEmit Place = "emit"
	// AtExport is before an event is sent to the links.
	AtExport Place = "export"
	// AtImport is when an event has come over a link.
	AtImport Place = "import"
	// AtHandler is before a handler handles an event. A rule that refuses makes the event a dead
	// letter.
	AtHandler Place = "handler"
)

// known reports whether there is such a place; empty is one.
func (p Place) known() bool {
	return slices.Contains([]Place{"", AtEmit, AtExport, AtImport, AtHandler}, p)
}

// By says which events share a bucket of a rule.
type By string

const (
	// ByType gives each event type a bucket. It is the default.
	ByType By = "type"
	// ByKey gives each type and key a bucket: one team cannot use up what others need.
	ByKey By = "key"
	// ByRoot gives each type of root event, on its node, a bucket for all events of its cascades.
	// On emit a descendant only takes from the bucket and is never stopped; the root events are. So
	// the origin of a storm is throttled, and not the last emitter in the chain. On import each
	// event is stopped.
	ByRoot By = "root"
	// ByPeer gives each node that emitted the event a bucket.
	ByPeer By = "peer"
)

// Rule limits events at one place of a node. In JSON it has the keys and texts that it has in a
// node's file.
type Rule struct {
	// Name is what errors, counters and logs call the rule; default: the place and "-limit". Rules
	// of one name are counted together.
	Name string `yaml:"name,omitempty" reload:"live" json:"name,omitzero"`
	// Place is where the rule is asked; default emit.
	Place Place `yaml:"place,omitempty" reload:"live" json:"place,omitzero"`
	// Handler is the name of the handler that a rule at place handler is for; empty: each handler
	// of the events has buckets of its own. A node without such a handler does not open.
	Handler string `yaml:"handler,omitempty" reload:"live" json:"handler,omitzero"`
	// Event is a subject, or a pattern: "clue.answer.submitted", "clue.>", ">". Each type that
	// matches has buckets of its own, but for [ByRoot].
	Event string `yaml:"event" reload:"live" json:"event" remedy:"name one event type, or a pattern as in clue.>"`
	// Root restricts the rule to cascades that began with an event of this type.
	Root string `yaml:"root,omitempty" reload:"live" json:"root,omitzero"`
	// By says which events share a bucket; default type.
	By By `yaml:"by,omitempty" reload:"live" json:"by,omitzero"`
	// Keys is how many buckets a rule that is not by type holds for each event type; default 10000,
	// at most a million. Past it a new key takes the bucket that was not used for longest, if that
	// is full again, and else shares one with all such keys: a flood of made-up keys costs no
	// memory and gets one key's rate. It is also how many events a rule that coalesces keeps; past
	// it the one kept longest goes early.
	Keys int `yaml:"keys,omitempty" reload:"live" json:"keys,omitzero"`
	// Limit is the rate, the burst and the policy of each bucket.
	Limit Limit `yaml:"limit,omitempty" reload:"parts" json:"limit,omitzero"`
	// Concurrency is, instead of a rate, how many calls of a handler may run at once for this event
	// type, in all of its workers: of each key, root or peer, as By says. A call is under way until
	// the event is handled or given up, with all its tries. At most 1024. The policy is Wait if
	// none is given. For place handler.
	Concurrency int `yaml:"concurrency,omitempty" reload:"live" json:"concurrency,omitzero"`
	// Waiting is how many events of each key, root or peer, or of the type if the rule is by type,
	// may wait for a rule whose policy is Wait; default 4096, at most 65536. Past it events are
	// refused. All that wait for a rule are at most 65536 events of a type, and 64 MiB of what came
	// over links.
	Waiting int `yaml:"waiting,omitempty" reload:"live" json:"waiting,omitzero"`
	// Within is how long a rule that coalesces may keep an event; default 1s.
	Within time.Duration `yaml:"within,omitempty" reload:"live" json:"within,omitzero"`
}

const (
	defaultKeys = 10_000
	maxKeys     = 1_000_000

	defaultWaiting = 4096
	maxWaiting     = 1 << 16
)

// WithDefaults fills in what is left out.
func (r Rule) WithDefaults() Rule {
	r.Place = cmp.Or(r.Place, AtEmit)
	r.By = cmp.Or(r.By, ByType)
	r.Keys = cmp.Or(r.Keys, defaultKeys)
	if r.Concurrency > 0 {
		r.Name = cmp.Or(r.Name, string(r.Place)+"-concurrency")
		r.Limit.Policy = cmp.Or(r.Limit.Policy, Wait)
	} else {
		r.Name = cmp.Or(r.Name, string(r.Place)+"-limit")
		r.Limit = r.Limit.WithDefaults()
	}
	switch r.Limit.Policy {
	case Coalesce:
		r.Within = cmp.Or(r.Within, time.Second)
	case Wait:
		r.Waiting = cmp.Or(r.Waiting, defaultWaiting)
	}
	return r
}

// Rules lists all rules of a configuration, with defaults filled in: the limits, and those that
// exports and imports have as a short form. These are the rules that mesh.Open puts in force, and
// what mesh.Node.SetRules takes.
func (n Node) Rules() []Rule {
	rules := slices.Clone(n.Limits)
	for i := range rules {
		rules[i] = rules[i].WithDefaults()
	}
	return append(rules, n.ExchangeRules()...)
}

// ExchangeRules lists the rules that exports and imports have as a short form, with defaults filled
// in.
func (n Node) ExchangeRules() (rules []Rule) {
	for _, e := range n.Exports {
		if !e.Limit.Unlimited() {
			rules = append(rules, Rule{Place: AtExport, Event: e.Event, Limit: e.Limit}.WithDefaults())
		}
	}
	for _, i := range n.Imports {
		if !i.Limit.Unlimited() {
			rules = append(rules, Rule{Place: AtImport, Event: i.Event, Limit: i.Limit}.WithDefaults())
		}
	}
	return rules
}

// RuleID is what two rules of a node may not have in common.
type RuleID [6]string

// Event is the event type or the pattern of the rule.
func (id RuleID) Event() string { return id[1] }

// Where is the place of the rule: "emit", or "handler award" of a rule for one handler.
func (id RuleID) Where() string { return strings.TrimSpace(id[2] + " " + id[3]) }

// Identity returns the part of a rule that names it: all but its numbers, its policy and its name.
func (r Rule) Identity() RuleID {
	kind := "rate"
	if r.Concurrency != 0 {
		kind = "concurrency"
	}
	return RuleID{kind, r.Event, string(r.Place), r.Handler, r.Root, string(r.By)}
}

// waits reports whether the rule's policy is to wait.
func (r Rule) waits() bool { return r.WithDefaults().Limit.Policy == Wait }
