package rules

import (
	"container/list"
	"context"
	"sync"
	"sync/atomic"
	"time"

	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/stats"
)

// lines are where events wait for a rule: one line for each key, first come first served. Who waits
// holds no token and no place, so one who gives up costs nobody anything. There is no goroutine
// while nobody waits. The nil lines are empty.
//
// A line is there while events wait in it, and while one that was kept in it is on its way: all of
// the key that come meanwhile join it, or they would overtake that one.
type lines struct {
	clock *clock.Clock
	count atomic.Int64 // of lines, to be read without the lock

	mu      sync.Mutex
	rule    *Rule            // guarded by mu: the one in force; rules that differ in numbers only take lines over
	byKey   map[string]*line // guarded by mu
	events  int              // guarded by mu: in all lines
	bytes   int              // guarded by mu: of payloads, as far as known
	going   int              // guarded by mu: kept events that were served and are not back where they were yet
	letsAll bool             // guarded by mu: the rule is gone, or the node waits for nothing any more
	// returning says that events which can go back to where they came from wait no longer.
	returning bool // guarded by mu

	// serving is held from when events are served until they have gone: they go in order. Who holds
	// it may take that of a rule which is asked after this one.
	serving sync.Mutex
	timers  sync.WaitGroup // runs by timer that are to come or under way
}

// line is the events of one key.
type line struct {
	waiters list.List // of *waiter
	coming  int       // how many events are on their way to here or from here
	due     int64     // when the bucket has a token for the first one
	timer   *time.Timer
}

// waiter is one event in a line: its caller waits, or the rule keeps it.
type waiter struct {
	since   int64
	size    int
	returns bool          // when the node closes, to where it came from
	served  chan struct{} // closed when the caller may go on; nil if the event is kept
	kept    Kept
}

// maxWaiting and maxWaitingBytes bound what waits for one rule and event type in all lines
// together. What events hold as Go values is not known, and bounded by their number alone.
const (
	maxWaiting      = 1 << 16
	maxWaitingBytes = 64 << 20
)

// lateness is how late a timer may be for events still to go as if it had been on time: else each
// would cost its line a little of the rate.
const lateness = int64(20 * time.Millisecond)

func newLines(r *Rule, c *clock.Clock) *lines {
	return &lines{clock: c, rule: r, byKey: map[string]*line{}}
}

// busy reports whether an event has to join the line of its key.
func (l *lines) busy(r *Rule, e *Event) bool { // short enough to be inlined
	return l != nil && l.count.Load() != 0 && l.has(r, e)
}

func (l *lines) has(r *Rule, e *Event) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.byKey[r.keyOf(e)] != nil
}

// full reports whether no more events may wait.
func (l *lines) full(key string, size int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.events >= maxWaiting || l.bytes+size > maxWaitingBytes {
		return true
	}
	in := l.byKey[key]
	return in != nil && in.waiters.Len()+in.coming >= l.rule.config.Waiting
}

// endsBefore reports whether a time comes before the turn of who joins a line now. With calls
// nobody knows.
func (l *lines) endsBefore(key string, deadline time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.rule.calls != nil {
		return false
	}
	now := l.clock.Now()
	var wait time.Duration
	if in := l.byKey[key]; in != nil && in.waiters.Len() > 0 {
		ahead := float64(in.waiters.Len()) / float64(l.rule.config.Limit.Rate)
		wait = time.Duration(max(0, in.due-now)) + time.Duration(ahead*float64(time.Second))
	} else {
		wait = l.rule.buckets.Next(key, now)
	}
	return wait > time.Until(deadline)
}

// await waits in a line. It returns nil when it is the caller's turn, or why the wait ended, and
// how long it took. The first event of a line goes before all others.
func (l *lines) await(ctx context.Context, key string, closing <-chan struct{}, first bool) (waited time.Duration, why error) {
	w := &waiter{since: l.clock.Now(), served: make(chan struct{})}
	at := l.join(key, w, first)
	l.serve(key)
	select {
	case <-w.served:
	case <-ctx.Done():
		why = endOfWait(ctx, nil)
	case <-closing:
		why = endOfWait(context.Background(), closing)
	}
	if why != nil && !l.leave(key, at) {
		why = nil // it was served meanwhile
	}
	return time.Duration(l.clock.Now() - w.since), why
}

// keep takes an event into a line.
func (l *lines) keep(key string, e *Event, kept Kept, returns bool) {
	l.join(key, &waiter{since: l.clock.Now(), size: e.Size, returns: returns, kept: kept}, false)
	l.serve(key)
}

func (l *lines) join(key string, w *waiter, first bool) *list.Element {
	l.mu.Lock()
	defer l.mu.Unlock()
	in := l.lineLocked(key)
	l.events++
	l.bytes += w.size
	if first {
		return in.waiters.PushFront(w)
	}
	return in.waiters.PushBack(w)
}

// leave takes one who waits out of its line, and reports whether it still was there.
func (l *lines) leave(key string, at *list.Element) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at.Value == nil {
		return false
	}
	l.removeLocked(key, at)
	return true
}

func (l *lines) removeLocked(key string, at *list.Element) {
	in := l.byKey[key]
	in.waiters.Remove(at)
	l.events--
	l.bytes -= at.Value.(*waiter).size
	at.Value = nil
	l.dropLocked(key)
}

// expect announces an event that will be kept, or will not come: then it must be followed by
// arrived.
func (l *lines) expect(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lineLocked(key).coming++
}

// arrived says that an event which was kept or expected is on its way no longer.
func (l *lines) arrived(key string) {
	l.mu.Lock()
	in := l.byKey[key]
	in.coming--
	waits := l.rule.calls != nil && in.waiters.Len() > 0
	l.dropLocked(key)
	l.mu.Unlock()
	if waits { // a place that was left for the event may be free now
		l.serve(key)
	}
}

func (l *lines) lineLocked(key string) *line {
	in := l.byKey[key]
	if in == nil {
		in = &line{}
		l.byKey[key] = in
		l.count.Add(1)
	}
	return in
}

// dropLocked forgets a line that nobody needs.
func (l *lines) dropLocked(key string) {
	in := l.byKey[key]
	if in.coming > 0 || in.waiters.Len() > 0 {
		return
	}
	l.stopLocked(in)
	delete(l.byKey, key)
	l.count.Add(-1)
}

// serve lets go on whose turn it is in a line, in order.
func (l *lines) serve(key string) {
	l.serving.Lock()
	defer l.serving.Unlock()
	for {
		w, by := l.next(key)
		if w == nil {
			return
		}
		if w.served != nil {
			close(w.served)
			continue
		}
		w.kept.GoOn(by)
		l.mu.Lock()
		l.going--
		l.mu.Unlock()
	}
}

// next takes the first of a line out of it, if it is its turn.
func (l *lines) next(key string) (w *waiter, by *Rule) {
	l.mu.Lock()
	defer l.mu.Unlock()
	in := l.byKey[key]
	if in == nil || in.waiters.Len() == 0 {
		return nil, nil
	}
	first := in.waiters.Front()
	w = first.Value.(*waiter)
	if !l.isTurnLocked(key, in, w) && !l.letsAll {
		if first = l.returningLocked(in); first == nil {
			return nil, nil
		}
		w = first.Value.(*waiter)
	}
	if w.kept != nil {
		in.coming++
		l.going++
	}
	l.removeLocked(key, first)
	return w, l.rule
}

// isTurnLocked takes what the first one of a line needs to go on, if it is there.
func (l *lines) isTurnLocked(key string, in *line, w *waiter) bool {
	if c := l.rule.calls; c != nil {
		if w.kept != nil { // it takes its place when it is back: one for each that is under way is left free
			return c.free(key) > in.coming
		}
		return c.begin(key) || l.letsAll && c.force(key)
	}
	now := l.clock.Now()
	if l.letsAll || in.timer != nil && now < in.due {
		return l.letsAll
	}
	buckets, at := l.rule.buckets, now
	if in.due > 0 && in.due <= now && now-in.due < lateness {
		at = in.due
	}
	in.due = 0
	if goesOn, _ := buckets.Allow(key, at); goesOn {
		in.due = at + int64(buckets.Next(key, at))
		l.stopLocked(in) // it was for this one
		return true
	}
	wait := buckets.Next(key, now)
	in.due = now + int64(wait)
	if l.stopLocked(in); in.timer == nil {
		l.timers.Add(1)
		in.timer = time.AfterFunc(wait, func() { l.ring(key, in) })
	}
	return false
}

// returningLocked is the first of a line that goes although it is not its turn; nil: none does.
func (l *lines) returningLocked(in *line) *list.Element {
	if !l.returning {
		return nil
	}
	for at := in.waiters.Front(); at != nil; at = at.Next() {
		if w := at.Value.(*waiter); w.returns {
			return at
		}
	}
	return nil
}

// stopLocked ends the timer of a line, unless it has run off.
func (l *lines) stopLocked(in *line) {
	if in.timer != nil && in.timer.Stop() {
		in.timer = nil
		l.timers.Done()
	}
}

// ring is the timer of a line.
func (l *lines) ring(key string, in *line) {
	defer l.timers.Done()
	l.mu.Lock()
	in.timer = nil
	l.mu.Unlock()
	l.serve(key)
}

// serveAll lets go on whose turn it is in all lines.
func (l *lines) serveAll() {
	l.mu.Lock()
	keys := make([]string, 0, len(l.byKey))
	for key := range l.byKey {
		keys = append(keys, key)
	}
	l.mu.Unlock()
	for _, key := range keys {
		l.serve(key)
	}
}

// handOver gives the lines to a rule that differs in its numbers only.
func (l *lines) handOver(to *Rule) {
	l.mu.Lock()
	l.rule = to
	for _, in := range l.byKey {
		in.due = 0
	}
	l.mu.Unlock()
	l.serveAll()
}

// letGo lets all go on, now and from then on, and waits for timers.
func (l *lines) letGo() {
	l.mu.Lock()
	l.letsAll = true
	for _, in := range l.byKey {
		l.stopLocked(in)
	}
	l.mu.Unlock()
	l.serveAll()
	l.timers.Wait()
}

// letReturn lets go the events that can go back to where they came from, now and from then on.
func (l *lines) letReturn() {
	l.mu.Lock()
	l.returning = true
	l.mu.Unlock()
	l.serveAll()
}

// kept is how many events are in the hands of the lines, those not counted whose callers wait.
func (l *lines) kept() (sum int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	sum = int64(l.going)
	for _, in := range l.byKey {
		for at := in.waiters.Front(); at != nil; at = at.Next() {
			if at.Value.(*waiter).kept != nil {
				sum++
			}
		}
	}
	return sum
}

// stats tells who waits; false if nobody does.
func (l *lines) stats(now int64) (s stats.Line, waits bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	step := l.rule.refused.Step()
	s = stats.Line{Type: step.Type, Place: step.Place.String(), Rule: step.Rule, Waiting: l.events, Bytes: l.bytes}
	longest := 0
	for key, in := range l.byKey {
		first := in.waiters.Front()
		if first == nil {
			continue
		}
		s.Keys++
		s.Oldest = max(s.Oldest, time.Duration(now-first.Value.(*waiter).since))
		if n := in.waiters.Len(); n > longest || n == longest && key < s.Longest {
			longest, s.Longest = n, key
		}
	}
	return s, l.events > 0
}
