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
// numbers of one rule. [Node.SetRules] says what becomes of events that wait.
//
// ErrNotHere: the node has no rule of this identity, or no longer. A change that makes the rule a
// wrong one is refused with config.FieldErrors, with the fields of the rule, such as "limit.burst";
// then nothing has changed.
func (n *Node) SetLimit(c config.LimitChange) error {
	_, err := n.setLimitFor(c, operations.Passing{})
	return err
}

// setLimitFor is SetLimit for a time.
func (f *flow) setLimitFor(c config.LimitChange, p operations.Passing) (config.LimitChanged, error) {
	return f.changeRule(c.ID, p, func(old *config.Rule) (*config.Rule, error) {
		if old == nil {
			return nil, f.noRule(c.ID)
		}
		changed := c.Apply(*old)
		if changed.Identity() != c.ID {
			return nil, &config.FieldError{Field: "concurrency", Problem: "a rule stays one of a rate or one of a concurrency", Remedy: "remove it, and make another one"}
		}
		return &changed, nil
	})
}

// newLimitFor makes a rule.
func (f *flow) newLimitFor(r config.Rule, p operations.Passing) (config.LimitChanged, error) {
	r = r.WithDefaults()
	return f.changeRule(r.Identity(), p, func(old *config.Rule) (*config.Rule, error) {
		if old != nil {
			return nil, &config.FieldError{Field: "event", Problem: fmt.Sprintf("there is such a rule for %q already, by the same place, root and key", r.Event), Remedy: "change that one"}
		}
		return &r, nil
	})
}

// unsetLimitFor removes a rule.
func (f *flow) unsetLimitFor(id config.RuleID, p operations.Passing) (config.LimitChanged, error) {
	return f.changeRule(id, p, func(old *config.Rule) (*config.Rule, error) {
		if old == nil {
			return nil, f.noRule(id)
		}
		return nil, nil // none takes its place
	})
}

func (f *flow) noRule(id config.RuleID) error {
	return fmt.Errorf("%w: node %s has no such rule, or no longer: look at its rules again", ErrNotHere, f.name)
}

// changeRule puts in the place of one rule what becomes of it. Others may change other rules
// meanwhile: what the rule is, is only known while nothing else changes.
func (f *flow) changeRule(id config.RuleID, p operations.Passing, becomes func(old *config.Rule) (*config.Rule, error)) (done config.LimitChanged, err error) {
	change := func() (undo func() error, err error) {
		done.Old = f.changes.rules.Find(id)
		if done.New, err = becomes(done.Old); err != nil {
			return nil, f.ofRule(id, err)
		}
		next := f.changes.rules.Put(id, done.New, p.For > 0)
		if err = f.checkRule(id, next); err != nil || p.DryRun {
			return nil, err
		}
		return func() error { return f.putRulesLocked(f.changes.rules.End(id)) }, f.putRulesLocked(next)
	}
	if p.DryRun {
		err = f.changes.look(func() error { _, err := change(); return err })
	} else {
		of := stats.Change{What: "limit", Type: id.Event(), Place: id.Where(), By: p.By, Until: f.after(p.For)}
		err = f.changes.make(changeOf{rule: id}, of, p.For, change, f.changeEnded)
	}
	if err != nil {
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
