package mesh

import (
	"sync"
	"time"
)

// coalescer keeps the newest event of each key for a rule that coalesces, and
// emits it a stated time after the first one came. It has no goroutine while it
// keeps nothing. The nil coalescer keeps nothing.
type coalescer struct {
	within    time.Duration
	keys      int
	coalesced *counter

	mu      sync.Mutex
	kept    map[string]*keptEvent // guarded by mu
	due     []*keptEvent          // guarded by mu: in order of time
	timer   *time.Timer           // guarded by mu: of the next flush; nil: none is to come
	closed  bool                  // guarded by mu
	flushes sync.WaitGroup        // flushes by timer that are to come or under way

	flushing sync.Mutex // held while events are emitted: in order, also beside close
}

// keptEvent is the newest event of a key.
type keptEvent struct {
	key   string
	event held
	at    time.Time // when it is to be emitted
}

// keep takes an event in place of the one it has of the key. Once closed it
// emits the event at once. It reports whether the event took no other's place.
func (c *coalescer) keep(key string, event held, now time.Time) (more bool) {
	old, early := c.replace(key, event, now)
	if old != nil {
		c.coalesced.Add(1)
		old.discard()
	}
	if early != nil {
		early.commit()
	}
	return old == nil
}

// replace gives the event that was replaced, and one to be emitted now: the one
// that waited longest if there is no room, or the new one if the coalescer is
// closed.
func (c *coalescer) replace(key string, event held, now time.Time) (old, early held) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, event
	}
	if k := c.kept[key]; k != nil {
		old, k.event = k.event, event
		return old, nil
	}
	if len(c.kept) >= c.keys {
		early = c.popLocked().event
	}
	k := &keptEvent{key: key, event: event, at: now.Add(c.within)}
	c.kept[key] = k
	c.due = append(c.due, k)
	if c.timer == nil {
		c.scheduleLocked(c.within)
	}
	return nil, early
}

func (c *coalescer) popLocked() *keptEvent {
	first := c.due[0]
	c.due = c.due[1:]
	delete(c.kept, first.key)
	return first
}

func (c *coalescer) scheduleLocked(after time.Duration) {
	c.flushes.Add(1)
	c.timer = time.AfterFunc(after, func() {
		defer c.flushes.Done()
		c.flush(time.Now())
	})
}

// flush emits what is due, in order.
func (c *coalescer) flush(now time.Time) {
	c.flushing.Lock()
	defer c.flushing.Unlock()
	for _, k := range c.takeDue(now) {
		k.event.commit()
	}
}

func (c *coalescer) takeDue(now time.Time) (due []*keptEvent) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.due) > 0 && (c.closed || !c.due[0].at.After(now)) {
		due = append(due, c.popLocked())
	}
	if c.timer = nil; len(c.due) > 0 {
		c.scheduleLocked(c.due[0].at.Sub(now))
	}
	return due
}

// close emits what is kept, and from then on whatever comes at once. It waits for
// a flush that is under way.
func (c *coalescer) close() {
	if c == nil {
		return
	}
	c.mu.Lock()
	c.closed = true
	if c.timer != nil && c.timer.Stop() {
		c.flushes.Done()
	}
	c.mu.Unlock()
	c.flush(time.Now())
	c.flushes.Wait()
}

// coalescedEmit is an event that a handler emitted and a rule coalesces: it
// goes to the coalescer when the handler returns nil.
type coalescedEmit struct {
	limit  *limit
	key    string
	event  held
	source *tally
	child  *eventType
}

func (c *coalescedEmit) commit() {
	if c.limit.coalescer.keep(c.key, c.event, time.Now()) {
		c.source.emits(c.child)
	}
}

func (c *coalescedEmit) discard() { c.event.discard() }

// coalesce gives an event to the rule that coalesces it, inside a handler when
// that returns nil.
func (e *Event[T]) coalesce(by *limit, t *turn, r *typedRoute[T], event *limited, now int64, value T) error {
	late := &lateEmit[T]{route: r, limit: by, value: value}
	if t == nil {
		if r.node.closing.Load() {
			return ErrClosed
		}
		id := newID(now)
		late.header = Header{ID: id, Root: id, Key: event.key, at: now, path: event.path}
		by.coalescer.keep(event.key, late, time.Unix(0, now))
		return nil
	}
	s := t.stage
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.presentLocked(t) {
		return ErrHandlerReturned
	}
	late.header = s.effectLocked(event, now)
	s.held = append(s.held, &coalescedEmit{limit: by, key: event.key, event: late, source: s.source, child: r.eventType})
	return nil
}

// lateEmit is an event that a coalescer keeps. Its places are reserved when it is
// emitted: it waits for no queue, as what a handler emits does.
type lateEmit[T any] struct {
	route  *typedRoute[T]
	limit  *limit
	header Header
	value  T
}

func (l *lateEmit[T]) commit() {
	r, n := l.route, l.route.node
	now := n.clock.now()
	event := limited{key: l.header.Key, path: l.header.path}
	l.limit.bucketOf(&event, time.Unix(0, now)).Charge(time.Unix(0, now))
	hash := r.hash(l.header.Key)
	shed, err := reserveAll(n.handling, r.targets, hash, true)
	if err != nil { // counted where it was refused
		n.logRarely("coalesced event refused", "error", err)
		return
	}
	r.deliver(&l.header, hash, &l.value, shed)
}

func (l *lateEmit[T]) discard() {}
