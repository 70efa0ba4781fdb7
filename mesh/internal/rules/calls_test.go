package rules

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"leafmesh/mesh/config"
)

// placesOf is the rule of a house for n calls at once of handler one, of one root.
func placesOf(h *house, n int) *Rule {
	h.setRules([]config.Rule{{Name: "places", Place: config.AtHandler, Handler: "one", Event: gateOpened, By: config.ByRoot, Concurrency: n}})
	return h.handlerSet("one", gateOpened).Calls[0]
}

// callers begins n calls that wait for a place of a rule, one after the other, and gives the
// channel where each says its number when it has one.
func callers(ctx context.Context, r *Rule, key string, n int) <-chan int {
	begun := make(chan int, n)
	for i := range n {
		go func() {
			if _, why := r.lines.await(ctx, key, nil, false); why == nil {
				begun <- i
			}
		}()
		synctest.Wait() // so that they come in order
	}
	return begun
}

// end ends a call.
func end(r *Rule, key string) {
	r.calls.end(key)
	r.lines.serve(key)
}

func TestCallsGiveFreePlacesInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(nil)
		r := placesOf(h, 2)
		if first, second := r.calls.begin("a"), r.calls.begin("a"); !first || !second || r.calls.begin("a") || !r.calls.begin("b") {
			t.Fatal("two of each key are possible")
		}
		begun := callers(t.Context(), r, "a", 5)
		want := func(what string, numbers ...int) {
			t.Helper()
			synctest.Wait()
			var got []int
			for len(begun) > 0 {
				got = append(got, <-begun)
			}
			if slices.Sort(got); !slices.Equal(got, numbers) {
				t.Errorf("%s: %v begun, want %v", what, got, numbers)
			}
		}
		want("none is free")
		end(r, "b")
		want("one of another key is free")
		end(r, "a")
		want("one is free", 0)
		placesOf(h, 4)
		want("two more are possible", 1, 2)
		r = placesOf(h, 1)
		end(r, "a")
		end(r, "a")
		end(r, "a")
		want("three of four have ended, and one is possible")
		end(r, "a")
		want("the last has ended", 3)
		h.setRules(nil)
		want("the rule is gone", 4)
		end(r, "a")
		end(r, "a")
		if r.calls.count.Keys() != 0 || r.lines.count.Load() != 0 {
			t.Errorf("%d keys and %d lines are left", r.calls.count.Keys(), r.lines.count.Load())
		}
	})
}

func TestWaitingForAPlaceEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := placesOf(newHouse(nil), 1)
		r.calls.begin("a")
		ctx, cancel := context.WithCancel(t.Context())
		callers(ctx, r, "a", 3)
		cancel()
		synctest.Wait()
		if r.lines.count.Load() != 0 {
			t.Error("some still wait")
		}
		if _, why := r.lines.await(ctx, "a", nil, false); !errors.Is(why, context.Canceled) {
			t.Errorf("error %v", why)
		}
		// A place that comes free as the context ends is not lost: its caller has it, or nobody.
		ctx, cancel = context.WithCancel(t.Context())
		begun := callers(ctx, r, "a", 1)
		cancel()
		end(r, "a")
		synctest.Wait()
		if len(begun) == 1 == r.calls.begin("a") {
			t.Error("the place is lost, or there twice")
		}
	})
}
