package rules

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

// waiters begins n calls that wait for a place of a key, one after the other, and
// gives the channel where each says its number when it has one.
func waiters(ctx context.Context, c *calls, key string, n int) <-chan int {
	begun := make(chan int, n)
	for i := range n {
		go func() {
			if c.wait(ctx, key) == nil {
				begun <- i
			}
		}()
		synctest.Wait() // so that they come in order
	}
	return begun
}

func TestCallsGiveFreePlacesInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCalls(2)
		if first, second := c.begin("a"), c.begin("a"); !first || !second || c.begin("a") || !c.begin("b") {
			t.Fatal("two of each key are possible")
		}
		begun := waiters(t.Context(), c, "a", 5)
		want := func(what string, numbers ...int) {
			synctest.Wait()
			if len(begun) != len(numbers) {
				t.Fatalf("%s: %d begun, want %v", what, len(begun), numbers)
			}
			got := map[int]bool{} // those of one step begin at once
			for range numbers {
				got[<-begun] = true
			}
			for _, n := range numbers {
				if !got[n] {
					t.Errorf("%s: %v begun, want %v", what, got, numbers)
				}
			}
		}
		want("none is free")
		c.end("b")
		want("one of another key is free")
		c.end("a")
		want("one is free", 0)
		c.setLimit(4)
		want("two more are possible", 1, 2)
		c.setLimit(1)
		c.end("a")
		c.end("a")
		c.end("a")
		want("three of four have ended, and one is possible")
		c.end("a")
		want("the last has ended", 3)
		c.setLimit(noBound)
		want("the rule is gone", 4)
		c.end("a")
		c.end("a")
		if c.count.Keys() != 0 || len(c.waiting) != 0 {
			t.Errorf("%d keys and %v are left", c.count.Keys(), c.waiting)
		}
	})
}

func TestWaitingForAPlaceEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCalls(1)
		c.begin("a")
		ctx, cancel := context.WithCancel(t.Context())
		waiters(ctx, c, "a", 3)
		cancel()
		synctest.Wait()
		if len(c.waiting) != 0 {
			t.Errorf("%v still wait", c.waiting)
		}
		if err := c.wait(ctx, "a"); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		// A place that comes free when the context has ended is not lost.
		ctx, cancel = context.WithCancel(t.Context())
		begun := waiters(ctx, c, "a", 1)
		c.mu.Lock()
		cancel()
		c.endLocked("a")
		c.mu.Unlock()
		synctest.Wait()
		if len(begun) != 0 || !c.begin("a") {
			t.Error("the place is lost")
		}
	})
}
