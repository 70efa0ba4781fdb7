package logs

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// window is how long records are counted before their summary is written.
	window = 30 * time.Second
	// linesASecond and linesAtOnce bound all lines: no second has more than both together.
	linesASecond, linesAtOnce = 5, 5
	aLine                     = time.Second / linesASecond
	// maxCauses are remembered by all that says a cause, and so many more by the message alone: of
	// errors, and of all else, so that a storm of warnings hides no error.
	maxCauses = 128
	// maxErrors of one cause are told apart, so that an error with a name in it hides no other
	// cause.
	maxErrors = 8
)

// book remembers the causes of late records, and counts the records that are not written.
type book struct {
	mu     sync.Mutex
	lines  *rate.Limiter
	causes map[uint64]*cause // guarded by mu
	errors map[uint64]int    // guarded by mu: how many of causes differ in their error alone
	many   [2]int            // guarded by mu: how many of causes are no errors, and are
	late   int               // guarded by mu: causes that wait for room among the lines
	timer  *time.Timer       // guarded by mu; nil: nothing is to be done
	wakes  time.Time         // guarded by mu: when it ends
	ended  bool              // guarded by mu
}

// cause is what records have in common.
type cause struct {
	since  time.Time // when a line was written last, or the first record came
	told   bool      // a line was written
	grave  int       // index into book.many
	others bool      // it stands for all causes that there was no room for
	errors bool      // it stands for all errors of a cause that there was no room for
	whole  uint64    // index into book.errors; 0: it has no error
	// times counts the records that were not written. The others are those of the first of them.
	times   uint64
	at      time.Time
	pc      uintptr
	level   slog.Level // of the gravest
	message string
	held    slog.Handler // has its attributes; nil: they are not known yet
}

// line is what is to be written.
type line struct {
	to     slog.Handler
	record slog.Record
}

func (l line) write() error { return l.to.Handle(context.Background(), l.record) }

func newBook() *book {
	return &book{lines: rate.NewLimiter(linesASecond, linesAtOnce), causes: map[uint64]*cause{}, errors: map[uint64]int{}}
}

// does says what becomes of a record.
type does uint8

const (
	passes    does = iota // it is written now
	isCounted             // it is counted
	isKept                // it is counted, and its attributes are wanted: see book.keep
)

// note decides about one more record of a cause.
func (b *book) note(of causeOf, r slog.Record) (*cause, does) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended {
		return nil, passes
	}
	grave := 0
	if r.Level >= slog.LevelError {
		grave = 1
	}
	c, known := b.findLocked(of, grave)
	now := time.Now()
	if !known {
		c.since = now
		if b.late == 0 && b.lines.AllowN(now, 1) {
			c.told = true
			b.wakeLocked(now, window)
			return c, passes
		}
		b.late++
		b.wakeLocked(now, aLine)
	}
	c.level = max(c.level, r.Level)
	c.times++
	if c.times > 1 {
		return c, isCounted
	}
	c.at, c.pc, c.message = r.Time, r.PC, r.Message
	return c, isKept
}

// findLocked finds the cause of a record, or makes it. Where there is no room for its error, it is
// that of all errors of the cause; where there is none for that, the one of its message; and else
// one for all others.
func (b *book) findLocked(of causeOf, grave int) (c *cause, known bool) {
	exact := of.exact()
	for i, key := range [...]uint64{exact, of.whole, of.message, uint64(grave)} {
		if c := b.causes[key]; c != nil {
			return c, true
		}
		room := max(1, i) * maxCauses
		if i == 0 && exact != of.whole && b.errors[of.whole] >= maxErrors {
			continue
		}
		if others := i == 3; others || b.many[grave] < room {
			c := &cause{grave: grave, others: others, errors: i == 1 && exact != of.whole}
			if i == 0 && exact != of.whole {
				c.whole = of.whole
				b.errors[c.whole]++
			}
			b.causes[key] = c
			b.many[grave]++
			return c, false
		}
	}
	panic("unreachable: the others have a cause")
}

// forgetLocked drops a cause: the next record is the first again.
func (b *book) forgetLocked(key uint64, c *cause) {
	delete(b.causes, key)
	b.many[c.grave]--
	if c.whole == 0 {
		return
	}
	if b.errors[c.whole]--; b.errors[c.whole] == 0 {
		delete(b.errors, c.whole)
	}
}

// repeats counts one more record of a cause if all that it needs of one is known.
func (b *book) repeats(of causeOf) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.causes[of.exact()]
	if c == nil && b.errors[of.whole] >= maxErrors {
		c = b.causes[of.whole]
	}
	if c == nil || c.times == 0 {
		return false
	}
	c.times++
	return true
}

// keep adds the attributes of a record that was counted.
func (b *book) keep(c *cause, held slog.Handler) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c.held = held
}

// wakeLocked lets the book be looked through in a time, or earlier.
func (b *book) wakeLocked(now time.Time, after time.Duration) {
	switch at := now.Add(after); {
	case b.timer == nil:
		b.timer, b.wakes = time.AfterFunc(after, b.turn), at
	case at.Before(b.wakes):
		b.timer.Reset(after)
		b.wakes = at
	}
}

// turn writes what is due.
func (b *book) turn() {
	for _, l := range b.due() {
		_ = l.write() // who logs cannot be told; the next handler has had its chance
	}
}

// due takes the summaries that are to be written now, and lets the book be looked through again.
func (b *book) due() (lines []line) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended {
		return nil
	}
	now := time.Now()
	var ready []*cause
	next := window
	for key, c := range b.causes {
		left := window - now.Sub(c.since)
		switch {
		case c.told && left > 0:
			next = min(next, left)
		case c.times == 0:
			b.forgetLocked(key, c)
		case c.held != nil:
			ready = append(ready, c)
		default: // it was counted just now, and its attributes come
			next = min(next, aLine)
		}
	}
	sortCauses(ready)
	for len(ready) > 0 && b.lines.AllowN(now, 1) {
		lines = append(lines, ready[0].sum(now))
		ready = ready[1:]
	}
	if b.late = len(ready); b.late > 0 {
		next = aLine
	}
	b.timer = nil
	if len(b.causes) > 0 {
		b.wakeLocked(now, next)
	}
	return lines
}

// sortCauses puts errors first, and then what has waited longest.
func sortCauses(all []*cause) {
	slices.SortFunc(all, func(a, b *cause) int {
		return cmp.Or(cmp.Compare(b.level, a.level), a.since.Compare(b.since))
	})
}

// sum makes the line of what was counted, and begins anew.
func (c *cause) sum(now time.Time) line {
	r := slog.NewRecord(c.at, c.level, c.message, c.pc)
	if c.others {
		r.Message = "lines of many causes, the first of which is: " + c.message
	}
	if c.times > 1 || c.others { // else it is the record as it was, a little late
		r.Time = now
		r.AddAttrs(slog.Uint64("times", c.times), slog.Time("since", c.at), slog.Duration("within", now.Sub(c.since).Round(time.Millisecond)))
	}
	if c.errors {
		r.AddAttrs(slog.String("errors", "of many kinds"))
	}
	l := line{c.held, r}
	c.since, c.told, c.times, c.level, c.held = now, true, 0, 0, nil
	return l
}

// end takes all summaries. What comes later is written at once.
func (b *book) end() (lines []line) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = true
	if b.timer != nil {
		b.timer.Stop()
		b.timer = nil
	}
	var left []*cause
	for _, c := range b.causes {
		if c.times > 0 && c.held != nil { // else whoever is about to give its attributes is late
			left = append(left, c)
		}
	}
	clear(b.causes)
	clear(b.errors)
	b.many = [2]int{}
	sortCauses(left)
	now := time.Now()
	for _, c := range left {
		lines = append(lines, c.sum(now))
	}
	return lines
}
