package mesh

import "leafmesh/mesh/cause"

// What rules that coalesce keep, at each place. An event that has waited is not
// stopped again at emit and import, where nobody is left to be told: the rules
// that it was not asked about are charged.

// lateEmit is an event that was to be emitted. Its places are reserved when it
// goes: it waits for no queue, as what a handler emits does.
type lateEmit[T any] struct {
	route  *typedRoute[T]
	limit  *limit
	header Header
	value  T
}

func (l *lateEmit[T]) goOn() {
	r, n := l.route, l.route.node
	event, rules := limitedBy(&l.header), r.rules.Load()
	defer l.limit.coalescer.arrived(event.unit())
	before, older := untilKept(after(rules.emit, l.limit), &event)
	chargeAll(before, &event, n.clock.now())
	if older != nil {
		l.limit = older
		older.coalescer.keep(&event, l)
		return
	}
	chargeAll(rules.exportRefuse, &event, n.clock.now())
	hash := r.hash(l.header.Key)
	shed, err := reserveAll(n.handling, r.targets, hash, true)
	if err != nil { // counted where it was refused
		n.logRarely("coalesced event refused", "error", err)
		return
	}
	r.deliver(&l.header, hash, &l.value, shed)
}

// untilKept finds the first of some rules that keeps an older event of the type and
// key, and lists those before it; all, if none does. An event that goes on would
// overtake that one, which would then pass for the last value.
func untilKept(limits []*limit, e *limited) (before []*limit, older *limit) {
	for i, l := range limits {
		if l.concerns(e) && l.coalescer.holds(e.unit()) {
			return limits[:i], l
		}
	}
	return limits, nil
}

// coalesce gives an event to the rule that coalesces it, inside a handler when
// that returns nil.
func (e *Event[T]) coalesce(by *limit, t *turn, r *typedRoute[T], event *limited, now int64, value T) error {
	late := &lateEmit[T]{route: r, limit: by, value: value}
	if t == nil {
		if r.node.closing.Load() {
			return ErrClosed
		}
		late.header = cause.NewRoot(event.path, event.key, now)
		by.coalescer.keep(event, late)
		return nil
	}
	s := t.stage
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.presentLocked(t) {
		return ErrHandlerReturned
	}
	by.coalescer.expect(event.unit())
	late.header = s.effectLocked(event, now)
	s.held = append(s.held, &coalescedEmit{limit: by, limited: *event, event: late, source: s.source, child: r.eventType})
	return nil
}

// coalescedEmit is an event that a handler emitted and a rule coalesces: it
// goes to the coalescer when the handler returns nil.
type coalescedEmit struct {
	limit   *limit
	limited limited
	event   late
	source  *tally
	child   *eventType
}

func (c *coalescedEmit) commit() {
	if c.limit.coalescer.keep(&c.limited, c.event) {
		c.source.emits(c.child)
	}
	c.limit.coalescer.arrived(c.limited.unit())
}

func (c *coalescedEmit) discard() { c.limit.coalescer.arrived(c.limited.unit()) }

// lateImport is an event that came over a link. It waits for no queue either.
type lateImport struct {
	importer *importer
	limit    *limit
	header   Header
	damage   error  // of its causal header; nil: none
	payload  []byte // no longer the client's: see deliverEncoded
}

func (l *lateImport) goOn() {
	event, t := limitedBy(&l.header), l.importer.eventType
	defer l.limit.coalescer.arrived(event.unit())
	before, older := untilKept(after(t.rules.Load().imports, l.limit), &event)
	chargeAll(before, &event, t.node.clock.now())
	if older != nil {
		l.limit = older
		older.coalescer.keep(&event, l)
		return
	}
	l.importer.deliver(t.node.handling, &l.header, l.damage, l.payload, true)
}

// lateItem is an event that was in the queue of a handler or an export. It goes
// back there, before all that came after it, and has arrived when the queue's
// worker has processed it.
type lateItem[T any] struct {
	queue *queue[T]
	item  item[T]
}

func (l *lateItem[T]) goOn() { l.queue.putBack(&l.item) }

// keepItem gives the coalescer an event that its rule stopped.
func keepItem[T any](by *limit, q *queue[T], it *item[T]) {
	late := &lateItem[T]{queue: q, item: *it}
	late.item.keptBy = by
	event := limitedBy(&it.header)
	by.coalescer.keep(&event, late)
}
