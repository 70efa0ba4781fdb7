package outbox

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/handout"
)

// trimmer is the goroutine that looks at the stream and its shelves, removes what
// all services have handled, and keeps the mark and the statistics.
type trimmer struct {
	opened      time.Time
	lastAtOpen  uint64 // the stream's last sequence then
	oldestIsNew bool   // what the last look found was stored since then
	outbox      *Outbox
	mark        mark              // as it is on the disk
	past        history           // of the last sequence
	done        map[string]uint64 // up to where each type's messages have been removed
	tips        map[string]tip    // by a type's subject
	disk        disk
	lost        uint64 // messages that files lost while open
	failing     bool   // the last look failed, and that is in the log
	stats       atomic.Pointer[Stats]
	unseen      atomic.Int64                  // bytes sent since the last look
	unsaved     atomic.Pointer[error]         // why the floors could not be saved
	looked      atomic.Pointer[chan struct{}] // closed by the end of the next look

	kick, quit, ended chan struct{}
}

// tip is the sequence of a type's newest message, when the stream's was streamLast.
type tip struct{ seq, streamLast uint64 }

func newTrimmer(o *Outbox, m mark) *trimmer {
	t := &trimmer{
		opened: time.Now(),
		outbox: o,
		mark:   m,
		past:   history{keep: max(o.config.Duplicates, settleAfter(o.config))},
		done:   map[string]uint64{},
		tips:   map[string]tip{},
		disk:   disk{outbox: o},
		kick:   make(chan struct{}, 1),
		quit:   make(chan struct{}),
		ended:  make(chan struct{}),
	}
	t.stats.Store(&Stats{Identity: m.Identity})
	looked := make(chan struct{})
	t.looked.Store(&looked)
	state := o.stream.CachedInfo().State
	t.lastAtOpen = state.LastSeq
	t.past.add(state.LastTime, state.LastSeq)
	return t
}

// sent counts what is on its way, and has the stream looked at before a burst fills
// it with what was taken already.
func (t *trimmer) sent(bytes int) {
	quarter := t.outbox.config.MaxBytes / 4
	if sum := t.unseen.Add(int64(bytes)); sum > quarter && sum-int64(bytes) <= quarter {
		t.soon()
	}
}

// settleAfter is when what was stored counts as being on the disk: the server syncs
// at an interval, and may just have begun to.
func settleAfter(c Config) time.Duration { return 2 * c.SyncInterval }

func (t *trimmer) run() {
	defer close(t.ended)
	ticker, presence := time.NewTicker(t.outbox.config.tuning.interval), time.NewTicker(presenceInterval)
	defer ticker.Stop()
	defer presence.Stop()
	for {
		select {
		case <-t.quit:
			t.look(true)
			return
		case <-presence.C:
			if err := t.disk.missing(); err != nil {
				t.disk.fail(err)
			}
			continue
		case <-t.kick:
		case <-ticker.C:
			if t.outbox.sender.expired(t.turns()) {
				t.disk.fail(fmt.Errorf("no answer within %v", t.outbox.config.tuning.answerTimeout))
			}
		}
		t.look(false)
	}
}

// turns is how many ticks an answer may take.
func (t *trimmer) turns() uint64 {
	tuning := t.outbox.config.tuning
	return uint64(tuning.answerTimeout/tuning.interval) + 1
}

// soon asks for a look now.
func (t *trimmer) soon() {
	select {
	case t.kick <- struct{}{}:
	default: // asked already
	}
}

// stop ends the goroutine after a last look, and waits for it.
func (t *trimmer) stop(ctx context.Context) error {
	close(t.quit)
	select {
	case <-t.ended:
		return nil
	case <-ctx.Done():
		return clock.EndOf(ctx)
	}
}

// look does the work once. A look that fails is repeated with the next tick; the
// first of several is logged.
func (t *trimmer) look(final bool) {
	ctx, cancel := context.WithTimeout(context.Background(), t.outbox.config.tuning.answerTimeout)
	defer cancel()
	defer t.tellLooked()
	t.unseen.Store(0)
	err := t.disk.missing()
	if err == nil {
		err = t.disk.reset()
	}
	if err == nil {
		err = t.outbox.sender.resolve(ctx, t.outbox.stream)
	}
	if err == nil {
		if unsaved := t.unsaved.Swap(nil); unsaved != nil {
			err = *unsaved
		}
	}
	if err == nil {
		err = t.trim(ctx, final)
	}
	switch {
	case err == nil:
		t.disk.recover()
	case isWriteError(err):
		t.disk.fail(err)
	case !t.failing:
		t.outbox.config.Log.Error("look after the outbox", "error", err)
	}
	t.failing = err != nil
}

// tellLooked lets those go on who wait for a look. A look that had begun before they came is told
// too: it may have been too early for them, but the next has begun.
func (t *trimmer) tellLooked() {
	next := make(chan struct{})
	close(*t.looked.Swap(&next))
}

func (t *trimmer) trim(ctx context.Context, final bool) error {
	began := time.Now()
	info, err := t.outbox.stream.Info(ctx)
	if err != nil {
		return fmt.Errorf("look at the stream: %w", err)
	}
	now := time.Now()
	t.past.add(now, info.State.LastSeq)
	t.noticeLoss(info.State)
	events, err := t.outbox.sender.count(ctx, t.outbox)
	if err != nil {
		return err
	}
	stats, floors, err := t.readers(ctx, info)
	if err != nil {
		return err
	}
	switch lost, err := t.lose(ctx); {
	case err != nil:
		return err
	case lost: // and what is lost for them can go now, if nobody else waits for it
		if err := t.outbox.keeper.save(); err != nil {
			return err
		}
		if stats, floors, err = t.readers(ctx, info); err != nil {
			return err
		}
	}
	if stats.OldestAt, err = t.oldest(ctx, floors); err != nil {
		return err
	}
	if stats.Events = events; !t.crowded(info.State, events) {
		spare := t.past.before(now.Add(-t.outbox.config.Duplicates))
		for i := range floors {
			floors[i].upTo = min(floors[i].upTo, spare)
		}
	}
	for _, p := range plan(info.State.FirstSeq, floors, t.done) {
		if info, err = t.outbox.remove(ctx, &t.mark, p); err != nil {
			return fmt.Errorf("remove what was taken: %w", err)
		}
		if stats.Events, err = t.outbox.sender.count(ctx, t.outbox); err != nil {
			return err
		}
	}
	stats.At = began
	t.publish(stats, info)
	return t.renewMark(now, info.State, final)
}

// noticeLoss tells of messages that are gone and were not removed here: JetStream
// drops what it cannot read when it comes upon it.
func (t *trimmer) noticeLoss(state jetstream.StreamState) {
	removed := state.LastSeq - state.Msgs
	if t.mark.Removing || removed <= t.mark.Removed {
		return
	}
	t.lost += removed - t.mark.Removed
	t.mark.Removed = removed // renewMark writes it: it has been told
	t.outbox.config.Log.Error("the outbox lost messages: a file of it is damaged",
		"messages", t.lost, "dir", t.outbox.streamDir())
}

// crowded: the stream is more than half full, or the disk is, and then nothing is kept only to
// recognize a second message of its id.
func (t *trimmer) crowded(state jetstream.StreamState, events uint64) bool {
	c := t.outbox.config
	return t.outbox.diskError() != nil || state.Bytes > uint64(c.MaxBytes)/2 || c.MaxMessages > 0 && events > uint64(c.MaxMessages)/2
}

// renewMark writes what is on the disk by now. The last mark, of Close, is exact.
func (t *trimmer) renewMark(now time.Time, state jetstream.StreamState, final bool) error {
	next := t.mark
	next.Last = max(next.Last, t.past.before(now.Add(-settleAfter(t.outbox.config))))
	if final {
		next.Last = state.LastSeq
	}
	next.Removed = state.LastSeq - state.Msgs
	if next == t.mark {
		return nil
	}
	if err := writeMark(t.outbox.config.Dir, next); err != nil {
		return fmt.Errorf("write the mark: %w", err)
	}
	t.mark = next
	return nil
}

// saveFailed is told when the floors could not be saved.
func (t *trimmer) saveFailed(why error) {
	t.unsaved.Store(&why)
	t.soon()
}

// readers looks at the shelves of every type.
func (t *trimmer) readers(ctx context.Context, info *jetstream.StreamInfo) (*Stats, []span, error) {
	stats := &Stats{}
	var floors []span
	for _, kind := range t.outbox.config.Types {
		if len(kind.Services) == 0 {
			continue
		}
		var handled []uint64
		for _, s := range t.outbox.library.shelves {
			if s.kind.Subject != kind.Subject {
				continue
			}
			reader, err := t.reader(ctx, s)
			if err != nil {
				return nil, nil, err
			}
			stats.Readers = append(stats.Readers, reader)
			handled = append(handled, wholeUpTo(s.saved.Load()))
		}
		newest, err := t.newest(ctx, kind.wire(), info.State.LastSeq)
		if err != nil {
			return nil, nil, err
		}
		floors = append(floors, span{subject: kind.wire(), upTo: floor(info.State.LastSeq, newest, handled)})
	}
	return stats, floors, nil
}

// reader is what is known of a shelf.
func (t *trimmer) reader(ctx context.Context, s *shelf) (Reader, error) {
	r := Reader{Service: s.service, Subject: s.kind.Subject}
	var counts handout.Counts
	var known, unsettled uint64
	before, idle := int64(0), false
	if s.load != nil {
		before = s.load.events.Load() // first: what is counted in it and not stored is not idle then
		idle = t.outbox.sender.idle(s.kind.Subject)
	}
	look := func() {
		r.Exists, counts, known, unsettled = s.came, s.Counts(), s.Known(), s.Unsettled()
	}
	t.outbox.library.with(look)
	unread, err := t.unread(ctx, s, known)
	if err != nil {
		return r, err
	}
	for _, many := range counts.UnderWay {
		r.Unacked += many
	}
	r.AsideBytes = counts.AsideBytes
	r.Aside, r.Redelivered, r.Lost = counts.Aside+counts.Parked, counts.Redelivered, counts.Oversize+counts.Missing+s.beyond.Load()
	// Under way may be some that were settled by others meanwhile.
	r.Pending = unread + unsettled - min(unsettled, uint64(r.Unacked+r.Aside))
	if s.load != nil && idle {
		s.load.calibrate(before, int64(unread+unsettled), t.outbox.meanSize())
	}
	return r, nil
}

// unread is how many events follow what a shelf knows.
func (t *trimmer) unread(ctx context.Context, s *shelf, known uint64) (uint64, error) {
	if _, all, ok := s.tail.after(known, 0); ok {
		return uint64(all), nil
	}
	o := t.outbox
	unread, err := o.behind(ctx, s.kind.Subject, known, o.sender.totalOf(s.kind.Subject))
	if err == nil {
		o.library.do(ctx, func() { s.feed.watch(unread) })
	}
	return unread, err
}

// newest is the sequence of a type's newest message, 0 if there is none. While the
// stream has not grown it is what it was, or was removed.
func (t *trimmer) newest(ctx context.Context, subject string, last uint64) (uint64, error) {
	known := t.tips[subject]
	if known.streamLast == last && last > 0 {
		return known.seq, nil
	}
	var err error
	if known.seq, err = t.outbox.newest(ctx, subject); err != nil {
		return 0, err
	}
	known.streamLast = last
	t.tips[subject] = known
	return known.seq, nil
}

// newest is the sequence of the newest message of a subject, 0 if there is none.
func (o *Outbox) newest(ctx context.Context, subject string) (uint64, error) {
	message, err := o.stream.GetLastMsgForSubject(ctx, subject)
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return 0, nil
	case err != nil:
		return 0, fmt.Errorf("look at the newest message of %s: %w", subject, err)
	}
	return message.Sequence, nil
}

// waitedFor is how long the oldest message has waited, given when the outbox was opened and how
// long ago by the monotonic clock. A wall clock that was set since then makes no message older: one
// that was stored since then has waited for no longer than that.
func waitedFor(opened time.Time, elapsed time.Duration, oldest time.Time, isNew bool) time.Duration {
	waited := opened.Add(elapsed).Sub(oldest)
	if isNew {
		waited = min(waited, elapsed)
	}
	return waited
}

// oldest is when the oldest message was stored that somebody has to take yet, zero if
// there is none, given the floor of each type.
func (t *trimmer) oldest(ctx context.Context, floors []span) (oldest time.Time, err error) {
	for _, f := range floors {
		message, err := t.outbox.stream.GetMsg(ctx, f.upTo+1, jetstream.WithGetMsgSubject(f.subject))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			return time.Time{}, fmt.Errorf("look at the oldest message of %s: %w", f.subject, err)
		}
		if oldest.IsZero() || message.Time.Before(oldest) {
			oldest, t.oldestIsNew = message.Time, message.Sequence > t.lastAtOpen
		}
	}
	return oldest, nil
}
