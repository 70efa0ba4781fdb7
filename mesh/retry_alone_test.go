package mesh

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"leafmesh/mesh/stats"
)

var errSick = errors.New("sick")

// A key whose handler fails holds up only itself: between its tries the other keys of its worker
// are handled at once. What comes of the key meanwhile waits behind it, in order.
func TestAFailingKeyWaitsAlone(t *testing.T) {
	for name, fail := range map[string]func() error{
		"error":          func() error { return errSick },
		"panic":          func() error { panic("sick") },
		"with a breaker": func() error { return errSick },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const events, tries = 10, 5
				got, calls := &taken{}, atomic.Int64{}
				options := []HandlerOption{Retry{Tries: tries, FirstPause: time.Second, LongestPause: time.Second}}
				if name == "with a breaker" {
					options = append(options, Breaker(5, time.Second))
				}
				f := openFlow(t, Config{Handlers: []Handler{keyedBegun.Handle("end", func(ctx context.Context, k keyed) error {
					if k.Key == "sick" && k.N%2 == 0 && calls.Add(1)%tries != 0 { // handled at the last try
						return fail()
					}
					return got.handle(ctx, k)
				}, options...)}})
				for n := range events {
					emitKeyed(t, f, keyed{"sick", n})
				}
				for n := range events {
					emitKeyed(t, f, keyed{"well", n})
					time.Sleep(time.Millisecond)
					if all := got.of("well"); !slices.Equal(all, upTo(n+1)) {
						t.Fatalf("of the other key %v were handled, want %d", all, n+1)
					}
				}
				if waits := f.elsewhere(); waits != events {
					t.Errorf("%d wait, want %d", waits, events)
				}
				f.end(t)
				if all := got.of("sick"); !slices.Equal(all, upTo(events)) {
					t.Errorf("of the failing key %v were handled, want all in order", all)
				}
				if retried := countOf(f, keyedBegun.Subject(), stats.Retried); retried != events/2*(tries-1) {
					t.Errorf("%d retried", retried)
				}
				if n := f.elsewhere(); n != 0 {
					t.Errorf("%d still wait", n)
				}
			})
		})
	}
}

// A handler that ends its goroutine at a later try is given up there, and those behind it go on.
func TestAFailingKeyThatEndsItsGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got, calls := &taken{}, atomic.Int64{}
		f := openFlow(t, Config{Handlers: []Handler{keyedBegun.Handle("end", func(ctx context.Context, k keyed) error {
			switch {
			case k.N > 0:
				return got.handle(ctx, k)
			case calls.Add(1) == 1:
				return errSick
			}
			runtime.Goexit()
			return nil
		}, Retry{Tries: 3, FirstPause: time.Second, LongestPause: time.Second})}})
		for n := range 3 {
			emitKeyed(t, f, keyed{"sick", n})
		}
		f.end(t)
		if all := got.of("sick"); !slices.Equal(all, []int{1, 2}) {
			t.Errorf("%v were handled, want those behind the first", all)
		}
		if failed := countOf(f, keyedBegun.Subject(), stats.Failed); failed != 1 {
			t.Errorf("%d failed, want 1", failed)
		}
	})
}

// Rules that keep events and a key that fails go together: all is handled once and in order.
func TestAFailingKeyUnderRules(t *testing.T) {
	at := func(by By) Rule {
		return Rule{Place: AtHandler, Handler: "end", Event: keyedBegun.Subject(), By: by}
	}
	with := func(r Rule, change func(*Rule)) Rule { change(&r); return r }
	slowly := func(r *Rule) { r.Limit = Limit{Rate: 10, Burst: 1, Policy: Wait} }
	one := func(r *Rule) { r.Concurrency = 1 }
	for name, rules := range map[string][]Rule{
		"rate by key":                      {with(at(ByKey), slowly)},
		"rate by type":                     {with(at(ByType), slowly)},
		"rate by root":                     {with(at(ByRoot), slowly)},
		"calls by type":                    {with(at(ByType), one)},
		"calls by root":                    {with(at(ByRoot), one)},
		"calls by key":                     {with(at(ByKey), one)},
		"rate by key and calls of any key": {with(at(ByKey), slowly), with(at(ByRoot), one)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const keys, events = 5, 20
				got := &taken{}
				var mu sync.Mutex
				failed := map[keyed]bool{} // guarded by mu
				f := openFlow(t, Config{Limits: rules, Handlers: []Handler{keyedBegun.Handle("end", func(ctx context.Context, k keyed) error {
					mu.Lock()
					first := !failed[k] && k.N%3 == 0
					failed[k] = true
					mu.Unlock()
					if first {
						return errSick
					}
					return got.handle(ctx, k)
				}, Workers(2), Retry{Tries: 2, FirstPause: 300 * time.Millisecond, LongestPause: 300 * time.Millisecond})}})
				for n := range events {
					for key := range keys {
						emitKeyed(t, f, keyed{fmt.Sprint(key), n})
					}
					time.Sleep(70 * time.Millisecond)
				}
				f.end(t)
				for key := range keys {
					if all := got.of(fmt.Sprint(key)); !slices.Equal(all, upTo(events)) {
						t.Errorf("of key %d %v were handled, want all in order", key, all)
					}
				}
			})
		})
	}
}

// Where many keys fail, or events have no key, it is the handler that is sick: it waits, and its
// full queue holds back who emits.
func TestAFailingHandlerHoldsBack(t *testing.T) {
	for name, keyOf := range map[string]func(n int) string{
		"many keys": func(n int) string { return fmt.Sprint(n) },
		"no key":    func(int) string { return "" },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := openFlow(t, Config{Handlers: []Handler{keyedBegun.Handle("end", func(context.Context, keyed) error { return errSick },
					Queue(20), Retry{Tries: 2, FirstPause: 5 * time.Second, LongestPause: 5 * time.Second})}})
				admitted := 0
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				for keyedBegun.Emit(f.Context(ctx), keyed{keyOf(admitted), admitted}) == nil {
					admitted++
				}
				if admitted > 20+8+1 {
					t.Errorf("%d were admitted by a queue of 20", admitted)
				}
				f.end(t)
				if failed := countOf(f, keyedBegun.Subject(), stats.Failed); failed != uint64(admitted) {
					t.Errorf("%d failed of %d", failed, admitted)
				}
			})
		})
	}
}

// What waits behind a failing event is bounded: past that an event is given up, with the reason.
func TestWhatWaitsBehindAFailingEventIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		letters := make(chan DeadLetter, 10)
		f := openFlow(t, Config{Handlers: []Handler{
			keyedBegun.Handle("end", func(_ context.Context, k keyed) error {
				if k.N == 0 {
					return errSick
				}
				return nil
			}, Retry{Tries: 2, FirstPause: 5 * time.Second, LongestPause: 5 * time.Second}),
			DeadLetters.Handle("letters", func(_ context.Context, l DeadLetter) error { letters <- l; return nil })}})
		for n := range 1 + 4096 + 2 {
			emitKeyed(t, f, keyed{"sick", n})
		}
		synctest.Wait()
		if len(letters) != 2 {
			t.Fatalf("%d letters, want 2", len(letters))
		}
		if l := <-letters; l.Tries != 0 || !strings.Contains(l.Error, stats.ErrLineFull.Error()) {
			t.Errorf("%+v", l)
		}
		f.end(t)
		if handled := countOf(f, keyedBegun.Subject(), stats.Handled); handled != 4096 {
			t.Errorf("%d handled", handled)
		}
	})
}

// A node that closes lets what rests be tried to its end, until its context ends; then all of it is
// counted as lost.
func TestCloseGivesUpWhatRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := openFlow(t, Config{Handlers: []Handler{keyedBegun.Handle("end", func(context.Context, keyed) error { return errSick },
			Retry{Tries: 3, FirstPause: 5 * time.Second, LongestPause: 5 * time.Second})}})
		for n := range 10 {
			emitKeyed(t, f, keyed{"sick", n})
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		f.life.closing.Store(true)
		err := f.finish(ctx)
		f.clock.Close()
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "10 events") {
			t.Error(err)
		}
		if lost := countOf(f, keyedBegun.Subject(), stats.Lost); lost != 10 {
			t.Errorf("%d lost, want 10: %v", lost, f.trace.Counts())
		}
	})
}
