package queue

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

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
		return ErrFull
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
	q      *Queue[string, int]
	m      *queueModel
	lost   uint64
	items  cursor[string]
	values cursor[int]
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
			q:     newQueue[string, int](capacity, hardCap, nil),
			m:     &queueModel{capacity: int64(capacity), hardCap: int64(hardCap)},
			ended: ended,
		}))
	})
}

func (x *queueMachine) Check(t *rapid.T) {
	depth, accepted, lost := x.q.depth.Load()%closedDepth, x.q.accepted(), x.lost
	if depth != x.m.depth() || uint64(accepted) != x.m.put || lost != x.m.lost {
		t.Fatalf("depth %d, %d put, %d lost; want %d, %d, %d", depth, accepted, lost, x.m.depth(), x.m.put, x.m.lost)
	}
}

func same(t *rapid.T, got, want error) {
	if !errors.Is(got, want) || (want == nil && got != nil) {
		t.Fatalf("%v, want %v", got, want)
	}
}

func (x *queueMachine) Reserve(t *rapid.T) {
	same(t, x.q.Reserve(false), x.m.reserve(x.m.capacity))
}

func (x *queueMachine) ReserveHard(t *rapid.T) {
	same(t, x.q.Reserve(true), x.m.reserve(x.m.hardCap))
}

// ReserveWait waits no longer than its context: nobody is there to free a place.
func (x *queueMachine) ReserveWait(t *rapid.T) {
	want := x.m.reserve(x.m.capacity)
	if want == ErrFull {
		want = errGone
	}
	same(t, x.q.ReserveWait(x.ended), want)
}

func (x *queueMachine) Put(t *rapid.T) {
	if x.m.empty == 0 {
		t.Skip("no place is reserved")
	}
	x.m.empty--
	value := int(x.m.put) + 1
	item := fmt.Sprint(value)
	if !x.q.Put(&item, &value) {
		x.lost++
	}
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
	items, values, open := takeAll(x.q, &x.items, &x.values)
	if open != (len(x.m.waiting) > 0) || !slices.Equal(values, x.m.waiting) {
		t.Fatalf("take gives %v, %v; want %v", values, open, x.m.waiting)
	}
	for i, item := range items {
		if item != fmt.Sprint(values[i]) {
			t.Fatalf("item %s has the value %d", item, values[i])
		}
	}
	x.m.taken += int64(len(x.m.waiting))
	x.m.waiting = nil
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
	q := newQueue[struct{}, event](capacity, hardCap, nil)
	var work sync.WaitGroup
	var deepest atomic.Int64
	for emitter := range emitters {
		work.Go(func() {
			for n := range each {
				reserve := func() error { return q.ReserveWait(context.Background()) }
				if emitter%2 == 1 { // as from inside a handler
					reserve = func() error { return q.Reserve(true) }
				}
				if n%7 == 0 && reserve() == nil {
					q.release(1) // an event that is refused elsewhere gives its place back
				}
				for err := reserve(); err != nil; err = reserve() {
					if !errors.Is(err, ErrFull) {
						t.Error(err)
						return
					}
					runtime.Gosched()
				}
				if depth := q.depth.Load(); depth > deepest.Load() {
					deepest.Store(depth)
				}
				q.Put(&struct{}{}, &event{emitter, n})
			}
		})
	}
	next := make([]int, emitters)
	worker := make(chan struct{})
	go func() {
		defer close(worker)
		var items cursor[struct{}]
		var values cursor[event]
		for {
			_, taken, open := takeAll(q, &items, &values)
			if !open {
				return
			}
			for _, v := range taken {
				if v.n != next[v.emitter] {
					t.Errorf("emitter %d: event %d came in place of %d", v.emitter, v.n, next[v.emitter])
				}
				next[v.emitter] = v.n + 1
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
func waitAt(t *testing.T, ctx context.Context, q *Queue[string, int], n int) <-chan error {
	t.Helper()
	results := make(chan error, n)
	for range n {
		go func() { results <- q.ReserveWait(ctx) }()
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

func fullQueue(t *testing.T, capacity int) *Queue[string, int] {
	t.Helper()
	q := newQueue[string, int](capacity, capacity, nil)
	for range capacity {
		if err := q.Reserve(false); err != nil {
			t.Fatal(err)
		}
	}
	return q
}

func TestQueueWakesAWaiterForEachPlace(t *testing.T) {
	for name, free := range map[string]func(q *Queue[string, int]){
		"one by one":    func(q *Queue[string, int]) { q.release(1); q.release(1); q.release(1) },
		"all at a time": func(q *Queue[string, int]) { q.release(3) },
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
	q := newQueue[string, int](1, 1, nil)
	open := make(chan bool)
	go func() {
		open <- q.take(&cursor[string]{}, &cursor[int]{})
	}()
	awaitSleep(q)
	if !q.close() || <-open {
		t.Error("the worker goes on after close")
	}
	if !q.close() {
		t.Error("closing again says not closed")
	}
}

// What is greater in order comes back first, whichever was put back first; of equals
// the first.
func TestWhatIsPutBackComesInItsOrder(t *testing.T) {
	type item struct{ rank, n int }
	q := newQueue[item, int](10, 10, func(a, b *item) int { return a.rank - b.rank })
	back := func(i item) {
		if !q.PutBack(&i, &i.n) {
			t.Fatal("not taken")
		}
	}
	back(item{1, 3})
	newer := q.takeBack()
	if q.Overtakes(&newer.item, true) {
		t.Error("overtakes, although nothing is there")
	}
	back(item{2, 1})
	back(item{1, 4})
	back(item{2, 2})
	if !q.Overtakes(&newer.item, true) || !q.Overtakes(&item{}, false) {
		t.Error("does not overtake, although older ones are there")
	}
	q.untake(newer)
	for want := range 4 {
		if k := q.takeBack(); k.item.n != want+1 || *k.value.(*int) != want+1 || q.Overtakes(&k.item, true) {
			t.Errorf("%+v, want %d; overtakes: %v", k, want+1, q.Overtakes(&k.item, true))
		}
	}
	if q.returned.Load() != 0 || len(q.back.lists) != 0 {
		t.Errorf("%d are left in %+v", q.returned.Load(), q.back.lists)
	}
	q.abandon()
	if q.PutBack(&item{}, nil) {
		t.Error("an abandoned queue takes what is put back")
	}
}

// What emitters and the worker write lies on two cache lines.
func TestQueueLiesOnFewCacheLines(t *testing.T) {
	if unsafe.Sizeof(uintptr(0)) != 8 {
		t.Skip("the fields are laid out for 64 bits")
	}
	var q Queue[[100]byte, int]
	const line = 64
	depth, guarded, end := unsafe.Offsetof(q.Places)+unsafe.Offsetof(q.Places.depth), unsafe.Offsetof(q.Places)+unsafe.Offsetof(q.Places.mu), unsafe.Sizeof(q)
	if depth%line != 0 || guarded != depth+line || end != guarded+line {
		t.Errorf("depth is at %d, what mu guards at %d, and the end at %d", depth, guarded, end)
	}
}
