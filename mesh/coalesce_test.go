package mesh_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/stats"
)

// newest is a handler that keeps what it gets, by key.
type newest struct {
	mu  sync.Mutex
	got map[string][]int // guarded by mu
}

func (k *newest) handle(_ context.Context, s step) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.got == nil {
		k.got = map[string][]int{}
	}
	k.got[s.Key] = append(k.got[s.Key], s.N)
	return nil
}

func (k *newest) of(key string) []int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.got[key]
}

func coalescing(within time.Duration, keys int) []mesh.Rule {
	return []mesh.Rule{{Name: "newest", Event: "core.step.taken", By: mesh.ByKey, Keys: keys, Within: within,
		Limit: mesh.Limit{Rate: mesh.Per(1, time.Hour), Burst: 1, Policy: mesh.Coalesce}}}
}

// The first event passes, the last one arrives, what lies between is counted.
func TestCoalescingKeepsTheNewestOfEachKey(t *testing.T) {
	for name, within := range map[string]time.Duration{"by time": 20 * time.Millisecond, "by Close": time.Hour} {
		t.Run(name, func(t *testing.T) {
			kept := &newest{}
			n := openCore(t, mesh.Config{Limits: coalescing(within, 0), Handlers: []mesh.Handler{stepTaken.Handle("keep", kept.handle)}})
			for i := range 100 {
				for _, key := range []string{"a", "b"} {
					emitStep(t, n, stepTaken, step{key, i})
				}
			}
			if within < time.Minute {
				waitUntil(t, "the last events", func() bool { return last(kept.of("a")) == 99 && last(kept.of("b")) == 99 })
			}
			finish(t, n)
			handled := 0
			for _, key := range []string{"a", "b"} {
				got := kept.of(key)
				handled += len(got)
				if got[0] != 0 || last(got) != 99 {
					t.Errorf("key %s: %v, want 0 first and 99 last", key, got)
				}
				for i := range got[1:] {
					if got[i+1] <= got[i] {
						t.Errorf("key %s: %v is out of order", key, got)
					}
				}
			}
			wantCount(t, n, stepTaken.Subject(), stats.Coalesced, "emit", "newest", uint64(200-handled))
			wantCount(t, n, stepTaken.Subject(), stats.Admitted, "", "", uint64(handled))
		})
	}
}

func last(list []int) int {
	if len(list) == 0 {
		return -1
	}
	return list[len(list)-1]
}

// What a handler emits is coalesced when it returns nil, in its cascade, and
// dropped when it fails.
func TestCoalescingInsideAHandler(t *testing.T) {
	headers := make(chan mesh.Header, 10)
	n := openCore(t, mesh.Config{Limits: coalescing(time.Hour, 0), Handlers: []mesh.Handler{
		stepRepeated.Handle("spread", func(ctx context.Context, s step) error {
			for i := range 3 {
				if err := stepTaken.Emit(ctx, step{s.Key, i}); err != nil {
					return err
				}
			}
			if s.N < 0 {
				return errors.New("no")
			}
			return nil
		}, soon(1)),
		stepTaken.Handle("keep", func(ctx context.Context, s step) error {
			h, _ := mesh.HeaderOf(ctx)
			headers <- h
			return nil
		})}})
	emitStep(t, n, stepRepeated, step{"a", 0})
	emitStep(t, n, stepRepeated, step{"b", -1})
	waitUntil(t, "both handled", func() bool { return n.Stats().Of(stepRepeated.Subject(), stats.Failed) == 1 })
	finish(t, n)
	if len(headers) != 2 {
		t.Fatalf("%d events, want the first and the newest of key a", len(headers))
	}
	for range 2 {
		if h := <-headers; h.Key != "a" || h.Depth() != 1 || h.Root == h.ID {
			t.Errorf("header %+v", h)
		}
	}
}

// With more keys than the rule holds the longest kept is emitted early: nothing
// is lost, and memory is bounded.
func TestCoalescingManyKeys(t *testing.T) {
	kept := &newest{}
	n := openCore(t, mesh.Config{Limits: coalescing(time.Hour, 4), Handlers: []mesh.Handler{stepTaken.Handle("keep", kept.handle)}})
	for i := range 1000 {
		emitStep(t, n, stepTaken, step{fmt.Sprint(i % 100), i})
	}
	finish(t, n)
	for i := range 100 {
		if got := last(kept.of(fmt.Sprint(i))); got != 900+i {
			t.Errorf("key %d: the last is %d, want %d", i, got, 900+i)
		}
	}
}

// A rule that is taken away emits what it has kept.
func TestSetRulesEmitsWhatWasKept(t *testing.T) {
	kept := &newest{}
	n := openCore(t, mesh.Config{Limits: coalescing(time.Hour, 0), Handlers: []mesh.Handler{stepTaken.Handle("keep", kept.handle)}})
	for i := range 10 {
		emitStep(t, n, stepTaken, step{"a", i})
	}
	if err := n.SetRules(nil); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, "the newest", func() bool { return last(kept.of("a")) == 9 })
}
