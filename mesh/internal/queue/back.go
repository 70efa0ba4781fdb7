package queue

import (
	"slices"
)

// Core is a queue without the type of its values.
type Core[E any] struct {
	back returned[E]
	Places
}

// returned are items that were put back, to be taken before all others. They lie in lists of those
// that are equal in order; of two lists the greater comes first.
type returned[E any] struct {
	order func(a, b *E) int // of items that were put back
	lists [][]kept[E]       // guarded by the queue's mu
}

// kept is an item with a copy of its value.
type kept[E any] struct {
	item  E
	value any // *V
}

// PutBack puts an item that was taken out of the queue before all others, also beyond the cap.
// value points to a copy of its value. It never blocks, and returns false if the queue was
// abandoned.
func (c *Core[E]) PutBack(item *E, value any) bool {
	c.depth.Add(1)
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		c.release(1)
		return false
	}
	list := c.back.listLocked(item)
	*list = append(*list, kept[E]{*item, value})
	c.returned.Add(1)
	c.enteredLocked()
	return true
}

// listLocked finds or makes the list that an item belongs to.
func (r *returned[E]) listLocked(item *E) *[]kept[E] {
	at, found := slices.BinarySearchFunc(r.lists, item, func(list []kept[E], item *E) int { return r.order(item, &list[0].item) })
	if !found {
		r.lists = slices.Insert(r.lists, at, nil)
	}
	return &r.lists[at]
}

// Overtakes reports whether an item is about to be processed before one that came earlier and was
// put back. wasBack says that it was put back itself. It is asked once the rules for the item are
// read: when rules change, what the old ones kept is put back before the new ones are in force.
func (c *Core[E]) Overtakes(item *E, wasBack bool) bool {
	switch {
	case c.returned.Load() == 0:
		return false
	case !wasBack:
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.back.order(&c.back.lists[0][0].item, item) > 0
}

// takeBack takes the first item that was put back.
func (c *Core[E]) takeBack() kept[E] {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := &c.back.lists[0]
	first := (*list)[0]
	(*list)[0] = kept[E]{} // let go of what the value refers to
	if *list = (*list)[1:]; len(*list) == 0 {
		c.back.lists = slices.Delete(c.back.lists, 0, 1) // a burst's memory is not kept
	}
	c.returned.Add(-1)
	return first
}

// untake undoes takeBack.
func (c *Core[E]) untake(k kept[E]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := c.back.listLocked(&k.item)
	*list = slices.Insert(*list, 0, k)
	c.returned.Add(1)
}
