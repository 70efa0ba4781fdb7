package changes

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/rules"
	"leafmesh/mesh/stats"
)

// SetLimitFor changes the numbers of one rule.
func (c *Changes) SetLimitFor(change config.LimitChange, p Passing) (config.LimitChanged, error) {
	return c.changeRule(change.ID, p, func(now rules.Layers) (next rules.Layers, err error) {
		if change.IsZero() {
			return next, &config.FieldError{Field: "limit", Problem: "the change has no number", Remedy: "say which one is to change"}
		}
		old := now.Find(change.ID)
		if old == nil {
			return next, c.noRule()
		}
		changed := change.Apply(*old)
		if changed.Identity() != change.ID {
			return next, &config.FieldError{Field: "concurrency", Problem: "a rule stays one of a rate or one of a concurrency", Remedy: "remove it, and make another one"}
		}
		return now.Change(change, p.For > 0), nil
	})
}

// NewLimitFor makes a rule.
func (c *Changes) NewLimitFor(r config.Rule, p Passing) (config.LimitChanged, error) {
	r = r.WithDefaults()
	return c.changeRule(r.Identity(), p, func(now rules.Layers) (next rules.Layers, err error) {
		if now.Find(r.Identity()) != nil {
			return next, &config.FieldError{Field: "event", Problem: fmt.Sprintf("there is such a rule for %q already, by the same place, root and key", r.Event), Remedy: "change that one"}
		}
		return now.Put(r.Identity(), &r, p.For > 0), nil
	})
}

// UnsetLimitFor removes a rule. One that is left out for a time may be removed for good.
func (c *Changes) UnsetLimitFor(id config.RuleID, p Passing) (config.LimitChanged, error) {
	var old *config.Rule
	done, err := c.changeRule(id, p, func(now rules.Layers) (next rules.Layers, err error) {
		if old = now.Find(id); old == nil {
			old = now.FindLeftOut(id)
		}
		if old == nil {
			return next, c.noRule()
		}
		return now.Put(id, nil, p.For > 0), nil
	})
	if err == nil && done.Old == nil {
		done.Old = old
	}
	return done, err
}

func (c *Changes) noRule() error {
	return fmt.Errorf("%w: node %s has no such rule, or no longer: look at its rules again", stats.ErrNotHere, c.env.Node)
}

// changeRule changes one rule. Others may change other rules meanwhile: what the rule is, is only
// known while nothing else changes.
func (c *Changes) changeRule(id config.RuleID, p Passing, becomes func(now rules.Layers) (rules.Layers, error)) (done config.LimitChanged, err error) {
	change := func() (undo func() error, err error) {
		done.Old = c.rules.Find(id)
		next, err := becomes(c.rules)
		if err != nil {
			return nil, c.ofRule(id, err)
		}
		done.New = next.Find(id)
		if err = c.checkRule(id, next); err != nil {
			return nil, err
		}
		// The end of what holds for a time must not fail, as nobody waits for its error.
		for _, later := range []rules.Layers{next.End(id), next.EndAll(), next.EndAll().End(id)} {
			if err = c.checkRule(id, later); err != nil {
				return nil, fmt.Errorf("when what holds for a time ends: %w", err)
			}
		}
		if p.DryRun {
			return nil, nil
		}
		if err = c.putLocked(next); err != nil || p.For == 0 && next.Passes(id) {
			return nil, err
		}
		return func() error { return c.putLocked(c.rules.End(id)) }, nil
	}
	of := stats.Change{What: "limit", Type: id.Event(), Place: id.Where(), By: p.By, Until: c.until(p.For)}
	if err = c.make(subject{rule: id}, of, p.For, change); err != nil {
		return config.LimitChanged{}, err
	}
	return done, nil
}

// checkRule checks a rule among all others. Its problems have the fields of the rule alone: whoever
// changes one rule does not know where in the list it stands.
func (c *Changes) checkRule(id config.RuleID, next rules.Layers) error {
	list := next.InForce()
	err := c.env.Check(list)
	if err == nil {
		return nil
	}
	at := slices.IndexFunc(list, func(r config.Rule) bool { return r.WithDefaults().Identity() == id })
	var problems []error
	for _, e := range config.FieldErrors(err) {
		e.Field = strings.TrimPrefix(e.Field, fmt.Sprintf("limits[%d].", at))
		problems = append(problems, e)
	}
	return c.ofRule(id, errors.Join(problems...))
}

// ofRule says of which rule an error is, unless there is none.
func (c *Changes) ofRule(id config.RuleID, err error) error {
	if errors.Is(err, stats.ErrNotHere) {
		return err
	}
	return fmt.Errorf("mesh: rule for %s at %s of node %s: %w", id.Event(), id.Where(), c.env.Node, err)
}
