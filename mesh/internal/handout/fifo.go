package handout

import "slices"

// fifo is a queue.
type fifo[T any] struct {
	items []T
	head  int
}

func (f *fifo[T]) len() int { return len(f.items) - f.head }

func (f *fifo[T]) first() T { return f.items[f.head] }

func (f *fifo[T]) push(item T) {
	if f.head > 0 && len(f.items) == cap(f.items) && f.head >= len(f.items)/2 {
		n := copy(f.items, f.items[f.head:])
		clear(f.items[n:])
		f.items, f.head = f.items[:n], 0
	}
	f.items = append(f.items, item)
}

// An empty queue keeps room for some items, and less when it is not used.
const (
	keptInUse = 1024
	keptSpare = 128
)

func (f *fifo[T]) pop() T {
	var none T
	item := f.items[f.head]
	f.items[f.head] = none
	if f.head++; f.head == len(f.items) {
		f.items, f.head = f.items[:0], 0
		if cap(f.items) > keptInUse {
			f.items = nil
		}
	}
	return item
}

// all are the items that wait, to be read.
func (f *fifo[T]) all() []T { return f.items[f.head:] }

// remove takes out the first item that is meant, and reports whether there was one.
func (f *fifo[T]) remove(meant func(T) bool) bool {
	at := slices.IndexFunc(f.all(), meant)
	if at < 0 {
		return false
	}
	f.items = slices.Delete(f.items, f.head+at, f.head+at+1)
	return true
}

// removeAll takes out all items that are meant.
func (f *fifo[T]) removeAll(meant func(T) bool) (removed int) {
	before := f.len()
	f.items = append(f.items[:f.head], slices.DeleteFunc(f.all(), meant)...)
	return before - f.len()
}

// spare keeps what is used again and again, so that an event allocates nothing.
type spare struct {
	items []*item
	holds []*hold
	lanes []*lane
}

// spares bounds how much of each kind is kept.
const spares = 1024

func (s *spare) item() *item { return reuse(&s.items) }

func (s *spare) hold() *hold { return reuse(&s.holds) }

func (s *spare) lane() *lane { return reuse(&s.lanes) }

func (s *spare) keepItem(i *item) {
	*i = item{}
	keep(&s.items, i)
}

func (s *spare) keepHold(h *hold) {
	*h = hold{}
	keep(&s.holds, h)
}

func (s *spare) keepLane(l *lane) {
	fresh, again := l.fresh.items[:0], l.again[:0]
	*l = lane{}
	if cap(fresh) <= keptSpare {
		l.fresh.items = fresh
	}
	if cap(again) <= keptSpare {
		l.again = again
	}
	keep(&s.lanes, l)
}

func reuse[T any](from *[]*T) *T {
	last := len(*from) - 1
	if last < 0 {
		return new(T)
	}
	used := (*from)[last]
	(*from)[last] = nil
	*from = (*from)[:last]
	return used
}

func keep[T any](to *[]*T, used *T) {
	if len(*to) < spares {
		*to = append(*to, used)
	}
}
