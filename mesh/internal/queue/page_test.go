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
	const many = 3*pageLength + 1
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
	for asleep := false; !asleep; runtime.Gosched() {
		q.mu.Lock()
		asleep = q.sleeping
		held := q.items != chain[int]{} || q.values != chain[string]{}
		q.mu.Unlock()
		if asleep && held {
			t.Errorf("an idle queue holds %+v and %+v", q.items, q.values)
		}
	}
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
