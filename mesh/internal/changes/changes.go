package changes

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/journal"
	"leafmesh/mesh/internal/rules"
	"leafmesh/mesh/logs"
	"leafmesh/mesh/stats"
)

// Env is what changes need of their node.
type Env struct {
	Node  string
	Clock *clock.Clock
	Log   *journal.Log
	// Check says what is wrong with rules. Put puts rules in force that are not.
	Check func([]config.Rule) error
	Put   func([]config.Rule)
	// Cut cuts a place of a type or restores it, and reports whether it was cut.
	Cut func(subject, place string, cut bool) (was bool, err error)
}

// Changes are those of a running node, of which some end by themselves. Its methods are safe for
// concurrent use.
type Changes struct {
	env Env

	mu    sync.Mutex           // held while something changes
	open  map[subject]*passing // guarded by mu: those that are to end
	ended bool                 // guarded by mu: none ends any more
	rules rules.Layers         // guarded by mu: those in force, and what comes back
}

// New is for a node with rules in force, of which none has been changed.
func New(env Env, inForce []config.Rule) *Changes {
	return &Changes{env: env, open: map[subject]*passing{}, rules: rules.NewLayers(inForce)}
}

// Passing says for how long something is changed, and by whom.
type Passing struct {
	For    time.Duration // 0: for good
	By     string        // an operator's name, or that of who is at the tap; "": the program
	DryRun bool          // nothing is changed: only what would be is told
}

// subject is what changes: a type at a place, one rule, or all rules if it is zero.
type subject struct {
	eventType, place string
	rule             config.RuleID
}

// has reports whether a change of this is one of the other, too.
func (of subject) has(other subject) bool {
	return of == other || of == subject{} && other.rule != config.RuleID{}
}

// passing is a change that is to end.
type passing struct {
	stats.Change
	ends  time.Time // Until by the monotonic clock: the wall clock may be set meanwhile
	timer *time.Timer
	undo  func() error
}

// make makes a change for a time, 0: for good. One of the same thing that was to end does so no
// longer: what would have come back then comes back at the end of this one. If do gives nothing
// that undoes it, what was to end still does.
func (c *Changes) make(of subject, is stats.Change, d time.Duration, do func() (undo func() error, err error)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	undo, err := do()
	if err != nil || undo == nil {
		return err
	}
	if former := c.stopLocked(of)[of]; former != nil {
		undo = former.undo
	}
	if d == 0 || c.ended {
		return nil
	}
	p := &passing{Change: is, ends: time.Now().Add(d), undo: undo}
	p.timer = time.AfterFunc(d, func() {
		if did, err := c.undo(of, p); did {
			c.tellEnd(is, err)
		}
	})
	c.open[of] = p
	return nil
}

// stopLocked lets what was to end do so no longer, as it has been changed.
func (c *Changes) stopLocked(of subject) (stopped map[subject]*passing) {
	stopped = map[subject]*passing{}
	for other, p := range c.open {
		if of.has(other) {
			p.timer.Stop()
			stopped[other] = p
			delete(c.open, other)
		}
	}
	return stopped
}

// replace makes a change for good, as make does, and gives what undoes it: then what was to end
// does so again, unless it has been changed since.
func (c *Changes) replace(of subject, do func() (undo func() error, err error)) (undo func() error, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before, err := do()
	if err != nil {
		return nil, err
	}
	stopped := c.stopLocked(of)
	return func() error {
		c.mu.Lock()
		defer c.mu.Unlock()
		if err := before(); err != nil {
			return err
		}
		for other, former := range stopped {
			if c.open[other] == nil && c.rules.Passes(other.rule) && !c.ended {
				c.open[other] = former
				former.timer.Reset(time.Until(former.ends))
			}
		}
		return nil
	}, nil
}

// undo ends a change, unless somebody has changed the same since.
func (c *Changes) undo(of subject, p *passing) (did bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open[of] != p {
		return false, nil
	}
	delete(c.open, of)
	return true, p.undo()
}

// tellEnd tells of the end of a change, which nobody asked for at the time.
func (c *Changes) tellEnd(is stats.Change, err error) {
	attrs := []any{"operator", is.By, "what", is.What, "type", is.Type, "place", is.Place}
	if err != nil {
		c.env.Log.ErrorContext(logs.Each(context.Background()), "a change that was to end stays in force", append(attrs, "error", fmt.Errorf("undo it: %w", err))...)
		return
	}
	c.env.Log.InfoContext(logs.Each(context.Background()), "a change has ended, and what was before is in force again", attrs...)
}

// List returns the changes that are to end, the first to end first.
func (c *Changes) List() (list []stats.Change) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.open {
		list = append(list, p.Change)
	}
	slices.SortFunc(list, func(a, b stats.Change) int { return a.Until.Compare(b.Until) })
	return list
}

// Close lets all stay as it is.
func (c *Changes) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	for _, p := range c.open {
		p.timer.Stop()
	}
	clear(c.open)
}

// until is the end of a change that begins now.
func (c *Changes) until(d time.Duration) time.Time { return time.Unix(0, c.env.Clock.Wall()).Add(d) }
