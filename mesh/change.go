package mesh

import (
	"slices"
	"sync"
	"time"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/rules"
	"leafmesh/mesh/stats"
)

// changes are those of a running node, of which some end by themselves.
type changes struct {
	mu    sync.Mutex                  // held while something changes
	open  map[changeOf]*passingChange // guarded by mu: those that are to end
	ended bool                        // guarded by mu: none ends any more
	rules rules.Layers                // guarded by mu: those in force, and what comes back
}

// changeOf is what changes: a type at a place, one rule, or all rules if it is zero.
type changeOf struct {
	subject, place string
	rule           config.RuleID
}

// has reports whether a change of this is one of the other, too.
func (of changeOf) has(other changeOf) bool {
	return of == other || of == changeOf{} && other.rule != config.RuleID{}
}

// passingChange is a change that is to end.
type passingChange struct {
	stats.Change
	ends  time.Time // Until by the monotonic clock: the wall clock may be set meanwhile
	timer *time.Timer
	undo  func() error
}

// make makes a change for a time, 0: for good. One of the same thing that was to end does so no
// longer: what would have come back then comes back at the end of this one. If do gives nothing
// that undoes it, what was to end still does.
func (c *changes) make(of changeOf, is stats.Change, d time.Duration, do func() (undo func() error, err error), ended func(stats.Change, error)) error {
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
	p := &passingChange{Change: is, ends: time.Now().Add(d), undo: undo}
	p.timer = time.AfterFunc(d, func() {
		if did, err := c.undo(of, p); did {
			ended(is, err)
		}
	})
	if c.open == nil {
		c.open = map[changeOf]*passingChange{}
	}
	c.open[of] = p
	return nil
}

// stopLocked lets what was to end do so no longer, as it has been changed.
func (c *changes) stopLocked(of changeOf) (stopped map[changeOf]*passingChange) {
	stopped = map[changeOf]*passingChange{}
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
func (c *changes) replace(of changeOf, do func() (undo func() error, err error)) (undo func() error, err error) {
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
func (c *changes) undo(of changeOf, p *passingChange) (did bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open[of] != p {
		return false, nil
	}
	delete(c.open, of)
	return true, p.undo()
}

// list returns the changes that are to end, the first to end first.
func (c *changes) list() (list []stats.Change) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.open {
		list = append(list, p.Change)
	}
	slices.SortFunc(list, func(a, b stats.Change) int { return a.Until.Compare(b.Until) })
	return list
}

// close lets all stay as it is.
func (c *changes) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	for _, p := range c.open {
		p.timer.Stop()
	}
	clear(c.open)
}
