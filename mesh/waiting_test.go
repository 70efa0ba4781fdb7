package mesh

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"leafmesh/mesh/stats"
)

// keyed is an event's value with the key that it travels under.
type keyed struct {
	Key string `cbor:"1,keyasint"`
	N   int    `cbor:"2,keyasint"`
}

var (
	keyedBegun = NewEvent[keyed]("ride.keyed.begun", Key(func(k keyed) string { return k.Key }))
	keyedDone  = NewEvent[keyed]("ride.keyed.done", Key(func(k keyed) string { return k.Key }))
)

// taken is what a handler got, by key.
type taken struct {
	mu  sync.Mutex
	got map[string][]int // guarded by mu
}

func (g *taken) handle(_ context.Context, k keyed) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.got == nil {
		g.got = map[string][]int{}
	}
	g.got[k.Key] = append(g.got[k.Key], k.N)
	return nil
}

func (g *taken) of(key string) []int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.got[key])
}

func upTo(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

// 10 a second, burst 1, and 20 emits a second by callers that hang up after a second: 10 a second
// pass, always.
func TestWhoGivesUpCostsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := openFlow(t, Config{Limits: []Rule{{Event: workBegun.Subject(), Limit: Limit{Rate: 10, Burst: 1, Policy: Wait}}},
			Handlers: []Handler{workBegun.Handle("work", func(context.Context, int) error { return nil })}})
		var passed atomic.Int64
		hangUp := func(n int) {
			ctx, cancel := context.WithCancel(t.Context()) // without a deadline that the rule could know
			defer time.AfterFunc(time.Second, cancel).Stop()
			if workBegun.Emit(f.Context(ctx), n) == nil {
				passed.Add(1)
			}
		}
		for second := range 30 {
			before := passed.Load()
			for n := range 20 {
				go hangUp(n)
				time.Sleep(50 * time.Millisecond)
			}
			synctest.Wait()
			if got := passed.Load() - before; got != 10 && second > 0 {
				t.Errorf("in second %d %d passed, want 10", second, got)
			}
		}
		time.Sleep(time.Minute)
		f.end(t)
	})
}

// A key, a root or a handler's emits that wait hold up only themselves: others go on at once, and
// what waits keeps its order and its rate. Close lets it end.
func TestAHotKeyWaitsAlone(t *testing.T) {
	const hot = 50
	slowly := Limit{Rate: 1, Burst: 1, Policy: Wait}
	for name, test := range map[string]struct {
		rule Rule
	}{
		"at a handler": {Rule{Place: AtHandler, Handler: "end", Event: keyedDone.Subject(), By: ByKey, Limit: slowly}},
		"in a handler": {Rule{Event: keyedDone.Subject(), By: ByKey, Limit: slowly}},
		"of one root":  {Rule{Place: AtHandler, Handler: "end", Event: keyedDone.Subject(), Root: "ride.keyed.done", Limit: slowly}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got := &taken{}
				f := openFlow(t, Config{Limits: []Rule{test.rule}, Handlers: []Handler{
					keyedBegun.Handle("go on", func(ctx context.Context, k keyed) error {
						if test.rule.Root != "" && k.Key == "hot" {
							ctx = NewRoot(ctx)
						}
						return keyedDone.Emit(ctx, k)
					}),
					keyedDone.Handle("end", got.handle)}})
				for n := range hot {
					emitKeyed(t, f, keyed{"hot", n})
				}
				emitKeyed(t, f, keyed{"cold", 0})
				time.Sleep(10 * time.Millisecond)
				if cold := got.of("cold"); !slices.Equal(cold, []int{0}) {
					t.Errorf("of the cold key %v were handled, want its one", cold)
				}
				if waits := f.gate.Kept(); waits != hot-1 {
					t.Errorf("%d wait, want %d", waits, hot-1)
				}
				time.Sleep(20 * time.Second)
				if n := len(got.of("hot")); n != 21 {
					t.Errorf("after 20 s %d of the hot key were handled, want 21", n)
				}
				if lines := f.gate.Lines(); len(lines) != 1 || lines[0].Waiting != hot-21 || lines[0].Oldest < 20*time.Second || lines[0].Keys != 1 {
					t.Errorf("lines %+v", lines)
				}
				f.end(t)
				if all := got.of("hot"); !slices.Equal(all, upTo(hot)) {
					t.Errorf("of the hot key %v were handled, want all in order", all)
				}
				if n := f.gate.Kept(); n != 0 || len(f.gate.Lines()) != 0 {
					t.Errorf("%d still wait", n)
				}
			})
		})
	}
}

func emitKeyed(t *testing.T, f *flow, k keyed) {
	t.Helper()
	if err := keyedBegun.Emit(f.Context(t.Context()), k); err != nil {
		t.Fatal(err)
	}
}

// A line is bounded: what finds no room is refused by the rule, with the reason, and becomes a dead
// letter.
func TestALineIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got, letters := &taken{}, make(chan DeadLetter, 100)
		rule := Rule{Place: AtHandler, Handler: "end", Event: keyedBegun.Subject(), By: ByKey, Waiting: 7, Limit: Limit{Rate: 1, Burst: 1, Policy: Wait}}
		f := openFlow(t, Config{Limits: []Rule{rule}, Handlers: []Handler{keyedBegun.Handle("end", got.handle),
			DeadLetters.Handle("letters", func(_ context.Context, l DeadLetter) error { letters <- l; return nil })}})
		for n := range 10 {
			emitKeyed(t, f, keyed{"hot", n})
		}
		f.end(t)
		if all := got.of("hot"); !slices.Equal(all, upTo(8)) {
			t.Errorf("%v were handled, want one at once and seven that waited", all)
		}
		if len(letters) != 2 {
			t.Fatalf("%d letters, want 2", len(letters))
		}
		if l := <-letters; !strings.Contains(l.Error, stats.ErrLineFull.Error()) {
			t.Errorf("the letter says %q", l.Error)
		}
		if n := countOf(f, keyedBegun.Subject(), stats.Refused); n != 2 {
			t.Errorf("%d refused, want 2", n)
		}
	})
}

// At emit, callers wait; past the bound the next one hears why at once. So does one whose deadline
// is before its turn.
func TestACallerHearsThatItCannotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := openFlow(t, Config{Limits: []Rule{{Event: workBegun.Subject(), Waiting: 2, Limit: Limit{Rate: 1, Burst: 1, Policy: Wait}}}})
		emit := func(limit time.Duration) (took time.Duration, err error) {
			start := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			err = workBegun.Emit(f.Context(ctx), 1)
			return time.Since(start), err
		}
		if _, err := emit(time.Minute); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			go func() {
				if _, err := emit(time.Minute); err != nil {
					t.Error(err)
				}
			}()
			synctest.Wait()
		}
		if took, err := emit(time.Minute); !errors.Is(err, stats.ErrLineFull) || !errors.Is(err, ErrRefused) || took != 0 {
			t.Errorf("%v after %v", err, took)
		}
		time.Sleep(1500 * time.Millisecond) // one waits
		if took, err := emit(time.Second); !errors.Is(err, context.DeadlineExceeded) || took != 0 {
			t.Errorf("%v after %v", err, took)
		}
		if took, err := emit(2 * time.Second); err != nil || took != 1500*time.Millisecond {
			t.Errorf("%v after %v, want its turn after 1.5 s", err, took)
		}
		f.end(t)
	})
}

// What waits while rules change goes on by the new numbers, in order, or at once if the rule is
// gone.
func TestWaitingWhileRulesChange(t *testing.T) {
	rule := func(r Rate) Rule {
		return Rule{Place: AtHandler, Handler: "end", Event: keyedBegun.Subject(), By: ByKey, Limit: Limit{Rate: r, Burst: 1, Policy: Wait}}
	}
	for name, test := range map[string]struct {
		rules []Rule
		want  int // after a second
	}{
		"faster":         {[]Rule{rule(10)}, 12}, // one under the old rule, one of the new bucket's burst
		"gone":           {nil, 50},
		"another policy": {[]Rule{{Place: AtHandler, Handler: "end", Event: keyedBegun.Subject(), By: ByKey, Limit: Limit{Rate: 1, Burst: 1, Policy: Shed}}}, 50},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got := &taken{}
				f := openFlow(t, Config{Limits: []Rule{rule(Per(1, time.Hour))}, Handlers: []Handler{keyedBegun.Handle("end", got.handle)}})
				for n := range 50 {
					emitKeyed(t, f, keyed{"hot", n})
				}
				synctest.Wait()
				f.table.mu.Lock()
				f.gate.Replace(test.rules)
				for _, typ := range f.table.Load().types {
					typ.putRulesInForceLocked()
				}
				f.table.mu.Unlock()
				time.Sleep(1050 * time.Millisecond)
				if n := len(got.of("hot")); n != test.want {
					t.Errorf("%d were handled, want %d", n, test.want)
				}
				f.end(t)
				if all := got.of("hot"); !slices.Equal(all, upTo(50)) {
					t.Errorf("%v were handled, want all in order", all)
				}
			})
		})
	}
}

// A node that closes waits for what waits, until its context ends; the rest is counted as lost.
func TestCloseGivesUpWaiting(t *testing.T) {
	for name, rule := range map[string]Rule{
		"at a handler": {Place: AtHandler, Handler: "end", Event: keyedDone.Subject(), By: ByKey},
		"in a handler": {Event: keyedDone.Subject(), By: ByKey},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got := &taken{}
				rule.Limit = Limit{Rate: 1, Burst: 1, Policy: Wait}
				f := openFlow(t, Config{Limits: []Rule{rule}, Handlers: []Handler{
					keyedBegun.Handle("go on", func(ctx context.Context, k keyed) error { return keyedDone.Emit(ctx, k) }),
					keyedDone.Handle("end", got.handle)}})
				for n := range 10 {
					emitKeyed(t, f, keyed{"hot", n})
				}
				ctx, cancel := context.WithTimeout(t.Context(), 3500*time.Millisecond)
				defer cancel()
				f.life.closing.Store(true)
				err := f.finish(ctx)
				f.clock.Close()
				if handled := len(got.of("hot")); handled != 4 || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "6 events") {
					t.Errorf("%d handled, %v", handled, err)
				}
				if n := countOf(f, keyedDone.Subject(), stats.Lost); n != 6 {
					t.Errorf("%d lost, want 6: %v", n, f.trace.Counts())
				}
			})
		})
	}
}

// A concurrency by root that waits holds up that root alone, in all workers.
func TestARootThatWaitsForAPlaceWaitsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var most, underWay atomic.Int64
		got := &taken{}
		f := openFlow(t, Config{
			Limits: []Rule{{Place: AtHandler, Handler: "end", Event: keyedDone.Subject(), By: ByRoot, Concurrency: 1}},
			Handlers: []Handler{
				keyedBegun.Handle("go on", func(ctx context.Context, k keyed) error { return keyedDone.Emit(ctx, k) }),
				keyedDone.Handle("end", func(ctx context.Context, k keyed) error {
					if h, _ := HeaderOf(ctx); h.Depth() == 0 {
						return got.handle(ctx, k)
					}
					most.Store(max(most.Load(), underWay.Add(1)))
					defer underWay.Add(-1)
					time.Sleep(time.Second)
					return got.handle(ctx, k)
				}, Workers(4))}})
		for n := range 40 {
			emitKeyed(t, f, keyed{fmt.Sprint("hot", n%8), n / 8})
		}
		synctest.Wait()
		for n := range 8 {
			if err := keyedDone.Emit(f.Context(t.Context()), keyed{fmt.Sprint("cold", n), 0}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(20 * time.Second) // half of what the first root needs
		cold := 0
		for n := range 8 {
			cold += len(got.of(fmt.Sprint("cold", n)))
		}
		if cold != 8 {
			t.Errorf("%d of 8 of another root were handled", cold)
		}
		time.Sleep(time.Minute)
		f.end(t)
		if most.Load() != 1 {
			t.Errorf("%d calls at once, want 1", most.Load())
		}
		for n := range 8 {
			if all := got.of(fmt.Sprint("hot", n)); !slices.Equal(all, upTo(5)) {
				t.Errorf("of key %d %v were handled, want all in order", n, all)
			}
		}
	})
}

// A handler that hangs is told of: one line a call, and in the counters while it lasts. A timeout
// ends its context.
func TestAHandlerThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		release := make(chan struct{})
		f := openFlow(t, Config{Logger: slog.New(slog.NewTextHandler(&log, nil)), Alarms: Alarms{Handling: 5 * time.Second}, Handlers: []Handler{
			keyedBegun.Handle("hangs", func(context.Context, keyed) error { <-release; return nil }),
			keyedDone.Handle("times out", func(ctx context.Context, _ keyed) error { <-ctx.Done(); return context.Cause(ctx) },
				Timeout(time.Second), Retry{Tries: 2}),
		}})
		var watching sync.WaitGroup
		done := make(chan struct{})
		watching.Go(func() { f.watchHandlers(done) })
		emitKeyed(t, f, keyed{Key: "otters"})
		time.Sleep(4 * time.Second)
		if calls := f.slow(); len(calls) != 0 {
			t.Errorf("slow after 4 s: %+v", calls)
		}
		time.Sleep(time.Minute)
		calls := f.slow()
		if len(calls) != 1 || calls[0].Handler != "hangs" || calls[0].Key != "otters" || calls[0].For < time.Minute || calls[0].Event != calls[0].Root {
			t.Errorf("slow after a minute: %+v", calls)
		}
		if err := keyedDone.Emit(f.Context(t.Context()), keyed{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		close(release)
		synctest.Wait()
		close(done)
		watching.Wait()
		if calls := f.slow(); len(calls) != 0 {
			t.Errorf("slow at the end: %+v", calls)
		}
		f.end(t)
		if text := log.String(); strings.Count(text, "handler has not returned") != 1 || !strings.Contains(text, calls[0].Root.String()) ||
			!strings.Contains(text, "key=otters") || !strings.Contains(text, "ride-1:ride.keyed.begun") {
			t.Errorf("the log:\n%s", text)
		}
		if failed := countOf(f, keyedDone.Subject(), stats.Failed); failed != 1 {
			t.Errorf("%d failed, want the one that timed out: %v", failed, f.trace.Counts())
		}
	})
}
