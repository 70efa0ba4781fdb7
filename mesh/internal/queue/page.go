package queue

import (
	"reflect"
	"sync"
)

// page has room for some items, or values, one after the other.
type page[T any] struct {
	next *page[T] // the one behind it
	used int
	list [pageLength]T
}

// pageLength is so small that a page of few items is no waste, and so large that taking and giving
// pages costs an item nothing. The list lies in the page: a slice beside it cost an event 4 %.
const pageLength = 32

// pages are those of one type that no queue needs. All queues share them: what was written lately
// is still in a processor's cache, and a queue where nothing waits holds no memory. With memory of
// its own for each queue, 64 events of each of 1,000 types took 1.6 times as long.
type pages[T any] struct{ pool sync.Pool }

// known has the pages of all types.
var known sync.Map // reflect.Type → *pages[T]

// pagesOf finds the pages of a type, or makes them.
func pagesOf[T any]() *pages[T] {
	found, _ := known.LoadOrStore(reflect.TypeFor[T](), &pages[T]{})
	return found.(*pages[T])
}

// take gives an empty page.
func (all *pages[T]) take() *page[T] {
	if p, ok := all.pool.Get().(*page[T]); ok {
		return p
	}
	return &page[T]{}
}

// give takes an empty page back; nil: none.
func (all *pages[T]) give(p *page[T]) {
	if p != nil {
		all.pool.Put(p)
	}
}

// chain is what waits, page by page. The zero value is empty.
type chain[T any] struct {
	first, last *page[T] // nil: nothing waits
	spare       *page[T] // an empty one; nil: none
}

// push puts a copy behind all others.
func (c *chain[T]) push(one *T, from *pages[T]) {
	p := c.last
	if p == nil || p.used == pageLength {
		p = c.add(from)
	}
	p.list[p.used] = *one
	p.used++
}

// add puts an empty page behind the others.
func (c *chain[T]) add(from *pages[T]) *page[T] {
	p := c.spare
	if c.spare = nil; p == nil {
		p = from.take()
	}
	if c.last == nil {
		c.first = p
	} else {
		c.last.next = p
	}
	c.last = p
	return p
}

// cursor is how far somebody is with what it took.
type cursor[T any] struct {
	page  *page[T] // the present one, with those behind it; nil: all is done
	at    int      // the place in it
	spent *page[T] // an empty one; nil: none
}

// take takes all that waits in a chain, once the cursor is at its end. It leaves an empty page
// there.
func (c *cursor[T]) take(from *chain[T]) {
	c.page, from.first, from.last = from.first, nil, nil
	if from.spare == nil {
		from.spare, c.spent = c.spent, nil
	}
}

// letGo gives empty pages back that are not needed for now: the cursor's own, and the spare one of
// a chain.
func (c *cursor[T]) letGo(spare *page[T], to *pages[T]) {
	to.give(spare)
	to.give(c.spent)
	c.spent = nil
}

// present is what the cursor is at.
func (c *cursor[T]) present() *T { return &c.page.list[c.at] }

// next lets go of what the cursor is at, and goes on.
func (c *cursor[T]) next(to *pages[T]) {
	var none T
	c.page.list[c.at] = none // and of what it refers to
	if c.at++; c.at < c.page.used {
		return
	}
	empty := c.page
	c.page, c.at = empty.next, 0
	empty.next, empty.used = nil, 0
	to.give(c.spent)
	c.spent = empty
}
