package changes

import (
	"fmt"
	"time"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/rules"
	"leafmesh/mesh/stats"
)

// SetRulesFor replaces all rules, for a time or, if d is 0, for good; by is who wants it.
func (c *Changes) SetRulesFor(list []config.Rule, d time.Duration, by string) error {
	is := stats.Change{What: "rules", By: by, Until: c.until(d)}
	return c.make(subject{}, is, d, func() (func() error, error) {
		undo := func() error { return c.putLocked(c.rules.EndAll()) }
		return undo, c.putLocked(c.rules.Set(list, d > 0))
	})
}

// ReplaceRules puts other rules in force, for good. What operators have changed since stays when it
// is undone: they were told that it holds.
func (c *Changes) ReplaceRules(list []config.Rule) (undo func() error, err error) {
	return c.replace(subject{}, func() (func() error, error) {
		before := c.rules
		replaced := before.Set(list, false)
		return func() error { return c.putLocked(c.rules.Undo(replaced, before)) }, c.putLocked(replaced)
	})
}

// putLocked checks rules and puts them in force.
func (c *Changes) putLocked(next rules.Layers) error {
	list := next.InForce()
	if err := c.env.Check(list); err != nil {
		return fmt.Errorf("mesh: rules of node %s: %w", c.env.Node, err)
	}
	c.env.Put(list)
	c.rules = next
	return nil
}

// CutFor cuts a place of a type or restores it, for a time or, if d is 0, for good; by is who wants
// it.
func (c *Changes) CutFor(eventType, place string, cut bool, d time.Duration, by string) error {
	is := stats.Change{What: "restore", Type: eventType, Place: place, By: by, Until: c.until(d)}
	if cut {
		is.What = "cut"
	}
	return c.make(subject{eventType: eventType, place: place}, is, d, func() (func() error, error) {
		was, err := c.env.Cut(eventType, place, cut)
		return func() error {
			_, err := c.env.Cut(eventType, place, was)
			return err
		}, err
	})
}
