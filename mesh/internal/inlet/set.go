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
	plain    []*inlet
	durables []*durable
	runs     sync.WaitGroup // of durables; ends with the intake
	tending  sync.WaitGroup // the goroutine of tend; ends with the handling
}

// OpenSet begins the imports that are at most once, and makes the durable ones. of tells the type
// of a subject. On an error, stop what was opened with [Set.Stop].
func OpenSet(env *Env, imports []config.Import, of func(subject string) Type) (*Set, error) {
	s := &Set{env: env}
	for _, i := range imports {
		if i.Durable {
			list, err := openDurable(env, of(i.Event), i)
			if err != nil {
				return s, err
			}
			s.durables = append(s.durables, list...)
			continue
		}
		in, err := open(env, of(i.Event), i.Delivery)
		s.plain = append(s.plain, in)
		if err != nil {
			return s, err
		}
	}
	return s, env.Conn.Flush()
}

// Start begins to take events out of the peers' outboxes.
func (s *Set) Start() {
	if len(s.durables) == 0 {
		return
	}
	for _, d := range s.durables {
		s.runs.Go(d.run)
		s.runs.Go(d.admit)
	}
	s.tending.Go(s.tend)
}

// tend looks after the events that were taken and are not handled, and after the bookmarks, until
// the node's handlers have ended.
func (s *Set) tend() {
	alive, save := time.NewTicker(keepAlive), time.NewTicker(time.Second)
	defer alive.Stop()
	defer save.Stop()
	for {
		select {
		case <-alive.C:
			for _, d := range s.durables {
				d.keepAlive()
			}
		case <-save.C:
			if err := s.env.Bookmarks.Save(); err != nil {
				s.env.Log.Rarely("bookmarks not saved", "error", err)
			}
		case <-s.env.Handling.Done():
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

// Stop ends the imports that are at most once: no new messages, those that have come are handled.
// The nil Set has none.
func (s *Set) Stop(ctx context.Context) error {
	if s == nil {
		return nil
	}
	var errs []error
	for _, i := range s.plain {
		errs = append(errs, i.stop(ctx))
	}
	return errors.Join(errs...)
}

// Await waits, once the intake has ended, until all that had come was looked at and the durable
// imports have ended. ctx bounds only the former, which takes no time.
func (s *Set) Await(ctx context.Context) {
	if s == nil {
		return
	}
	for _, i := range s.plain {
		i.await(ctx)
	}
	s.runs.Wait() // soon: they wait for nothing but the intake
}

// AwaitTending waits, once the handling has ended, until nobody looks after bookmarks.
func (s *Set) AwaitTending() {
	if s != nil {
		s.tending.Wait()
	}
}
