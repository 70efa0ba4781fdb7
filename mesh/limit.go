package mesh

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/operations"
	"leafmesh/mesh/internal/rules"
	"leafmesh/mesh/stats"
)

// SetLimit changes the numbers of one rule of the running node, and leaves its other rules as they
// are: two who change two rules at once both get what they want, and so do two who change two
// numbers of one rule. What holds for a time ends as it would have: then the rule is what it was
// before, with this change. [Node.SetRules] says what becomes of events that wait.
//
// ErrNotHere: the node has no rule of this identity, or no longer. A change of nothing, or one that
// makes the rule a wrong one, now or when what holds for a time ends, is refused with
// config.FieldErrors, with the fields of the rule, such as "limit.burst"; then nothing has changed.
func (n *Node) SetLimit(c config.LimitChange) error {
	_, err := n.setLimitFor(c, operations.Passing{})
	return err
}

// setLimitFor is SetLimit for a time.
func (f *flow) setLimitFor(c config.LimitChange, p operations.Passing) (config.LimitChanged, error) {
	return f.changeRule(c.ID, p, func(now rules.Layers) (next rules.Layers, err error) {
		if c.IsZero() {
			return next, &config.FieldError{Field: "limit", Problem: "the change has no number", Remedy: "say which one is to change"}
		}
		old := now.Find(c.ID)
		if old == nil {
			return next, f.noRule()
		}
		changed := c.Apply(*old)
		if changed.Identity() != c.ID {
			return next, &config.FieldError{Field: "concurrency", Problem: "a rule stays one of a rate or one of a concurrency", Remedy: "remove it, and make another one"}
		}
		return now.Change(c, p.For > 0), nil
	})
}

// newLimitFor makes a rule.
func (f *flow) newLimitFor(r config.Rule, p operations.Passing) (config.LimitChanged, error) {
	r = r.WithDefaults()
	return f.changeRule(r.Identity(), p, func(now rules.Layers) (next rules.Layers, err error) {
		if now.Find(r.Identity()) != nil {
			return next, &config.FieldError{Field: "event", Problem: fmt.Sprintf("there is such a rule for %q already, by the same place, root and key", r.Event), Remedy: "change that one"}
		}
		return now.Put(r.Identity(), &r, p.For > 0), nil
	})
}

// unsetLimitFor removes a rule. One that is left out for a time may be removed for good.
func (f *flow) unsetLimitFor(id config.RuleID, p operations.Passing) (config.LimitChanged, error) {
	var old *config.Rule
	done, err := f.changeRule(id, p, func(now rules.Layers) (next rules.Layers, err error) {
		if old = now.Find(id); old == nil {
			old = now.FindLeftOut(id)
		}
		if old == nil {
			return next, f.noRule()
		}
		return now.Put(id, nil, p.For > 0), nil
	})
	if err == nil && done.Old == nil {
		done.Old = old
	}
	return done, err
}

func (f *flow) noRule() error {
	return fmt.Errorf("%w: node %s has no such rule, or no longer: look at its rules again", ErrNotHere, f.name)
}

// changeRule changes one rule. Others may change other rules meanwhile: what the rule is, is only
// known while nothing else changes.
func (f *flow) changeRule(id config.RuleID, p operations.Passing, becomes func(now rules.Layers) (rules.Layers, error)) (done config.LimitChanged, err error) {
	change := func() (undo func() error, err error) {
		done.Old = f.changes.rules.Find(id)
		next, err := becomes(f.changes.rules)
		if err != nil {
			return nil, f.ofRule(id, err)
		}
		done.New = next.Find(id)
		if err = f.checkRule(id, next); err != nil {
			return nil, err
		}
		// The end of what holds for a time must not fail, as nobody waits for its error.
		for _, later := range []rules.Layers{next.End(id), next.EndAll(), next.EndAll().End(id)} {
			if err = f.checkRule(id, later); err != nil {
				return nil, fmt.Errorf("when what holds for a time ends: %w", err)
			}
		}
		if p.DryRun {
			return nil, nil
		}
		if err = f.putRulesLocked(next); err != nil || p.For == 0 && next.Passes(id) {
			return nil, err
		}
		return func() error { return f.putRulesLocked(f.changes.rules.End(id)) }, nil
	}
	of := stats.Change{What: "limit", Type: id.Event(), Place: id.Where(), By: p.By, Until: f.after(p.For)}
	if err = f.changes.make(changeOf{rule: id}, of, p.For, change, f.changeEnded); err != nil {
		return config.LimitChanged{}, err
	}
	return done, nil
}

// checkRule checks a rule among all others. Its problems have the fields of the rule alone: whoever
// changes one rule does not know where in the list it stands.
func (f *flow) checkRule(id config.RuleID, next rules.Layers) error {
	list := next.InForce()
	err := f.checkRules(list)
	if err == nil {
		return nil
	}
	at := slices.IndexFunc(list, func(r config.Rule) bool { return r.WithDefaults().Identity() == id })
	var problems []error
	for _, e := range config.FieldErrors(err) {
		e.Field = strings.TrimPrefix(e.Field, fmt.Sprintf("limits[%d].", at))
		problems = append(problems, e)
	}
	return f.ofRule(id, errors.Join(problems...))
}

// ofRule says of which rule an error is, unless there is none.
func (f *flow) ofRule(id config.RuleID, err error) error {
	if errors.Is(err, ErrNotHere) {
		return err
	}
	return fmt.Errorf("mesh: rule for %s at %s of node %s: %w", id.Event(), id.Where(), f.name, err)
}
