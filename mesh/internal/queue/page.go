package queue

import (
	"reflect"
	"sync"
	"unsafe"
)

// page has room for some items, or values, one after the other.
type page[T any] struct {
	next *page[T] // the one behind it
	used int
	list []T // as long as its room, which lies behind the page
}

// newPage makes an empty page. One of small values is so short that a page of few is no waste, and
// so long that taking and giving pages costs a value nothing. One of large values is shorter:
// pages of 32 in all of 1,000 queues, where one value of 8 KiB waited in each, held 266 MiB. The
// room lies in the page's own memory: a list that lay elsewhere cost an event 4 %.
func newPage[T any]() *page[T] {
	switch size := unsafe.Sizeof(*new(T)); {
	case size <= 256:
		p := &struct {
			page[T]
			room [32]T
		}{}
		p.list = p.room[:]
		return &p.page
	case size <= 2048:
		p := &struct {
			page[T]
			room [4]T
		}{}
		p.list = p.room[:]
		return &p.page
	default:
		p := &struct {
			page[T]
			room [1]T
		}{}
		p.list = p.room[:]
		return &p.page
	}
}

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
	return newPage[T]()
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
	if p == nil || p.used == len(p.list) {
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
