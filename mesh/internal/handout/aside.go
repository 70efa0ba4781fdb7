package handout

import "container/heap"

// dues are items in a heap, the first due first.
type dues []*item

func (d dues) Len() int { return len(d) }

func (d dues) Less(a, b int) bool {
	return d[a].due < d[b].due || d[a].due == d[b].due && d[a].Sequence < d[b].Sequence
}

func (d dues) Swap(a, b int) {
	d[a], d[b] = d[b], d[a]
	d[a].index, d[b].index = a, b
}

// Push is for package heap.
func (d *dues) Push(x any) {
	i := x.(*item)
	i.index = len(*d)
	*d = append(*d, i)
}

// Pop is for package heap.
func (d *dues) Pop() any {
	last := len(*d) - 1
	i := (*d)[last]
	(*d)[last] = nil
	*d = (*d)[:last]
	return i
}

// weight is what an item counts aside, in bytes.
func (i *item) weight() (bytes int) {
	bytes = i.Bytes
	for _, name := range i.done {
		bytes += len(name)
	}
	return bytes
}

func (s *Shelf) enterAside(i *item) {
	heap.Push(&s.aside, i)
	i.weighed = i.weight()
	s.asideBytes += i.weighed
	if i.stuck = len(i.done) == 0; i.stuck {
		i.lane.stuck++
	}
}

func (s *Shelf) leaveAside(i *item) {
	heap.Remove(&s.aside, i.index)
	s.asideBytes -= i.weighed
	if i.stuck {
		i.lane.stuck--
	}
}

// stops reports whether a lane gets nothing new by the bound. A key does whose events some handlers
// handle, as long as there is room to park them: it is another handler that is sick.
func (s *Shelf) stops(l *lane) bool {
	switch s.level {
	case 0:
		return false
	case 1:
		return l.stuck > 0 || l.count[aside] > 0 && !s.mayPark()
	}
	return true
}

// mayPark reports whether there is room to park one more.
func (s *Shelf) mayPark() bool { return s.parked.len() < apart*s.config.MaxAside }

// measure finds how full it is aside. What was stopped goes on only when there is some room, or at
// the bound each event would stop and start all lanes.
func (s *Shelf) measure() {
	part := max(s.count[aside]*1000/s.config.MaxAside, s.asideBytes*1000/s.config.MaxAsideBytes)
	before := s.level
	switch {
	case part >= 2000 || s.level == 2 && part >= 1750:
		s.level = 2
	case part >= 1000 || s.level > 0 && part >= 875:
		s.level = 1
	default:
		s.level = 0
	}
	if s.level < before {
		rings := []*ring{&s.stopped}
		for _, r := range s.readers {
			rings = append(rings, &r.again)
		}
		s.replace(rings...)
	}
}

// memory is what is to be kept of an event that waits, but for the event.
type memory struct {
	tries int
	done  []string
}

// parked is an event that waits for room aside. Some handlers are done with it: others are sick,
// and must not keep the former from new events.
type parked struct {
	Entry
	memory
}

// park lets an item wait for room aside instead of for its time, and reports whether it does. In
// order there is no need: no more than one event of a key waits.
func (s *Shelf) park(i *item) bool {
	if s.level == 0 || s.order != Unordered || len(i.done) == 0 || i.holds != nil || !s.mayPark() {
		return false
	}
	if m := (memory{i.tries, i.done}); i.Sequence > s.position {
		s.remember(i.Sequence, m) // it is read again
	} else {
		s.parked.push(parked{i.Entry, m})
	}
	s.retire(i) // the event stays unsettled
	return true
}

// unpark lets some of those that are parked go on, at most the number given.
func (s *Shelf) unpark(most int) {
	for ; most > 0 && s.parked.len() > 0; most-- {
		p := s.parked.pop()
		s.resume(p.Entry, p.memory)
	}
}

// resume makes an event that was given before ready to be given again.
func (s *Shelf) resume(e Entry, m memory) *item {
	i := s.spare.item()
	i.Entry, i.tries, i.done, i.due = e, m.tries, m.done, s.now
	i.lane = s.laneOf(e.Key)
	s.items[i.Sequence] = i
	s.put(i, ready)
	return i
}
