package mesh

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"leafmesh/mesh/stats"
)

var (
	workBegun = NewEvent[int]("ride.work.begun")
	workDone  = NewEvent[int]("ride.work.done")
	workNoted = NewEvent[int]("ride.work.noted")
)

func countOf(f *flow, subject string, outcome stats.Outcome) uint64 {
	return stats.Stats{Counts: f.trace.Counts()}.Of(subject, outcome)
}

// A handler of 40 ms that emits one event, and an emitter that never pauses: the queue is 41 s
// long, and a cascade's deadline is 30 s. All that is handled goes on, 25 a second, as long as it
// lasts.
func TestALongQueueIsNotTheCascadesTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var handled atomic.Int64
		f := openFlow(t, Config{Handlers: []Handler{
			workBegun.Handle("work", func(ctx context.Context, n int) error {
				time.Sleep(40 * time.Millisecond)
				return workDone.Emit(ctx, n)
			}),
			workDone.Handle("end", func(context.Context, int) error { handled.Add(1); return nil }),
		}})
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		go func() {
			for n := 0; workBegun.Emit(f.Context(ctx), n) == nil; n++ {
			}
		}()
		for second := 1; second <= 120; second++ {
			before := handled.Load()
			time.Sleep(time.Second)
			if got := handled.Load() - before; got < 24 || got > 26 {
				t.Fatalf("in second %d %d events went on, want 25", second, got)
			}
		}
		synctest.Wait()
		f.end(t)
		if refused := countOf(f, workDone.Subject(), stats.Refused); refused != 0 {
			t.Errorf("%d refused", refused)
		}
	})
}

// The cascade's own time is what its handlers take, one after the other: a slow chain ends at the
// deadline, at the emit that is past it, whatever it waited for in between.
func TestHandlersAreTheCascadesTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ages []time.Duration
		f := openFlow(t, Config{
			Cascades: []Cascade{{Loops: 16, Deadline: 500 * time.Millisecond}},
			Limits:   []Rule{{Event: workDone.Subject(), Place: AtHandler, Limit: Limit{Rate: Per(1, time.Minute), Burst: 1, Policy: Wait}}},
			Handlers: []Handler{
				workBegun.Handle("first", func(ctx context.Context, n int) error { return workDone.Emit(ctx, n) }),
				workDone.Handle("again", func(ctx context.Context, n int) error {
					h, _ := HeaderOf(ctx)
					ages = append(ages, h.Age().Round(100*time.Millisecond))
					time.Sleep(200 * time.Millisecond)
					return workDone.Emit(ctx, n)
				}, Retry{Tries: 1}),
			}})
		if err := workBegun.Emit(f.Context(t.Context()), 1); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		f.end(t)
		if want := []time.Duration{0, 200 * time.Millisecond, 400 * time.Millisecond}; !slices.Equal(ages, want) {
			t.Errorf("ages %v, want %v", ages, want)
		}
		if refused := countOf(f, workDone.Subject(), stats.Refused); refused != 1 {
			t.Errorf("%d refused, want the last", refused)
		}
	})
}

// What a handler waits for a rule of emitting is not its cascade's time either.
func TestAHandlerThatWaitsForARuleDoesNotAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ages := make(chan time.Duration, 2)
		f := openFlow(t, Config{
			Limits: []Rule{{Event: workDone.Subject(), Limit: Limit{Rate: Per(1, time.Minute), Burst: 1, Policy: Wait}}},
			Handlers: []Handler{
				workBegun.Handle("first", func(ctx context.Context, n int) error {
					return errors.Join(workDone.Emit(ctx, n), workDone.Emit(ctx, n), workNoted.Emit(ctx, n))
				}),
				workNoted.Handle("age", func(ctx context.Context, _ int) error {
					h, _ := HeaderOf(ctx)
					ages <- h.Age()
					return nil
				}),
			}})
		if err := workBegun.Emit(f.Context(t.Context()), 1); err != nil {
			t.Fatal(err)
		}
		if age := <-ages; age > time.Second {
			t.Errorf("age %v after a minute's wait", age)
		}
		f.end(t)
	})
}

// A wall clock that is set, by an hour and either way: limits, deadlines and the order of ids are
// as if it had not been.
func TestAWallClockThatIsSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var set atomic.Int64
		var ids []ID
		f := openFlow(t, Config{
			WallClock: func() time.Time { return time.Now().Add(time.Duration(set.Load())) },
			Limits:    []Rule{{Event: workBegun.Subject(), Limit: Limit{Rate: 10, Burst: 1}}},
			Handlers: []Handler{
				workBegun.Handle("work", func(ctx context.Context, n int) error {
					h, _ := HeaderOf(ctx)
					ids = append(ids, h.ID)
					time.Sleep(10 * time.Millisecond)
					return workDone.Emit(ctx, n)
				}),
			}})
		admitted := 0
		for i := range 300 { // 30 s
			switch i {
			case 100:
				set.Store(int64(time.Hour))
			case 200:
				set.Store(-int64(time.Hour))
			}
			for range 2 { // the second is over the limit
				if workBegun.Emit(f.Context(t.Context()), i) == nil {
					admitted++
				}
			}
			time.Sleep(100 * time.Millisecond)
		}
		f.end(t)
		if admitted != 300 {
			t.Errorf("%d admitted of 10 a second in 30 s", admitted)
		}
		if refused := countOf(f, workDone.Subject(), stats.Refused); refused != 0 {
			t.Errorf("%d effects refused", refused)
		}
		if !slices.IsSortedFunc(ids, func(a, b ID) int { return a.Time().Compare(b.Time()) }) {
			t.Error("ids are not in order of time")
		}
	})
}
