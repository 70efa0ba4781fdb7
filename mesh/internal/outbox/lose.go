package outbox

import (
	"context"
	"time"
)

// Loss is why events were given up for a service.
type Loss uint8

// The losses.
const (
	// LostFull: more waited for the service than its bound lets.
	LostFull Loss = iota
	// LostOversize: no reader of the service takes one as large.
	LostOversize
	// LostMissing: the stream has it no more.
	LostMissing
)

// lose gives up what waits beyond the bounds of services that lose, and reports whether there was
// any. It marks those that refuse and for which something waits for too long.
func (t *trimmer) lose(ctx context.Context) (lost bool, err error) {
	for _, s := range t.outbox.library.shelves {
		if s.load == nil {
			continue
		}
		upTo, err := t.tooMuch(ctx, s)
		if err != nil {
			return lost, err
		}
		if upTo == 0 {
			continue
		}
		many, err := t.loseUpTo(ctx, s, upTo)
		if err != nil {
			return lost, err
		}
		lost = lost || many > 0
	}
	return lost, nil
}

// slack is which part of a bound is made free beyond what has to be, so that not each event costs
// a search.
const slack = 8

// tooMuch is the number up to which a service loses what waits for it; 0: nothing.
func (t *trimmer) tooMuch(ctx context.Context, s *shelf) (upTo uint64, err error) {
	l, last := s.load, t.outbox.sender.newest(s.kind.Subject)
	events, bytes := l.events.Load(), l.bytes.Load()
	var first uint64
	t.outbox.library.with(func() { first = s.Floor() + 1 })
	old := false
	if l.MaxAge > 0 && events > 0 {
		if upTo, old, err = t.olderThan(ctx, s, first, last); err != nil {
			return 0, err
		}
	}
	if !l.Lose {
		l.old.Store(old)
		return 0, nil
	}
	may := events
	if l.MaxMessages > 0 && events > l.MaxMessages {
		may = l.MaxMessages - l.MaxMessages/slack
	}
	if l.MaxBytes > 0 && bytes > l.MaxBytes {
		may = min(may, (l.MaxBytes-l.MaxBytes/slack)/l.mean())
	}
	if may == events {
		return upTo, nil
	}
	most, err := firstWhere(first, last, func(number uint64) (bool, error) {
		left, err := t.leftAfter(ctx, s, number)
		return left <= uint64(max(0, may)), err
	})
	return max(upTo, most), err
}

// olderThan is the number up to which a service's events are older, and whether there are any. The
// events of a message were stored at the same time.
func (t *trimmer) olderThan(ctx context.Context, s *shelf, first, last uint64) (upTo uint64, any bool, err error) {
	youngFrom := func(sequence uint64) (bool, error) {
		f, ok, err := t.outbox.next(ctx, s.kind.wire(), sequence)
		if err != nil || !ok {
			return true, err
		}
		return waitedFor(t.opened, time.Since(t.opened), f.at, f.sequence > t.lastAtOpen) <= s.load.MaxAge, nil
	}
	if none, err := youngFrom(sequenceOf(first)); none || err != nil {
		return 0, false, err
	}
	upTo, err = firstWhere(sequenceOf(first), sequenceOf(last), func(sequence uint64) (bool, error) { return youngFrom(sequence + 1) })
	return lastNumber(upTo), true, err
}

// firstWhere is the lowest number of a range for which something holds, if it holds for all above
// too; the last if there is none.
func firstWhere(from, to uint64, holds func(uint64) (bool, error)) (uint64, error) {
	for from < to {
		middle := from + (to-from)/2
		does, err := holds(middle)
		if err != nil {
			return 0, err
		}
		if does {
			to = middle
		} else {
			from = middle + 1
		}
	}
	return to, nil
}

// leftAfter is how many events wait for a service when what waits up to a number is lost.
func (t *trimmer) leftAfter(ctx context.Context, s *shelf, number uint64) (uint64, error) {
	var unsettled, known uint64
	t.outbox.library.with(func() { unsettled, known = s.LeftAfter(number), s.Known() })
	unread, err := t.outbox.behind(ctx, s.kind.Subject, max(known, number), t.outbox.sender.totalOf(s.kind.Subject))
	return unsettled + unread, err
}

// loseUpTo gives up for a service what waits up to a number, and returns how much that was. It is
// counted before, so that nothing is lost that is not counted.
func (t *trimmer) loseUpTo(ctx context.Context, s *shelf, upTo uint64) (many uint64, err error) {
	l, o := s.load, t.outbox
	for done := false; !done; {
		var known uint64
		o.library.with(func() { known = s.Known() })
		unread, err := t.between(ctx, s.kind.Subject, known, upTo)
		if err != nil {
			return 0, err
		}
		if !o.library.do(ctx, func() {
			if done = s.Known() == known || unread == 0; !done {
				return // it read on meanwhile
			}
			mean := l.mean()
			many = unread + s.Lose(upTo, o.library.now())
			s.feed.reset()
			s.account()
			l.events.Add(-int64(unread))
			l.bytes.Add(-int64(unread) * mean)
			o.library.changed = true
		}) {
			return 0, nil // the node ends: what is too much is lost when it begins again
		}
	}
	if many > 0 {
		s.beyond.Add(many)
		o.config.Lost(s.kind.Subject, s.service, LostFull, many)
		o.library.log.Warn("events are lost for a service: more waits for it than its bound lets (full: lose)",
			"type", s.kind.Subject, "service", s.service, "events", many)
	}
	return many, nil
}

// between counts the events of a type after one number, up to another. The latter is not above that
// of the newest event known to be stored.
func (t *trimmer) between(ctx context.Context, kind string, after, upTo uint64) (uint64, error) {
	if upTo <= after {
		return 0, nil
	}
	total := t.outbox.sender.totalOf(kind)
	all, err := t.outbox.upTo(ctx, kind, upTo, total)
	if err != nil {
		return 0, err
	}
	before, err := t.outbox.upTo(ctx, kind, after, total)
	return all - min(all, before), err
}
