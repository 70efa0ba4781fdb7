package inlet

import (
	"context"
	"errors"
	"sync"
	"time"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/steps"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/stats"
)

// Set is all imports of a node. It owns their goroutines.
type Set struct {
	env      *Env
	plain    []*inlet
	talks    map[string]*talk // by exporter
	durables []*durable
	unknown  *steps.Point   // messages of exporters that nobody talks to
	ended    chan struct{}  // closed when all handlers have ended
	admits   sync.WaitGroup // goroutines of durables; end with the intake
	tending  sync.WaitGroup // those of talks and bookmarks; end with ended
}

// OpenSet begins the imports that are at most once, and makes the durable ones. of tells the type
// of a subject. On an error, stop what was opened with [Set.Stop].
func OpenSet(env *Env, imports []config.Import, of func(subject string) Type) (*Set, error) {
	s := &Set{env: env, talks: map[string]*talk{}, ended: make(chan struct{}),
		unknown: env.Trace.Point(steps.Step{Outcome: stats.Lost, Place: steps.At(steps.Import), Rule: stats.Malformed})}
	nonce := newNonce()
	for _, i := range imports {
		if i.Durable {
			s.addDurable(of(i.Event), i, nonce)
			continue
		}
		in, err := open(env, of(i.Event), i.Delivery)
		s.plain = append(s.plain, in)
		if err != nil {
			return s, err
		}
	}
	if len(s.plain) == 0 {
		return s, nil
	}
	return s, env.Conn.Flush()
}

// addDurable makes a durable import for each peer that may export the type.
func (s *Set) addDurable(of Type, settings config.Import, nonce wire.ID) {
	for _, p := range s.env.Peers {
		if p.URL == "" || config.ServiceOf(p.Name) != config.OwnerOf(of.Subject) {
			continue
		}
		t := s.talks[p.Name]
		if t == nil {
			t = newTalk(s.env, p.Name, nonce)
			s.talks[p.Name] = t
		}
		d := newDurable(t, of, settings)
		t.imports = append(t.imports, d)
		s.durables = append(s.durables, d)
	}
}

// Start begins to take events out of the exporters' outboxes.
func (s *Set) Start() {
	for _, d := range s.durables {
		s.admits.Go(d.admit)
	}
	for _, t := range s.talks {
		s.tending.Go(func() { t.run(s.ended) })
	}
	if len(s.talks) > 0 {
		s.tending.Go(s.saveBookmarks)
	}
}

// Hear takes a message that came from an exporter. It does not block. The messages of one exporter
// come one at a time, in the order in which they were said.
func (s *Set) Hear(exporter string, data []byte) {
	if t := s.talks[exporter]; t != nil {
		t.hear(data)
		return
	}
	s.unknown.PassUnknown(1, nil)
	s.env.Log.Rarely("message dropped: nothing durable is imported from its exporter", "peer", exporter, "bytes", len(data))
}

// saveBookmarks saves them each second, until the node has ended.
func (s *Set) saveBookmarks() {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if err := s.env.Bookmarks.Save(); err != nil {
				s.env.Log.Rarely("bookmarks not saved", "error", err)
			}
		case <-s.ended:
			return
		}
	}
}

// Ready waits until each durable import is bound to its outbox, and passes on the first error.
func (s *Set) Ready(ctx context.Context, failed func(error)) {
	var waiting sync.WaitGroup
	defer waiting.Wait()
	for _, d := range s.durables {
		waiting.Go(func() {
			if err := d.ready(ctx); err != nil {
				failed(err)
			}
		})
	}
}

// Stats tells what has arrived and how the durable imports are connected, and moves what clients
// dropped into the counters. The nil Set has none.
func (s *Set) Stats() (plain []stats.Import, durables []stats.DurableImport) {
	if s == nil {
		return nil, nil
	}
	for _, i := range s.plain {
		plain = append(plain, i.stats())
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
