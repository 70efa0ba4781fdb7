package inlet

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"leafmesh/mesh/config"
	"leafmesh/mesh/stats"
)

// Set is all imports of a node. It owns their goroutines.
type Set struct {
	env      *Env
	of       func(subject string) Type
	ended    chan struct{}  // closed when all handlers have ended
	admits   sync.WaitGroup // goroutines of durables; end with the intake
	tending  sync.WaitGroup // those of talks and bookmarks; end with ended
	exchange atomic.Pointer[exchange]

	mu      sync.Mutex // held while exporters come and go, and while the set starts or stops
	started bool       // guarded by mu
	stopped bool       // guarded by mu
	saving  bool       // guarded by mu: bookmarks are saved
}

// exchange is with whom a node talks, and what comes in from them. It is replaced as a whole.
type exchange struct {
	imports  []config.Import
	talks    map[string]*talk // by exporter
	plain    []*inlet
	durables []*durable
}

// OpenSet makes the imports: each from all exporters of its type. of tells the type of a subject. On
// an error, stop what was opened with [Set.Stop].
func OpenSet(env *Env, imports []config.Import, of func(subject string) Type) (*Set, error) {
	s := &Set{env: env, of: of, ended: make(chan struct{})}
	s.exchange.Store(&exchange{imports: imports, talks: map[string]*talk{}})
	for exporter, way := range env.Exporters {
		if err := s.Add(exporter, way); err != nil {
			return s, err
		}
	}
	return s, nil
}

// Add lets events come in from another exporter, or again from one that was removed; the way to that
// one stays as it was. Nothing changes for one whose events come in. Errors: stats.ErrClosed once the set is stopped, and what the way says.
func (s *Set) Add(exporter string, way Exporter) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return stats.ErrClosed
	}
	former := s.exchange.Load()
	if t := former.talks[exporter]; t != nil {
		t.comeBack()
		return nil
	}
	t := newTalk(s.env, exporter, way, newNonce())
	var err error
	for _, i := range former.imports {
		if err == nil && config.ServiceOf(exporter) == config.OwnerOf(i.Event) {
			err = t.add(s.of(i.Event), i)
		}
	}
	next := &exchange{imports: former.imports, talks: maps.Clone(former.talks), plain: slices.Concat(former.plain, t.plain()), durables: slices.Concat(former.durables, t.imports)}
	if len(t.plain())+len(t.imports) > 0 {
		next.talks[exporter] = t
	}
	s.exchange.Store(next)
	if err == nil && s.started {
		s.startLocked(t)
	}
	return err
}

// Remove ends what is imported from an exporter, which is not missed any more. What has come is
// handled; by a hub events may come until the exporter has heard goodbye.
func (s *Set) Remove(exporter string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.exchange.Load().talks[exporter]; t != nil {
		t.leave()
	}
}

// add makes an import.
func (t *talk) add(of Type, settings config.Import) error {
	if settings.Durable {
		t.imports = append(t.imports, newDurable(t, of, settings))
		return nil
	}
	i, err := open(t, of, settings.Delivery)
	plain := append(slices.Clone(t.plain()), i)
	t.once.Store(&plain)
	return err
}

// Start begins to take events out of the exporters' outboxes.
func (s *Set) Start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.started = true
	for _, t := range s.exchange.Load().talks {
		s.startLocked(t)
	}
}

func (s *Set) startLocked(t *talk) {
	for _, d := range t.imports {
		s.admits.Go(d.admit)
	}
	s.tending.Go(func() { t.run(s.ended) })
	if len(t.imports) > 0 && !s.saving {
		s.saving = true
		s.tending.Go(s.saveBookmarks)
	}
}

// Hear takes a message that came from an exporter. It does not block. The messages of one exporter
// come one at a time, in the order in which they were said.
func (s *Set) Hear(exporter string, data []byte) {
	if t := s.talkWith(exporter); t != nil {
		t.hear(data)
	}
}

// talkWith is the talk with an exporter; nil if there is none, or it was removed. The nil Set has none.
func (s *Set) talkWith(exporter string) *talk {
	if s == nil {
		return nil
	}
	t := s.exchange.Load().talks[exporter]
	if t == nil || t.away.Load() {
		return nil
	}
	return t
}

// saveBookmarks saves them each second, until the node has ended.
func (s *Set) saveBookmarks() {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if err := s.env.Bookmarks.Save(); err != nil {
				s.env.Log.Warn("bookmarks not saved", "error", err)
			}
		case <-s.ended:
			return
		}
	}
}

// Stats tells what has arrived and how the durable imports are connected, and moves what clients
// dropped into the counters. The nil Set has none.
func (s *Set) Stats() (plain []stats.Import, durables []stats.DurableImport) {
	if s == nil {
		return nil, nil
	}
	for _, of := range s.exchange.Load().imports {
		if of.Durable {
			continue
		}
		sum := stats.Import{Type: of.Event, Each: of.Delivery == config.Each}
		for _, i := range s.exchange.Load().plain {
			if i.of.Subject == of.Event {
				sum.Arrived += i.arrived()
			}
		}
		plain = append(plain, sum)
	}
	for _, d := range s.exchange.Load().durables {
		if !d.talk.away.Load() {
			durables = append(durables, d.stats())
		}
	}
	return plain, durables
}

// Stop begins the end: imports that are at most once take no new messages, and those that have come
// are handled; exporters hear goodbye, and what they still give goes back. The nil Set has none.
func (s *Set) Stop(ctx context.Context) error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	s.stopped = true
	s.mu.Unlock()
	present := s.exchange.Load()
	for _, t := range present.talks {
		t.close()
	}
	var errs []error
	for _, i := range present.plain {
		errs = append(errs, i.stop(ctx))
	}
	return errors.Join(errs...)
}

// Await waits, once the intake has ended, until all that had come was looked at. ctx bounds only the
// imports that are at most once, which take no time.
func (s *Set) Await(ctx context.Context) {
	if s == nil {
		return
	}
	for _, i := range s.exchange.Load().plain {
		i.await(ctx)
	}
	s.admits.Wait() // soon: they wait for nothing but the intake
}

// AwaitTending ends the talks, once the handling has ended. It waits until what handlers did not
// finish was given back, and the exporters were told.
func (s *Set) AwaitTending() {
	if s == nil {
		return
	}
	for _, d := range s.exchange.Load().durables {
		d.abandon()
	}
	close(s.ended)
	s.tending.Wait()
}
