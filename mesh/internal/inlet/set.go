package inlet

import (
	"context"
	"errors"
	"sync"
	"time"

	"leafmesh/mesh/config"
	"leafmesh/mesh/stats"
)

// Set is all imports of a node. It owns their goroutines.
type Set struct {
	env      *Env
	imports  []config.Import
	plain    []*inlet
	talks    map[string]*talk // by exporter
	durables []*durable
	ended    chan struct{}  // closed when all handlers have ended
	admits   sync.WaitGroup // goroutines of durables; end with the intake
	tending  sync.WaitGroup // those of talks and bookmarks; end with ended
}

// OpenSet makes the imports: each from all exporters of its type. of tells the type of a subject. On
// an error, stop what was opened with [Set.Stop].
func OpenSet(env *Env, imports []config.Import, of func(subject string) Type) (*Set, error) {
	s := &Set{env: env, imports: imports, talks: map[string]*talk{}, ended: make(chan struct{})}
	for _, i := range imports {
		t := of(i.Event)
		for exporter := range env.Exporters {
			if config.ServiceOf(exporter) != config.OwnerOf(i.Event) {
				continue
			}
			if s.talks[exporter] == nil {
				s.talks[exporter] = newTalk(env, exporter, newNonce())
			}
			if err := s.add(s.talks[exporter], t, i); err != nil {
				return s, err
			}
		}
	}
	return s, nil
}

// add makes an import from one exporter.
func (s *Set) add(t *talk, of Type, settings config.Import) error {
	if settings.Durable {
		d := newDurable(t, of, settings)
		t.imports = append(t.imports, d)
		s.durables = append(s.durables, d)
		return nil
	}
	i, err := open(t, of, settings.Delivery)
	t.plain = append(t.plain, i)
	s.plain = append(s.plain, i)
	return err
}

// Start begins to take events out of the exporters' outboxes.
func (s *Set) Start() {
	for _, d := range s.durables {
		s.admits.Go(d.admit)
	}
	for _, t := range s.talks {
		s.tending.Go(func() { t.run(s.ended) })
	}
	if len(s.durables) > 0 {
		s.tending.Go(s.saveBookmarks)
	}
}

// Hear takes a message that came from an exporter. It does not block. The messages of one exporter
// come one at a time, in the order in which they were said.
func (s *Set) Hear(exporter string, data []byte) {
	if t := s.talks[exporter]; t != nil {
		t.hear(data)
	}
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
	for _, of := range s.imports {
		if of.Durable {
			continue
		}
		sum := stats.Import{Type: of.Event, Each: of.Delivery == config.Each}
		for _, i := range s.plain {
			if i.of.Subject == of.Event {
				sum.Arrived += i.arrived()
			}
		}
		plain = append(plain, sum)
	}
	for _, d := range s.durables {
		durables = append(durables, d.stats())
	}
	return plain, durables
}

// Stop begins the end: imports that are at most once take no new messages, and those that have come
// are handled; exporters hear goodbye, and what they still give goes back. The nil Set has none.
func (s *Set) Stop(ctx context.Context) error {
	if s == nil {
		return nil
	}
	for _, t := range s.talks {
		t.close()
	}
	var errs []error
	for _, i := range s.plain {
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
	for _, i := range s.plain {
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
	for _, d := range s.durables {
		d.abandon()
	}
	close(s.ended)
	s.tending.Wait()
}
