package mesh

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// queueModel is what a queue should do, written to be plain.
type queueModel struct {
	capacity, hardCap int64
	empty             int64 // places reserved and not filled
	waiting           []int // events put and not taken
	taken             int64 // events taken and not released
	closed            bool
	put, lost         uint64
}

func (m *queueModel) depth() int64 { return m.empty + int64(len(m.waiting)) + m.taken }

func (m *queueModel) reserve(limit int64) error {
	switch {
	case m.closed:
		return ErrClosed
	case m.depth() >= limit:
		return errFull
	}
	m.empty++
	return nil
}

func (m *queueModel) close() bool {
	m.closed = m.closed || m.depth() == 0
	return m.closed
}

// queueMachine does the same to a queue and to its model.
type queueMachine struct {
	q      *queue[int]
	m      *queueModel
	counts *tally
	spare  []item[int]
	ended  context.Context // with the cause gone
}

var errGone = errors.New("gone")

func TestQueueAgainstModel(t *testing.T) {
	ended, end := context.WithCancelCause(t.Context())
	end(errGone)
	rapid.Check(t, func(t *rapid.T) {
		capacity := rapid.IntRange(1, 5).Draw(t, "capacity")
		hardCap := capacity + rapid.IntRange(0, 5).Draw(t, "overfill")
		t.Repeat(rapid.StateMachineActions(&queueMachine{
			q:      newQueue[int](capacity, hardCap),
			m:      &queueModel{capacity: int64(capacity), hardCap: int64(hardCap)},
			counts: &tally{lost: new(counter)},
			ended:  ended,
		}))
	})
}

func (x *queueMachine) Check(t *rapid.T) {
	depth, accepted, lost := x.q.depth.Load()%closedDepth, x.q.accepted(), x.counts.lost.Load()
	if depth != x.m.depth() || accepted != x.m.put || lost != x.m.lost {
		t.Fatalf("depth %d, %d put, %d lost; want %d, %d, %d", depth, accepted, lost, x.m.depth(), x.m.put, x.m.lost)
	}
}

func same(t *rapid.T, got, want error) {
	if !errors.Is(got, want) || (want == nil && got != nil) {
		t.Fatalf("%v, want %v", got, want)
	}
}

func (x *queueMachine) Reserve(t *rapid.T) {
	same(t, x.q.reserve(x.q.capacity), x.m.reserve(x.m.capacity))
}

func (x *queueMachine) ReserveHard(t *rapid.T) {
	same(t, x.q.reserve(x.q.hardCap), x.m.reserve(x.m.hardCap))
}

// ReserveWait waits no longer than its context: nobody is there to free a place.
func (x *queueMachine) ReserveWait(t *rapid.T) {
	want := x.m.reserve(x.m.capacity)
	if want == errFull {
		want = errGone
	}
	same(t, x.q.reserveWait(x.ended), want)
}

func (x *queueMachine) Put(t *rapid.T) {
	if x.m.empty == 0 {
		t.Skip("no place is reserved")
	}
	x.m.empty--
	value := int(x.m.put) + 1
	x.q.put(&Header{}, x.counts, nil, &value)
	if x.m.closed { // it was abandoned
		x.m.lost++
		return
	}
	x.m.put++
	x.m.waiting = append(x.m.waiting, value)
}

func (x *queueMachine) Take(t *rapid.T) {
	if len(x.m.waiting) == 0 && !x.m.closed {
		t.Skip("it would wait")
	}
	items, open := x.q.take(x.spare)
	got := []int{}
	for _, i := range items {
		got = append(got, i.value)
	}
	if open != (len(x.m.waiting) > 0) || !slices.Equal(got, x.m.waiting) {
		t.Fatalf("take gives %v, %v; want %v", got, open, x.m.waiting)
	}
	x.m.taken += int64(len(x.m.waiting))
	x.m.waiting, x.spare = nil, items
}

func (x *queueMachine) Release(t *rapid.T) {
	switch {
	case x.m.empty+x.m.taken == 0:
		t.Skip("no place to free")
	case x.m.empty > 0 && (x.m.taken == 0 || rapid.Bool().Draw(t, "unfilled")):
		x.m.empty--
		x.q.release(1)
	default:
		n := rapid.Int64Range(1, x.m.taken).Draw(t, "places")
		x.m.taken -= n
		x.q.release(n)
	}
}

func (x *queueMachine) Close(t *rapid.T) {
	if got, want := x.q.close(), x.m.close(); got != want {
		t.Fatalf("close gives %v, want %v", got, want)
	}
}

func (x *queueMachine) Abandon(*rapid.T) {
	x.q.abandon()
	x.m.closed = true
}

// Emitters of both kinds, one worker: every event comes once and in order, and
// no cap is passed.
func TestQueueUnderStress(t *testing.T) {
	const emitters, each, capacity, hardCap = 8, 500, 4, 16
	type event struct{ emitter, n int }
	q := newQueue[event](capacity, hardCap)
	var work sync.WaitGroup
	var deepest atomic.Int64
	for emitter := range emitters {
		work.Go(func() {
			for n := range each {
				reserve := func() error { return q.reserveWait(context.Background()) }
				if emitter%2 == 1 { // as from inside a handler
					reserve = func() error { return q.reserve(q.hardCap) }
				}
				if n%7 == 0 && reserve() == nil {
					q.release(1) // an event that is refused elsewhere gives its place back
				}
				for err := reserve(); err != nil; err = reserve() {
					if !errors.Is(err, errFull) {
						t.Error(err)
						return
					}
					runtime.Gosched()
				}
				if depth := q.depth.Load(); depth > deepest.Load() {
					deepest.Store(depth)
				}
				q.put(&Header{}, nil, nil, &event{emitter, n})
			}
		})
	}
	next := make([]int, emitters)
	worker := make(chan struct{})
	go func() {
		defer close(worker)
		var items []item[event]
		for {
			var open bool
			if items, open = q.take(items); !open {
				return
			}
			for _, i := range items {
				if i.value.n != next[i.value.emitter] {
					t.Errorf("emitter %d: event %d came in place of %d", i.value.emitter, i.value.n, next[i.value.emitter])
				}
				next[i.value.emitter] = i.value.n + 1
				q.release(1)
			}
		}
	}()
	work.Wait()
	for !q.close() {
		runtime.Gosched()
	}
	<-worker
	for emitter, n := range next {
		if n != each {
			t.Errorf("emitter %d: %d events, want %d", emitter, n, each)
		}
	}
	if deepest.Load() > hardCap {
		t.Errorf("%d events in a queue of at most %d", deepest.Load(), hardCap)
	}
}

// waitAt starts goroutines that wait for a place in a full queue, and returns
// once all do.
func waitAt(t *testing.T, ctx context.Context, q *queue[int], n int) <-chan error {
	t.Helper()
	results := make(chan error, n)
	for range n {
		go func() { results <- q.reserveWait(ctx) }()
	}
	for limit := time.Now().Add(20 * time.Second); q.waiters.Load() < int64(n); runtime.Gosched() {
		if time.Now().After(limit) {
			t.Fatalf("%d goroutines wait, want %d", q.waiters.Load(), n)
		}
	}
	return results
}

func wantResults(t *testing.T, results <-chan error, n int, want error) {
	t.Helper()
	for i := range n {
		select {
		case err := <-results:
			if !errors.Is(err, want) || (want == nil && err != nil) {
				t.Errorf("a waiter got %v, want %v", err, want)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%d of %d waiters were woken", i, n)
		}
	}
}

func fullQueue(t *testing.T, capacity int) *queue[int] {
	t.Helper()
	q := newQueue[int](capacity, capacity)
	for range capacity {
		if err := q.reserve(q.capacity); err != nil {
			t.Fatal(err)
		}
	}
	return q
}

func TestQueueWakesAWaiterForEachPlace(t *testing.T) {
	for name, free := range map[string]func(q *queue[int]){
		"one by one":    func(q *queue[int]) { q.release(1); q.release(1); q.release(1) },
		"all at a time": func(q *queue[int]) { q.release(3) },
	} {
		t.Run(name, func(t *testing.T) {
			q := fullQueue(t, 3)
			results := waitAt(t, t.Context(), q, 3)
			free(q)
			wantResults(t, results, 3, nil)
			if depth := q.depth.Load(); depth != 3 {
				t.Errorf("%d places are taken, want 3", depth)
			}
		})
	}
}

func TestQueueWaitersEndWithTheirContext(t *testing.T) {
	q := fullQueue(t, 1)
	ctx, end := context.WithCancelCause(t.Context())
	results := waitAt(t, ctx, q, 3)
	gone := errors.New("gone")
	end(gone)
	wantResults(t, results, 3, gone)
	if q.waiters.Load() != 0 || q.depth.Load() != 1 {
		t.Errorf("%d waiters, depth %d; want 0 and 1", q.waiters.Load(), q.depth.Load())
	}
}

// A queue may be closed after the last place was freed and before those that
// wait have run: none of them may be left behind.
func TestQueueCloseWakesAllWaiters(t *testing.T) {
	q := fullQueue(t, 1)
	results := waitAt(t, t.Context(), q, 3)
	q.depth.Store(0) // freed, and no waiter has run yet
	if !q.close() {
		t.Fatal("not closed")
	}
	wantResults(t, results, 3, ErrClosed)
}

func TestQueueCloseEndsASleepingWorker(t *testing.T) {
	q := newQueue[int](1, 1)
	open := make(chan bool)
	go func() {
		_, ok := q.take(nil)
		open <- ok
	}()
	for asleep := false; !asleep; runtime.Gosched() {
		q.mu.Lock()
		asleep = q.sleeping
		q.mu.Unlock()
	}
	if !q.close() || <-open {
		t.Error("the worker goes on after close")
	}
	if !q.close() {
		t.Error("closing again says not closed")
	}
}

// What a rule that is asked later had kept comes back before what one asked earlier
// had kept, whichever was put back first: it is the older.
func TestWhatIsPutBackComesInTheOrderOfItsRules(t *testing.T) {
	q, tally := newQueue[int](10, 10), newCounters().tally("n.step.taken", "handler one")
	byKey, byType := &limit{rule: Rule{By: ByKey}}, &limit{rule: Rule{By: ByType}}
	back := func(by *limit, value int) { q.putBack(&item[int]{tally: tally, keptBy: by, value: value}) }
	back(byKey, 3)
	newer := q.takeBack()
	if q.overtakes(&newer) {
		t.Error("overtakes, although nothing is there")
	}
	back(byType, 1)
	back(byKey, 4)
	back(&limit{rule: Rule{Name: "changed", By: ByType}}, 2)
	if !q.overtakes(&newer) || !q.overtakes(&item[int]{}) {
		t.Error("does not overtake, although older ones are there")
	}
	q.untake(&newer)
	for want := range 4 {
		if it := q.takeBack(); it.value != want+1 || q.overtakes(&it) {
			t.Errorf("%d, want %d; overtakes: %v", it.value, want+1, q.overtakes(&it))
		}
	}
	if q.returned.Load() != 0 || len(q.back) != 0 {
		t.Errorf("%d are left in %+v", q.returned.Load(), q.back)
	}
}
