package mesh_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"leafmesh/mesh"
	"leafmesh/mesh/stats"
)

// sequences checks that the numbers of each line come without a gap, from 0.
type sequences struct {
	mu   sync.Mutex
	next map[string]int // guarded by mu
}

func (s *sequences) take(t *testing.T, line string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next == nil {
		s.next = map[string]int{}
	}
	if n != s.next[line] {
		t.Errorf("%s: %d came in place of %d", line, n, s.next[line])
	}
	s.next[line] = n + 1
}

// wantAll fails unless each of so many lines has come to its end.
func (s *sequences) wantAll(t *testing.T, lines, each int) {
	t.Helper()
	if len(s.next) != lines {
		t.Errorf("%d lines, want %d", len(s.next), lines)
	}
	for line, n := range s.next {
		if n != each {
			t.Errorf("%s ends at %d, want %d", line, n, each)
		}
	}
}

// Events of one key and one emitter stay in order over many workers, over full
// queues that emitters wait at, over tries that fail, and into what handlers emit
// for them.
func TestOrderOfAKeyAndAnEmitter(t *testing.T) {
	const emitters, keys, each = 4, 8, 50
	var direct, all, caused sequences
	var tries sync.Map
	n := openHandlers(t,
		stepTaken.Handle("direct", func(ctx context.Context, s step) error {
			if s.N%10 == 3 { // fails once: what comes after it must wait
				if _, again := tries.LoadOrStore(s, true); !again {
					return errBroken
				}
			}
			direct.take(t, s.Key, s.N)
			return stepRepeated.Emit(ctx, s)
		}, mesh.Workers(8), mesh.Queue(4), soon(2)),
		mesh.HandleAll("core.*.taken", "all", func(_ context.Context, a mesh.Any) error {
			var s step
			if err := a.Decode(&s); err != nil {
				return err
			}
			all.take(t, s.Key, s.N)
			return nil
		}, mesh.Workers(3), mesh.Queue(2)),
		stepRepeated.Handle("caused", func(_ context.Context, s step) error {
			caused.take(t, s.Key, s.N)
			return nil
		}, mesh.Workers(5)))
	var work sync.WaitGroup
	for emitter := range emitters {
		work.Go(func() {
			for i := range each {
				for key := range keys {
					emitStep(t, n, stepTaken, step{fmt.Sprintf("%d of emitter %d", key, emitter), i})
				}
			}
		})
	}
	work.Wait()
	finish(t, n)
	for _, s := range []*sequences{&direct, &all, &caused} {
		s.wantAll(t, emitters*keys, each)
	}
}

// A type without a key has one order for all, however many workers there are.
func TestOrderWithoutAKey(t *testing.T) {
	keyless := mesh.NewEvent[step]("core.step.numbered")
	var got sequences
	n := openHandlers(t, keyless.Handle("log", func(_ context.Context, s step) error {
		got.take(t, "all", s.N)
		return nil
	}, mesh.Workers(8)))
	for i := range 500 {
		emitStep(t, n, keyless, step{strings.Repeat("k", i%5), i})
	}
	finish(t, n)
	got.wantAll(t, 1, 500)
}

// A key that is held up holds up those of its worker and no others.
func TestWorkersRunKeysSideBySide(t *testing.T) {
	gate := make(chan struct{})
	others := make(chan string, 100)
	n := openHandlers(t, stepTaken.Handle("log", func(_ context.Context, s step) error {
		if s.Key == "slow" {
			<-gate
			return nil
		}
		others <- s.Key
		return nil
	}, mesh.Workers(16)))
	emitStep(t, n, stepTaken, step{Key: "slow"})
	for i := range 100 { // that all share the worker of the slow one has a chance of 16^-100
		emitStep(t, n, stepTaken, step{Key: fmt.Sprint(i)})
	}
	receive(t, others)
	close(gate)
	finish(t, n)
	if handled := n.Stats().Total(stats.Handled); handled != 101 {
		t.Errorf("%d events handled, want 101", handled)
	}
}
