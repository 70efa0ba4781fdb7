package inlet

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/stats"
)

// SetImports replaces what is imported at most once, from the exporters that are there. Those that are
// added later see it too. What is imported no more the exporters are told, and what is on its way comes
// in: SetImports waits for that until ctx ends, so that a link can be closed then. Durable imports stay as
// they are.
//
// After an error nothing more comes in than before.
func (s *Set) SetImports(ctx context.Context, imports []config.Import) error {
	changed, err := s.change(imports)
	for _, t := range changed {
		for !t.isSettled() && ctx.Err() == nil {
			clock.Sleep(ctx, time.Millisecond)
		}
	}
	return err
}

// change is SetImports without the wait. It gives the talks of which the imports have changed.
func (s *Set) change(imports []config.Import) (changed []*talk, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return nil, stats.ErrClosed
	}
	former := s.exchange.Load()
	next := &exchange{imports: imports, talks: maps.Clone(former.talks), plain: former.plain, durables: former.durables}
	for _, t := range former.talks {
		known := len(t.plain())
		for _, i := range imports {
			if !i.Durable && config.ServiceOf(t.exporter) == config.OwnerOf(i.Event) && t.plainOf(i.Event) == nil {
				err = errors.Join(err, t.add(s.of(i.Event), i))
			}
		}
		for _, i := range t.plain()[known:] {
			i.left.Store(true) // until all are there
			next.plain = append(slices.Clip(next.plain), i)
		}
	}
	if err != nil {
		next.imports = former.imports
	}
	for _, t := range former.talks {
		if t.choose(next.imports) {
			changed = append(changed, t)
		}
	}
	s.exchange.Store(next)
	return changed, err
}

// plain are the imports that are at most once, those too that were left.
func (t *talk) plain() []*inlet {
	if present := t.once.Load(); present != nil {
		return *present
	}
	return nil
}

// choose takes part in some imports and leaves the others, and says hello anew if that is a change.
func (t *talk) choose(imports []config.Import) (changed bool) {
	for _, i := range t.plain() {
		at := slices.IndexFunc(imports, func(of config.Import) bool { return of.Event == i.of.Subject && !of.Durable })
		if each := at >= 0 && imports[at].Delivery == config.Each; at >= 0 && i.each.Swap(each) != each {
			changed = true
		}
		if left := at < 0; i.left.Swap(left) != left {
			changed = true
		}
	}
	if changed {
		t.mu.Lock()
		t.greeting.again()
		t.mu.Unlock()
		t.answers.rouse()
	}
	return changed
}

// isSettled reports whether the exporter has answered the last hello and knows what was taken, or there
// is nobody to answer.
func (t *talk) isSettled() bool {
	if _, up := t.Link(); !up || t.away.Load() {
		return true
	}
	t.mu.Lock()
	answered := t.greeting.answered && t.greeting.helloAt != 0 && t.saidAt == 0
	t.mu.Unlock()
	return answered && !slices.ContainsFunc(t.plain(), func(i *inlet) bool { return i.left.Load() && i.counted.Load() != i.told.Load() })
}
