package inlet

import (
	"context"
	"errors"
	"slices"
	"time"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/stats"
)

// Add lets events come in from another exporter, or again from one that was removed. open opens the
// way to that one; it is called while something is imported from the exporter and no way is open.
// Nothing changes for an exporter whose events come in. Errors: stats.ErrClosed once the set is
// stopped, and what the way says.
func (s *Set) Add(exporter string, open func() (Exporter, error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return stats.ErrClosed
	}
	next := s.exchange.Load().copy()
	if err := s.listenLocked(next, exporter, open); err != nil {
		return err
	}
	s.exporters[exporter] = open
	s.putLocked(next)
	return nil
}

// Remove ends what is imported from an exporter, which is not missed any more. What has come is
// handled, and then the way is closed; by a hub events may come until the exporter has heard
// goodbye.
func (s *Set) Remove(exporter string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.exporters, exporter)
	if t := s.exchange.Load().talks[exporter]; t != nil {
		t.leave()
	}
}

// SetImports replaces what is imported at most once, from the exporters that are there. Those that
// are added later see it too. What is imported no more the exporters are told, and what is on its
// way comes in: SetImports waits for that until ctx ends, so that a link can be closed then. An
// exporter from which nothing is imported any more is let go as if it were removed, and woken with
// the next import. Durable imports stay as they are.
//
// After an error nothing more comes in than before.
func (s *Set) SetImports(ctx context.Context, imports []config.Import) error {
	changed, err := s.change(imports)
	for _, t := range changed {
		for !t.isSettled() && ctx.Err() == nil {
			clock.Sleep(ctx, time.Millisecond)
		}
	}
	s.leaveUnused()
	return err
}

// change is SetImports without the wait. It gives the talks of which the imports have changed.
func (s *Set) change(imports []config.Import) (changed []*talk, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return nil, stats.ErrClosed
	}
	next := s.exchange.Load().copy()
	former := next.imports
	next.imports = imports
	for exporter, open := range s.exporters {
		err = errors.Join(err, s.listenLocked(next, exporter, open))
	}
	if err != nil {
		next.imports = former
	}
	return s.putLocked(next), err
}

// listenLocked lets events of an exporter come, if any are imported. What comes is chosen by
// putLocked.
func (s *Set) listenLocked(next *exchange, exporter string, open func() (Exporter, error)) error {
	t := next.talks[exporter]
	for _, i := range next.imports {
		if config.ServiceOf(exporter) != config.OwnerOf(i.Event) {
			continue
		}
		if t == nil {
			t = newTalk(s.env, exporter, newNonce())
		}
		t.add(i, s.of)
	}
	if t == nil || !t.isOf(next.imports) {
		return nil
	}
	switch {
	case t.asleep:
		if err := t.wakeLocked(open, next.imports); err != nil {
			return err
		}
	case t.taking.Load(): // else it does once it resumes
		if err := t.subscribeLocked(next.imports); err != nil {
			return err
		}
	}
	t.comeBack()
	next.talks[exporter] = t
	return nil
}

// putLocked puts an exchange in force, and lets the talks speak that were woken. It gives those of
// which the imports have changed.
func (s *Set) putLocked(next *exchange) (changed []*talk) {
	for _, t := range next.talks {
		if t.choose(next.imports) {
			changed = append(changed, t)
		}
	}
	s.exchange.Store(next)
	s.speakLocked()
	return changed
}

// leaveUnused leaves the exporters from which nothing is imported.
func (s *Set) leaveUnused() {
	s.mu.Lock()
	defer s.mu.Unlock()
	present := s.exchange.Load()
	for _, t := range present.talks {
		if !t.isOf(present.imports) {
			t.leave()
		}
	}
}

// plain are the imports that are at most once, those too that were left.
func (t *talk) plain() []*inlet {
	if present := t.once.Load(); present != nil {
		return *present
	}
	return nil
}

// add makes an import that there is not yet. One that is at most once is left until it is chosen.
func (t *talk) add(i config.Import, of func(subject string) Type) {
	switch {
	case i.Durable && t.of(i.Event) == nil && t.way.Load() == nil: // it never spoke
		t.imports = append(t.imports, newDurable(t, of(i.Event), i))
	case !i.Durable && t.plainOf(i.Event) == nil:
		plain := append(slices.Clone(t.plain()), newPlain(t, of(i.Event)))
		t.once.Store(&plain)
	}
}

// settingsOf finds an import that is at most once among others; nil if it is not imported.
func settingsOf(imports []config.Import, i *inlet) *config.Import {
	at := slices.IndexFunc(imports, func(of config.Import) bool { return of.Event == i.of.Subject && !of.Durable })
	if at < 0 {
		return nil
	}
	return &imports[at]
}

// isOf reports whether any of the imports is from the exporter.
func (t *talk) isOf(imports []config.Import) bool {
	return len(t.imports) > 0 || slices.ContainsFunc(t.plain(), func(i *inlet) bool { return settingsOf(imports, i) != nil })
}

// choose takes part in some imports and leaves the others, and says hello anew if that is a change.
func (t *talk) choose(imports []config.Import) (changed bool) {
	for _, i := range t.plain() {
		settings := settingsOf(imports, i)
		if settings != nil && i.each.Swap(settings.Delivery == config.Each) != (settings.Delivery == config.Each) {
			changed = true
		}
		if left := settings == nil; i.left.Swap(left) != left {
			changed = true
			i.unbind(errNotBound, false) // until the exporter has heard of it
		}
	}
	if changed {
		t.mu.Lock()
		t.greeting.again()
		t.upToDate = false
		t.mu.Unlock()
		t.answers.rouse()
	}
	return changed
}

// isSettled reports whether the exporter has answered the last hello and knows what was taken, or
// there is nobody to answer.
func (t *talk) isSettled() bool {
	if _, up := t.to().Link(); !up || t.away.Load() {
		return true
	}
	t.mu.Lock()
	answered := t.greeting.answered && t.upToDate && !t.greeting.isDue() && t.saidAt == 0
	t.mu.Unlock()
	return answered && !slices.ContainsFunc(t.plain(), func(i *inlet) bool { return i.left.Load() && i.counted.Load() != i.told.Load() })
}

// answersAll reports whether a welcome is to all that is imported now, and to nothing else: not to
// a hello of before.
func (t *talk) answersAll(w *wire.Welcome) bool {
	return !slices.ContainsFunc(t.plain(), func(i *inlet) bool {
		answered := slices.ContainsFunc(w.Imports, func(a wire.WelcomeImport) bool { return a.Type == i.of.Subject })
		return answered == i.left.Load()
	})
}
