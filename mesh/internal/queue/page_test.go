package queue

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
)

// takeAll takes what waits in a queue, and lists it.
func takeAll[E, V any](q *Queue[E, V], items *cursor[E], values *cursor[V]) (allItems []E, allValues []V, open bool) {
	for open = q.take(items, values); items.page != nil; values.next(q.valuePages) {
		allItems, allValues = append(allItems, *items.present()), append(allValues, *values.present())
		items.next(q.itemPages)
	}
	return allItems, allValues, open
}

// A queue of many pages keeps the order, and one whose worker sleeps holds no memory.
func TestAnIdleQueueHoldsNoPages(t *testing.T) {
	const many = 3*32 + 1 // four pages
	q := newQueue[int, string](many, many, nil)
	var items cursor[int]
	var values cursor[string]
	for _, n := range []int{1, many, 2, many} {
		for i := range n {
			value := fmt.Sprint(i)
			q.Put(&i, &value)
		}
		got, texts, open := takeAll(q, &items, &values)
		for i := range n {
			if !open || len(got) != n || got[i] != i || texts[i] != fmt.Sprint(i) {
				t.Fatalf("%v and %v in place of %d", got, texts, n)
			}
		}
	}
	taken := make(chan []int)
	go func() {
		got, _, _ := takeAll(q, &items, &values)
		taken <- got
	}()
	awaitSleep(q)
	q.mu.Lock()
	if q.items != (chain[int]{}) || q.values != (chain[string]{}) {
		t.Errorf("an idle queue holds %+v and %+v", q.items, q.values)
	}
	q.mu.Unlock()
	value := ""
	if q.Put(new(7), &value); !slices.Equal(<-taken, []int{7}) {
		t.Error("what comes after a sleep is lost")
	}
}

// Processed items are let go of, though their page is not.
func TestProcessedItemsAreLetGoOf(t *testing.T) {
	q := newQueue[*int, *string](10, 10, nil)
	var items cursor[*int]
	var values cursor[*string]
	for range 2 {
		item, value := new(int), new(string)
		q.Put(&item, &value)
	}
	q.take(&items, &values)
	of, beside := items.page, values.page
	items.next(q.itemPages)
	values.next(q.valuePages)
	if of.list[0] != nil || beside.list[0] != nil || of.list[1] == nil || items.present() != &of.list[1] {
		t.Errorf("%v and %v after the first", of.list[:2], beside.list[:2])
	}
}

// Pages of large values are short: a queue where one waits holds little more than that.
func TestPagesOfLargeValuesAreShort(t *testing.T) {
	for size, got := range map[int]int{
		0: len(newPage[struct{}]().list), 1: len(newPage[byte]().list), 256: len(newPage[[256]byte]().list),
		257: len(newPage[[257]byte]().list), 2048: len(newPage[[2048]byte]().list), 2049: len(newPage[[2049]byte]().list), 8192: len(newPage[[8192]byte]().list),
	} {
		want := 32
		if size > 256 {
			want = 4
		}
		if size > 2048 {
			want = 1
		}
		if got != want {
			t.Errorf("a page has room for %d values of %d bytes, want %d", got, size, want)
		}
	}
	type large [8192]byte
	queues := make([]*Queue[struct{}, large], 100)
	for i := range queues {
		queues[i] = newQueue[struct{}, large](1, 1, nil)
	}
	value, item := new(large), &struct{}{}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, q := range queues {
		q.Put(item, value)
	}
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / uint64(len(queues)); each > 12_000 {
		t.Errorf("a queue with one value of 8 KiB took %d bytes", each)
	}
}

// Queues of one type share pages, and none has one that another uses: also when both have rested.
func TestQueuesInTurnKeepTheirOwn(t *testing.T) {
	t.Run("32 a page", func(t *testing.T) { inTurn(t, func(n int) [1]int { return [1]int{n} }) })
	t.Run("4 a page", func(t *testing.T) { inTurn(t, func(n int) [100]int { return [100]int{99: n} }) })
	t.Run("1 a page", func(t *testing.T) { inTurn(t, func(n int) [300]int { return [300]int{299: n} }) })
}

// inTurn lets two queues rest, puts into each, and compares what each takes.
func inTurn[V comparable](t *testing.T, value func(n int) V) {
	sides := make([]side[V], 2)
	for i := range sides {
		sides[i] = side[V]{queue: newQueue[int, V](1000, 1000, nil), value: value, next: i * 1_000_000}
	}
	for round := range 200 {
		for i := range sides {
			s := &sides[i]
			taken := s.rest()
			s.put(1)
			s.compare(t, <-taken)
		}
		for i := range sides {
			sides[i].put(1 + round%70)
		}
		for i := range sides {
			s := &sides[i]
			s.compare(t, s.take())
		}
	}
}

// side is one of two queues and its worker.
type side[V comparable] struct {
	queue  *Queue[int, V]
	items  cursor[int]
	values cursor[V]
	value  func(n int) V
	next   int   // the next to be put
	want   []int // put and not taken
}

type pair[V comparable] struct {
	item  int
	value V
}

func (s *side[V]) put(count int) {
	for range count {
		item, value := s.next, s.value(s.next)
		s.queue.Put(&item, &value)
		s.want = append(s.want, item)
		s.next++
	}
}

func (s *side[V]) take() (taken []pair[V]) {
	items, values, _ := takeAll(s.queue, &s.items, &s.values)
	for i := range items {
		taken = append(taken, pair[V]{items[i], values[i]})
	}
	return taken
}

// rest lets the worker sleep until something is put.
func (s *side[V]) rest() (taken chan []pair[V]) {
	taken = make(chan []pair[V])
	go func() { taken <- s.take() }()
	awaitSleep(s.queue)
	return taken
}

func (s *side[V]) compare(t *testing.T, taken []pair[V]) {
	t.Helper()
	var want []pair[V]
	for _, n := range s.want {
		want = append(want, pair[V]{n, s.value(n)})
	}
	if s.want = nil; !slices.Equal(taken, want) {
		t.Fatalf("%d were taken that are not the %d that were put", len(taken), len(want))
	}
}

// awaitSleep waits until the worker of a queue sleeps.
func awaitSleep[E, V any](q *Queue[E, V]) {
	for asleep := false; !asleep; runtime.Gosched() {
		q.mu.Lock()
		asleep = q.sleeping
		q.mu.Unlock()
	}
}

// Pages that are not needed come back to all, and nobody who gave one keeps it.
func TestPagesComeBack(t *testing.T) {
	for name, give := range map[string]func(all *pages[int]) *page[int]{
		"a cursor's own": func(all *pages[int]) *page[int] {
			own := newPage[int]()
			c := cursor[int]{spent: own}
			if c.letGo(nil, all); c.spent != nil {
				t.Error("a page is with the cursor that gave it")
			}
			return own
		},
		"a chain's spare one": func(all *pages[int]) *page[int] {
			c, spare := cursor[int]{}, newPage[int]()
			c.letGo(spare, all)
			return spare
		},
		"the first of two that are done": func(all *pages[int]) *page[int] {
			waiting, c := chain[int]{}, cursor[int]{}
			for i := range 33 {
				waiting.push(&i, &pages[int]{})
			}
			c.take(&waiting)
			first := c.page
			for c.page != nil {
				c.next(all)
			}
			if c.spent == first {
				t.Error("a page is with the cursor that gave it")
			}
			return first
		},
	} {
		came := false
		for tries := 0; !came && tries < 1000; tries++ { // a pool may drop what it is given
			all := &pages[int]{}
			given := give(all)
			came = all.take() == given
		}
		if !came {
			t.Errorf("%s never comes back", name)
		}
	}
}
