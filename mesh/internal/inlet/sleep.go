package inlet

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"leafmesh/mesh/config"
)

// sleep is how far a talk is that takes nothing: its exporter was removed from the peers, or
// nothing is imported from it any more. Once all that had come is settled the talk sleeps, without
// a way or a goroutine. After a while it is forgotten; until then it goes on where it was if it is
// woken, so that nothing is handled or lost twice.
type sleep struct {
	asleep  bool        // guarded by the set's mu: there is no way
	forgets *time.Timer // guarded by the set's mu: runs while the talk sleeps
	speaks  bool        // guarded by the set's mu: there is a goroutine
	taking  atomic.Bool // changed under the set's mu: events come in

	// Owned by the goroutine that speaks, or by the set while there is none.
	begins chan struct{}
	admits sync.WaitGroup
}

// forgetAfter is when a talk that sleeps is forgotten: an exporter counts a reader that has been
// away for so long as lost, too.
const forgetAfter = time.Minute

// leave lets nothing more come in from the exporter. One that is still there hears goodbye.
func (t *talk) leave() {
	t.away.Store(true)
	t.mu.Lock()
	t.mayTell = false
	t.mu.Unlock()
	t.unbind(errRemoved, false)
	t.answers.rouse()
}

// comeBack undoes leave: hello is to be said again. A talk that is under way goes on as it is.
func (t *talk) comeBack() {
	if !t.away.Load() {
		return
	}
	t.mu.Lock()
	t.greeting = greeting{since: t.Clock.Now()}
	t.mu.Unlock()
	t.away.Store(false)
	t.answers.rouse()
}

// wakeLocked gives a talk that sleeps a way.
func (t *talk) wakeLocked(open func() (Exporter, error), imports []config.Import) error {
	way, err := open()
	if err != nil {
		return err
	}
	t.way.Store(&way)
	if err := t.subscribeLocked(imports); err != nil {
		for _, i := range t.plain() {
			i.unsubscribe()
		}
		way.Close()
		return err
	}
	if t.forgets != nil {
		t.forgets.Stop()
	}
	t.asleep = false
	t.taking.Store(true)
	return nil
}

// subscribeLocked lets events come of those imports that are at most once.
func (t *talk) subscribeLocked(imports []config.Import) error {
	for _, i := range t.plain() {
		if settingsOf(imports, i) == nil {
			continue
		}
		if err := i.subscribe(); err != nil {
			return err
		}
	}
	return nil
}

// admitLocked lets what is taken of durable imports through the gate.
func (s *Set) admitLocked(t *talk) {
	begins := make(chan struct{})
	t.begins = begins
	for _, d := range t.imports {
		t.admits.Add(1)
		s.admits.Go(func() {
			defer t.admits.Done()
			d.admit(begins)
		})
	}
}

// settle brings a talk that is away to sleep, once nothing of it is under way. It reports that it
// sleeps.
func (s *Set) settle(t *talk) (sleeps bool) {
	if !t.away.Load() || t.closing.Load() || t.up && !t.goodbye || t.owes() || !s.drain(t) {
		return false
	}
	t.part()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped || !t.away.Load() {
		return false
	}
	t.to().Close()
	t.asleep, t.speaks = true, false
	t.forgets = time.AfterFunc(forgetAfter, func() { s.forget(t) })
	return true
}

// owes reports whether anything of durable imports is under way here, also of outboxes that are
// gone.
func (t *talk) owes() bool {
	return slices.ContainsFunc(t.imports, func(d *durable) bool { return d.underWay() > 0 || len(d.waiting) > 0 })
}

// drain lets nothing more come in and waits until what has come is handled, unless the set is
// stopped.
func (s *Set) drain(t *talk) (drained bool) {
	if !t.taking.Load() {
		return true
	}
	s.mu.Lock()
	t.taking.Store(false) // from here on nobody but resume subscribes
	for _, i := range t.plain() {
		i.subscribed = false
	}
	s.mu.Unlock()
	close(t.begins)
	t.admits.Wait()
	for _, i := range t.plain() {
		if err := i.stop(s.open); err != nil {
			return false // the set is being stopped
		}
	}
	return true
}

// resume lets a talk take again that was woken before it slept. It says no hello before.
func (s *Set) resume(t *talk) {
	if t.away.Load() || t.taking.Load() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return
	}
	if err := t.subscribeLocked(s.exchange.Load().imports); err != nil {
		t.Log.Warn("events of an exporter that came back do not come in yet", "peer", t.exporter, "error", err)
		return
	}
	s.admitLocked(t)
	t.taking.Store(true)
}

// forget forgets a talk that sleeps, but for how many events came in.
func (s *Set) forget(t *talk) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.exchange.Load().copy()
	if s.stopped || !t.asleep || next.talks[t.exporter] != t {
		return
	}
	next.arrived = maps.Clone(next.arrived)
	for _, i := range t.plain() {
		next.arrived[i.of.Subject] += i.arrived()
	}
	delete(next.talks, t.exporter)
	s.exchange.Store(next)
}
