package handout

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"
)

// model is what a shelf should do, written to be plain: it looks at all events each time.
type model struct {
	config   Config
	now      int64
	events   []*modelEvent // in order
	readers  map[string]*modelReader
	order    Order
	position uint64
}

type modelEvent struct {
	Entry
	settled bool
	gone    bool // the stream has it no more
	tries   int
	done    map[string]bool
	due     int64
	given   bool
}

type modelReader struct {
	terms Terms
	held  []*modelHold // in the order in which they were given
}

type modelHold struct {
	event  *modelEvent
	since  int64 // the latest progress ahead of it
	late   bool
	repeat bool
}

// credit is what a reader has under way.
func (r *modelReader) credit() (events, bytes int) {
	for _, h := range r.held {
		bytes += h.event.Bytes
	}
	return len(r.held), bytes
}

func (r *modelReader) limit() int { return cmp.Or(r.terms.MaxPayload, math.MaxInt) }

func (r *modelReader) hold(e *modelEvent) *modelHold {
	for _, h := range r.held {
		if h.event == e {
			return h
		}
	}
	return nil
}

// live reports whether somebody has an event and is not late.
func (m *model) live(e *modelEvent) bool {
	for _, r := range m.readers {
		if h := r.hold(e); h != nil && !h.late {
			return true
		}
	}
	return false
}

// drop ends a hold.
func (r *modelReader) drop(e *modelEvent) {
	r.held = slices.DeleteFunc(r.held, func(h *modelHold) bool { return h.event == e })
}

// lose marks what readers hold without progress for too long.
func (m *model) lose() {
	for _, r := range m.readers {
		for _, h := range r.held {
			h.late = h.late || h.since+int64(m.config.Patience) <= m.now
		}
	}
}

// sameOrder reports whether two events are to keep their order.
func (m *model) sameOrder(a, b *modelEvent) bool {
	return a != b && (m.order == Strict || m.order == ByKey && a.Key == b.Key)
}

// overtakes reports whether an event of the same order comes before one and is not settled. What is
// gone from the stream may be settled.
func (m *model) overtakes(e *modelEvent) bool {
	return slices.ContainsFunc(m.events, func(o *modelEvent) bool {
		return m.sameOrder(e, o) && !o.settled && !o.gone && o.Sequence < e.Sequence
	})
}

// behind reports whether an event has to wait for another: also for a later one that was given
// before the order became stricter.
func (m *model) behind(e *modelEvent) bool {
	return slices.ContainsFunc(m.events, func(o *modelEvent) bool {
		held := false
		for _, r := range m.readers {
			held = held || r.hold(o) != nil
		}
		return m.sameOrder(e, o) && !o.settled && (o.Sequence < e.Sequence || held || o.due > m.now)
	})
}

// give checks a gift, and notes it. It returns what is wrong with it.
func (m *model) give(g Gift, dueHolds bool) string {
	at := slices.IndexFunc(m.events, func(e *modelEvent) bool { return e.Sequence == g.Sequence })
	if at < 0 {
		return "it was never offered"
	}
	e, r := m.events[at], m.readers[g.Reader]
	if r == nil {
		return "the reader is not there"
	}
	events, bytes := r.credit()
	switch {
	case g.Entry != e.Entry:
		return "it is not what was offered"
	case e.settled:
		return "it is settled"
	case m.live(e):
		return "somebody has it under way"
	case r.hold(e) != nil:
		return "the reader has it already"
	case dueHolds && e.due > m.now:
		return "it is not due"
	case events >= r.terms.Events || events > 0 && bytes+e.Bytes > r.terms.Bytes:
		return "the reader's credit is used up"
	case g.Tries != e.tries:
		return "its tries are wrong"
	case len(g.Done) != len(e.done):
		return "those who are done with it are wrong"
	case m.overtakes(e):
		return "it overtakes another"
	}
	for _, name := range g.Done {
		if !e.done[name] {
			return "one is not done with it"
		}
	}
	r.held = append(r.held, &modelHold{event: e, since: m.now, repeat: e.given})
	e.due, e.given = m.now, true
	return ""
}

// answer notes what a reader says, and returns whether it is believed.
func (m *model) answer(name string, a Reply) bool {
	r := m.readers[name]
	if r == nil {
		return false
	}
	at := slices.IndexFunc(r.held, func(h *modelHold) bool { return h.event.Sequence == a.Sequence })
	if at < 0 {
		return false
	}
	h := r.held[at]
	for _, behind := range r.held[at+1:] {
		if !h.late {
			behind.since = m.now
		}
	}
	r.drop(h.event)
	e := h.event
	if a.Verdict == Handled {
		e.settled = true
		return true
	}
	for _, d := range a.Done {
		if slices.Contains(r.terms.Handlers, d) {
			e.done[d] = true
		}
	}
	if a.Verdict == Again && !e.settled {
		e.tries++
	}
	e.due = max(e.due, m.now+int64(a.After))
	return true
}

// progress notes that what a reader was given has come as far as an event.
func (m *model) progress(name string, e *modelEvent) {
	held := m.readers[name].held
	at := slices.IndexFunc(held, func(h *modelHold) bool { return h.event == e })
	if held[at].late {
		return
	}
	for _, h := range held[at:] {
		h.since = m.now
	}
}

// floors are the lowest and the highest that the floor may be: what is gone may be noticed or not.
func (m *model) floors() (lowest, highest uint64) {
	lowest, highest = m.position, m.position
	for _, e := range m.events {
		if !e.settled {
			lowest = min(lowest, e.Sequence-1)
			if !e.gone {
				highest = min(highest, e.Sequence-1)
			}
		}
	}
	return lowest, highest
}

// idle is an event that could be given now and is not, nil if there is none. It is asked only while
// each reader has credit left for any event.
func (m *model) idle() *modelEvent {
	for _, r := range m.readers {
		if events, bytes := r.credit(); events >= r.terms.Events || events > 0 && bytes+largest > r.terms.Bytes {
			return nil
		}
	}
	for _, e := range m.events {
		if m.hogged(e) {
			continue
		}
		free := func(r *modelReader) bool { return r.hold(e) == nil && r.limit() >= e.Bytes }
		if !e.settled && !e.gone && !m.live(e) && e.due <= m.now && !m.behind(e) &&
			slices.ContainsFunc(slices.Collect(maps.Values(m.readers)), free) {
			return e
		}
	}
	return nil
}

// hogged reports whether an event may have to wait because others of its key, or others that were
// given before, are under way and may not take all credit.
func (m *model) hogged(e *modelEvent) bool {
	for _, r := range m.readers {
		for _, h := range r.held {
			if e.Key != "" && h.event.Key == e.Key || e.given && h.repeat {
				return true
			}
		}
	}
	return false
}

// settleOrder finds the strictest order that a reader asks for.
func (m *model) settleOrder() {
	if len(m.readers) > 0 {
		m.order = Unordered
		for _, r := range m.readers {
			m.order = max(m.order, r.terms.Ordered)
		}
	}
}

// restart forgets what a process forgets.
func (m *model) restart() {
	clear(m.readers)
	m.order = Unordered
}

// left is the longest time that a test lets pass at once.
const left = 20 * time.Second
