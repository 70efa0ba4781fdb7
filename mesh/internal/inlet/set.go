package inlet

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
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
	open     context.Context // ends with Stop
	end      context.CancelFunc

	mu        sync.Mutex                          // held while exporters and imports come and go, and while the set starts or stops
	exporters map[string]func() (Exporter, error) // guarded by mu: those that are there, and how a way to them is opened
	started   bool                                // guarded by mu
	stopped   bool                                // guarded by mu
	saving    bool                                // guarded by mu: bookmarks are saved
}

// exchange is with whom a node talks, and what comes in from them. It is replaced as a whole.
type exchange struct {
	imports []config.Import
	talks   map[string]*talk // by exporter
	// arrived is how many events have come in from exporters that are forgotten, by type.
	arrived map[string]uint64
}

// copy is an exchange that may become another one.
func (e *exchange) copy() *exchange {
	return &exchange{imports: e.imports, talks: maps.Clone(e.talks), arrived: e.arrived}
}

// plain are all imports that are at most once, those too that were left.
func (e *exchange) plain() (all []*inlet) {
	for _, exporter := range slices.Sorted(maps.Keys(e.talks)) {
		all = append(all, e.talks[exporter].plain()...)
	}
	return all
}

// durables are all durable imports.
func (e *exchange) durables() (all []*durable) {
	for _, exporter := range slices.Sorted(maps.Keys(e.talks)) {
		all = append(all, e.talks[exporter].imports...)
	}
	return all
}

// NewSet is for the imports of a node, which has no exporters yet. of tells the type of a subject.
func NewSet(env *Env, imports []config.Import, of func(subject string) Type) *Set {
	s := &Set{env: env, of: of, ended: make(chan struct{}), exporters: map[string]func() (Exporter, error){}}
	s.open, s.end = context.WithCancel(context.Background())
	s.exchange.Store(&exchange{imports: imports, talks: map[string]*talk{}, arrived: map[string]uint64{}})
	return s
}

// Start begins to take events out of the exporters' outboxes.
func (s *Set) Start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.started = true
	s.speakLocked()
}

// speakLocked lets the talks speak that do not sleep, once the set has started.
func (s *Set) speakLocked() {
	for _, t := range s.exchange.Load().talks {
		if !s.started || t.asleep || t.speaks {
			continue
		}
		t.speaks = true
		s.admitLocked(t)
		s.tending.Go(func() { t.run(s) })
		if len(t.imports) > 0 && !s.saving {
			s.saving = true
			s.tending.Go(s.saveBookmarks)
		}
	}
}

// Hear takes a message that came from an exporter. It does not block. The messages of one exporter
// come one at a time, in the order in which they were said.
func (s *Set) Hear(exporter string, data []byte) {
	switch t := s.exchange.Load().talks[exporter]; {
	case t == nil:
	case t.away.Load():
		t.hearLast(data)
	default:
		t.hear(data)
	}
}

// talkWith is the talk with an exporter; nil if there is none, or it was removed. The nil Set has
// none.
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
				s.env.Log.Warn("bookmarks not saved", "error", err,
					"remedy", "free the disk at "+filepath.Dir(s.env.Bookmarks.path)+", or let the node write there; it tries again each second")
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
	present := s.exchange.Load()
	all := present.plain()
	for _, of := range present.imports {
		if of.Durable {
			continue
		}
		sum := stats.Import{Type: of.Event, Each: of.Delivery == config.Each, Arrived: present.arrived[of.Event]}
		for _, i := range all {
			if i.of.Subject == of.Event {
				sum.Arrived += i.arrived()
			}
		}
		plain = append(plain, sum)
	}
	for _, d := range present.durables() {
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
	present := s.exchange.Load()
	for _, t := range present.talks {
		if t.forgets != nil {
			t.forgets.Stop()
		}
	}
	s.mu.Unlock()
	s.end()
	for _, t := range present.talks {
		t.close()
	}
	var errs []error
	for _, i := range present.plain() {
		errs = append(errs, i.stop(ctx))
	}
	return errors.Join(errs...)
}

// Await waits, once the intake has ended, until all that had come was looked at. ctx bounds only
// the imports that are at most once, which take no time.
func (s *Set) Await(ctx context.Context) {
	if s == nil {
		return
	}
	for _, i := range s.exchange.Load().plain() {
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
	for _, d := range s.exchange.Load().durables() {
		d.abandon()
	}
	close(s.ended)
	s.tending.Wait()
}
