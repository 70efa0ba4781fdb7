package outbox

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/handout"
)

// Bound is how much of a type may wait for one service.
type Bound struct {
	// MaxMessages and MaxBytes bound what waits, MaxAge for how long. 0: no bound.
	MaxMessages, MaxBytes int64
	MaxAge                time.Duration
	// Lose gives up the oldest that waits, for this service alone. Otherwise new messages of the
	// type are refused.
	Lose bool
}

// load is what waits for a service that has a bound. An event counts from when it is put into a
// message that is to be stored, so that none gets in beyond the bound. Bytes are those of the
// events alone, exact for what this process has stored or read, and estimated for what a former one
// left.
type load struct {
	Bound
	service       string
	events, bytes atomic.Int64
	old           atomic.Bool // something waits for longer than MaxAge
	settled       handout.Sum // of the shelf, as far as it is subtracted; the library's goroutine's own
}

// problem says why an event more would be too much; "" if it is not.
func (l *load) problem(events, bytes int64) string {
	switch {
	case l.MaxMessages > 0 && events > l.MaxMessages:
		return fmt.Sprintf("%d wait for service %s, its max_events", l.MaxMessages, l.service)
	case l.MaxBytes > 0 && bytes > l.MaxBytes:
		return fmt.Sprintf("as much waits for service %s as may, its max_bytes is %d", l.service, l.MaxBytes)
	case l.old.Load():
		return fmt.Sprintf("the oldest waits for service %s for longer than %v, its max_age", l.service, l.MaxAge)
	}
	return ""
}

// admit counts an event for all loads of its type, unless one refuses it. beyond says that for one
// that loses more waits than its bound lets.
func admit(loads []*load, bytes int) (beyond bool, err error) {
	for at, l := range loads {
		events, sum := l.events.Add(1), l.bytes.Add(int64(bytes))
		switch {
		case !l.Lose:
			if problem := l.problem(events, sum); problem != "" {
				giveBack(loads[:at+1], 1, bytes)
				return false, fmt.Errorf("%w: %s", ErrFull, problem)
			}
		case l.problem(events, sum) != "":
			beyond = true
		}
	}
	return beyond, nil
}

// awaitRoom waits, where far more waits for a service that loses than its bound lets, until that
// was looked at, so that a burst does not fill the outbox before.
func (o *Outbox) awaitRoom(ctx context.Context, subject string) error {
	kind, _ := typeOf(subject)
	if !slices.ContainsFunc(o.library.loads[kind], (*load).farBeyond) {
		return nil
	}
	return o.awaitLook(ctx)
}

// awaitLook waits until the trimmer has looked once more. What all have handled, or was lost at a
// bound, has gone by then.
func (o *Outbox) awaitLook(ctx context.Context) error {
	looked := *o.trimmer.looked.Load()
	o.trimmer.soon()
	select {
	case <-looked:
	case <-o.trimmer.ended: // then nothing is stored
	case <-ctx.Done():
		return clock.EndOf(ctx)
	}
	return nil
}

// maxLooks is how often Store has the trimmer look before a full outbox refuses an event of a type
// of which a service loses: what makes it full may be on its way out.
const maxLooks = 10

// loses reports whether a service loses events of a type at its bound.
func (o *Outbox) loses(subject string) bool {
	kind, _ := typeOf(subject)
	return slices.ContainsFunc(o.library.loads[kind], func(l *load) bool { return l.Lose })
}

// farBeyond reports whether one that loses is beyond its bound by half of it.
func (l *load) farBeyond() bool {
	return l.Lose && l.problem(l.events.Load()*2/3, l.bytes.Load()*2/3) != ""
}

// giveBack uncounts events that were not stored.
func giveBack(loads []*load, events, bytes int) {
	for _, l := range loads {
		l.events.Add(int64(-events))
		l.bytes.Add(int64(-bytes))
	}
}

// account uncounts what was settled since the last time, and tells what the stream had no more.
func (s *shelf) account() {
	if missed := s.Missed(); missed > s.missed {
		s.library.outbox.config.Lost(s.kind.Subject, s.service, LostMissing, missed-s.missed)
		s.missed = missed
	}
	if s.load == nil {
		return
	}
	now := s.Settled()
	if was := s.load.settled; now != was {
		s.load.events.Add(-int64(now.Events - was.Events))
		s.load.bytes.Add(-int64(now.Bytes - was.Bytes))
		s.load.settled = now
	}
}

// calibrate sets what waits to what was counted, unless it has changed since: then the next count
// does. mean is the size of an event, for those of which none is known.
func (l *load) calibrate(before, counted, mean int64) {
	if !l.events.CompareAndSwap(before, counted) {
		return
	}
	bytes := l.bytes.Load()
	switch {
	case counted == 0:
		l.bytes.CompareAndSwap(bytes, 0)
	case before <= 0 || bytes <= 0:
		l.bytes.CompareAndSwap(bytes, counted*mean)
	case before != counted:
		l.bytes.CompareAndSwap(bytes, bytes*counted/before)
	}
}

// meanSize is that of all events of the stream, with their share of what their messages have
// beside.
func (o *Outbox) meanSize() int64 {
	return int64(o.stream.CachedInfo().State.Bytes / max(1, o.sender.held()))
}

// sum is what waits.
func (l *load) sum() *handout.Sum {
	return &handout.Sum{Events: uint64(max(0, l.events.Load())), Bytes: uint64(max(0, l.bytes.Load()))}
}

// restore estimates what waits by what a former process wrote down. How many there are is counted.
func (l *load) restore(was *handout.Sum) {
	if was != nil {
		l.events.Store(int64(was.Events))
		l.bytes.Store(int64(was.Bytes))
	}
}

// mean is the size of an event that waits.
func (l *load) mean() int64 {
	return max(1, l.bytes.Load()/max(1, l.events.Load()))
}
