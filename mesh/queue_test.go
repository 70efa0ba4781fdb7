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

func TestQueueAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		capacity := rapid.IntRange(1, 5).Draw(t, "capacity")
		hardCap := capacity + rapid.IntRange(0, 5).Draw(t, "overfill")
		q := newQueue[int](capacity, hardCap)
		m := &queueModel{capacity: int64(capacity), hardCap: int64(hardCap)}
		ended, end := context.WithCancelCause(context.Background())
		gone := errors.New("gone")
		end(gone)
		var spare []item[int]
		counts := &tally{lost: new(counter)}
		same := func(what string, got, want error) {
			if !errors.Is(got, want) || (want == nil && got != nil) {
				t.Fatalf("%s gives %v, want %v", what, got, want)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"reserve":      func(*rapid.T) { same("reserve", q.reserve(q.capacity), m.reserve(m.capacity)) },
			"reserve hard": func(*rapid.T) { same("reserve hard", q.reserve(q.hardCap), m.reserve(m.hardCap)) },
			"reserve wait": func(*rapid.T) { // with a context that has ended: nobody is there to free a place
				want := m.reserve(m.capacity)
				if want == errFull {
					want = gone
				}
				same("reserveWait", q.reserveWait(ended), want)
			},
			"put": func(t *rapid.T) {
				if m.empty == 0 {
					t.Skip("no place is reserved")
				}
				m.empty--
				value := int(m.put) + 1
				q.put(&Header{}, counts, &value)
				if m.closed { // it was abandoned
					m.lost++
					return
				}
				m.put++
				m.waiting = append(m.waiting, value)
			},
			"take": func(t *rapid.T) {
				if len(m.waiting) == 0 && !m.closed {
					t.Skip("it would wait")
				}
				items, open := q.take(spare)
				got := []int{}
				for _, i := range items {
					got = append(got, i.value)
				}
				if open != (len(m.waiting) > 0) || !slices.Equal(got, m.waiting) {
					t.Fatalf("take gives %v, %v; want %v", got, open, m.waiting)
				}
				m.taken += int64(len(m.waiting))
				m.waiting, spare = nil, items
			},
			"release": func(t *rapid.T) {
				switch {
				case m.empty+m.taken == 0:
					t.Skip("no place to free")
				case m.empty > 0 && (m.taken == 0 || rapid.Bool().Draw(t, "unfilled")):
					m.empty--
					q.release(1)
				default:
					n := rapid.Int64Range(1, m.taken).Draw(t, "places")
					m.taken -= n
					q.release(n)
				}
			},
			"close": func(*rapid.T) {
				if got, want := q.close(), m.close(); got != want {
					t.Fatalf("close gives %v, want %v", got, want)
				}
			},
			"abandon": func(*rapid.T) {
				q.abandon()
				m.closed = true
			},
			"": func(*rapid.T) {
				if depth := q.depth.Load() % closedDepth; depth != m.depth() || q.accepted() != m.put || counts.lost.Load() != m.lost {
					t.Fatalf("depth %d, %d put, %d lost; want %d, %d, %d", depth, q.accepted(), counts.lost.Load(), m.depth(), m.put, m.lost)
				}
			},
		})
	})
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
				q.put(&Header{}, nil, &event{emitter, n})
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
