package rules

import (
	"cmp"
	"maps"
	"slices"
	"sync"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/gate"
	"leafmesh/mesh/internal/steps"
	"leafmesh/mesh/stats"
)

// Env is what rules need of their node.
type Env struct {
	Clock *clock.Clock
	Trace *steps.Trace
	// Closing is closed when the node begins to close.
	Closing <-chan struct{}
}

// Gate holds the rules of a node. Its methods are safe for concurrent use.
type Gate struct {
	env Env

	mu           sync.Mutex
	rules        []config.Rule               // guarded by mu
	byRoot       map[config.Rule]*gate.Keyed // guarded by mu: the buckets of rules by root, which all types share
	coalescing   []*Rule                     // guarded by mu: those that coalesce
	keepsNothing bool                        // guarded by mu: what is coalesced goes at once, as the node closes
	waiting      []*lines                    // guarded by mu: those of all rules in force
	letsAll      bool                        // guarded by mu: nothing waits any more
}

// NewGate makes a gate with rules, whose defaults are filled in.
func NewGate(env Env, rules []config.Rule) *Gate {
	return &Gate{env: env, rules: rules, byRoot: map[config.Rule]*gate.Keyed{}}
}

// Rules lists the rules in force.
func (g *Gate) Rules() []config.Rule {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.rules)
}

// Replace replaces all rules. What gone ones keep goes on. The caller makes the sets of all types
// and handlers anew, with [Gate.Set] and [Gate.HandlerSet]; only then the new rules are in force.
func (g *Gate) Replace(rules []config.Rule) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.rules = make([]config.Rule, len(rules))
	for i, r := range rules {
		g.rules[i] = r.WithDefaults()
	}
	g.coalescing = slices.DeleteFunc(g.coalescing, func(r *Rule) bool {
		gone := !slices.Contains(g.rules, r.config)
		if gone {
			r.coalescer.close()
		}
		return gone
	})
	maps.DeleteFunc(g.byRoot, func(r config.Rule, _ *gate.Keyed) bool { return !slices.Contains(g.rules, r) })
}

// Kept counts the events that rules keep: coalesced, or waiting without a caller.
func (g *Gate) Kept() (sum int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, l := range g.waiting {
		sum += l.kept()
	}
	for _, r := range g.coalescing {
		sum += int64(r.coalescer.len())
	}
	return sum
}

// Units counts the rules that coalesce, and the types and keys that they hold: of events that are
// kept or on their way.
func (g *Gate) Units() (rules, units int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, r := range g.coalescing {
		units += int(r.coalescer.count.Load())
	}
	return len(g.coalescing), units
}

// Lines tells who waits for which rule, ordered by type, place and rule.
func (g *Gate) Lines() (all []stats.Line) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.env.Clock.Now()
	for _, l := range g.waiting {
		if s, waits := l.stats(now); waits {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b stats.Line) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Place, b.Place), cmp.Compare(a.Rule, b.Rule))
	})
	return all
}

// LetGo lets all go on that wait. From then on nothing waits.
func (g *Gate) LetGo() {
	g.mu.Lock()
	g.letsAll = true
	all := slices.Clone(g.waiting)
	g.mu.Unlock()
	for _, l := range all { // without the lock: an event may come to a type that is new
		l.letGo()
	}
}

// KeepNothing lets go what rules have coalesced, and promised events that wait: those of durable
// imports, which go back to their outboxes. From then on rules keep neither.
func (g *Gate) KeepNothing() {
	for _, l := range g.keepNothing() { // without the lock: see LetGo
		l.letReturn()
	}
}

func (g *Gate) keepNothing() (waiting []*lines) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.keepsNothing = true
	for _, r := range g.coalescing {
		r.coalescer.close()
	}
	return slices.Clone(g.waiting)
}

// newLocked puts a rule in force, for a type at a place. Who waits for an old rule that differs in
// numbers only, which may be nil, waits for the new one then.
func (g *Gate) newLocked(subject string, place steps.Place, c config.Rule, old *Rule) *Rule {
	point := func(outcome stats.Outcome) *steps.Point {
		return g.env.Trace.Point(steps.Step{Type: subject, Outcome: outcome, Place: place, Rule: c.Name})
	}
	r := &Rule{
		config:  c,
		refused: point(stats.Refused), shed: point(stats.Shed), delayed: point(stats.Delayed),
		overflowed: point(stats.Overflowed), evicted: point(stats.Evicted),
		refuse:  func(cause error) error { return steps.Refuse(subject, place, c.Name, cause) },
		closing: g.env.Closing,
	}
	r.err, r.errFull = r.refuse(nil), r.refuse(stats.ErrLineFull)
	switch {
	case c.Concurrency > 0:
		if r.calls = newCalls(c.Concurrency); old != nil {
			r.calls = old.calls
			r.calls.setLimit(c.Concurrency)
		}
	default:
		r.buckets = g.bucketsLocked(c)
	}
	switch {
	case old != nil && old.lines != nil && c.Limit.Policy == old.config.Limit.Policy: // else they go on
		r.lines = old.lines
	case c.Limit.Policy == config.Wait || c.Concurrency > 0:
		r.lines = newLines(r, g.env.Clock)
		r.lines.letsAll, r.lines.returning = g.letsAll, g.keepsNothing
		g.waiting = append(g.waiting, r.lines)
	}
	if c.Limit.Policy == config.Coalesce {
		r.coalescer = &coalescer{rule: r, within: c.Within, keys: c.Keys, units: map[unit]*keptUnit{}, closed: g.keepsNothing,
			coalesced: point(stats.Coalesced), charge: func(e *Event) { r.charge(e, g.env.Clock.Now()) }}
		g.coalescing = append(g.coalescing, r)
	}
	return r
}

// bucketsLocked returns the table of a rule with a rate: of one by root the same for all types of
// the cascades, but for that of a handler.
func (g *Gate) bucketsLocked(c config.Rule) *gate.Keyed {
	shared := c.By == config.ByRoot && c.Place != config.AtHandler
	if table := g.byRoot[c]; shared && table != nil {
		return table
	}
	keys := c.Keys
	if c.By == config.ByType {
		keys = 1
	}
	table := gate.NewKeyed(float64(c.Limit.Rate), c.Limit.Burst, keys)
	if shared {
		g.byRoot[c] = table
	}
	return table
}

// endLocked ends the lines of old rules that no new one has taken over, and tells lines that were
// taken over whose they are.
func (g *Gate) endLocked(old, fresh []*Rule) {
	now := map[*lines]*Rule{}
	for _, r := range fresh {
		now[r.lines] = r
	}
	for _, r := range old {
		switch successor := now[r.lines]; {
		case r.lines == nil || successor == r:
		case successor != nil:
			r.lines.handOver(successor)
		default:
			g.waiting = slices.DeleteFunc(g.waiting, func(l *lines) bool { return l == r.lines })
			r.lines.letGo()
		}
	}
}
