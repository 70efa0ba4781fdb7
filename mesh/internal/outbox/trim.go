package outbox

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"leafmesh/mesh/internal/clock"
)

// trimmer is the goroutine that looks at the stream and its consumers, removes what
// all services have taken, and keeps the mark and the statistics.
type trimmer struct {
	outbox  *Outbox
	mark    mark              // as it is on the disk
	past    history           // of the last sequence
	done    map[string]uint64 // up to where each type's messages have been removed
	tips    map[string]tip    // by a type's subject
	strange map[string]bool   // consumers that were complained about
	disk    disk
	lost    uint64 // messages that files lost while open
	failing bool   // the last look failed, and that is in the log
	stats   atomic.Pointer[Stats]
	unseen  atomic.Int64 // bytes sent since the last look

	kick, quit, ended chan struct{}
}

// tip is the sequence of a type's newest message, when the stream's was streamLast.
type tip struct{ seq, streamLast uint64 }

func newTrimmer(o *Outbox, m mark) *trimmer {
	t := &trimmer{
		outbox:  o,
		mark:    m,
		past:    history{keep: max(o.config.Duplicates, settleAfter(o.config))},
		done:    map[string]uint64{},
		tips:    map[string]tip{},
		strange: map[string]bool{},
		disk:    disk{outbox: o},
		kick:    make(chan struct{}, 1),
		quit:    make(chan struct{}),
		ended:   make(chan struct{}),
	}
	t.stats.Store(&Stats{Identity: m.Identity})
	state := o.stream.CachedInfo().State
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
	ticker := time.NewTicker(t.outbox.config.tuning.interval)
	defer ticker.Stop()
	for {
		select {
		case <-t.quit:
			t.look(true)
			return
		case <-t.kick:
		case <-ticker.C:
			if t.outbox.answers.expired(t.turns()) {
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
	t.unseen.Store(0)
	err := t.disk.reset()
	if err == nil {
		err = t.trim(ctx, final)
	}
	switch {
	case err == nil:
		t.disk.recover()
	case isWriteError(err):
		t.disk.fail(err)
	case !t.failing:
		t.outbox.config.Logger.Error("look after the outbox", "node", t.outbox.config.Node, "error", err)
	}
	t.failing = err != nil
}

func (t *trimmer) trim(ctx context.Context, final bool) error {
	info, err := t.outbox.stream.Info(ctx)
	if err != nil {
		return fmt.Errorf("look at the stream: %w", err)
	}
	now := time.Now()
	t.past.add(now, info.State.LastSeq)
	t.noticeLoss(info.State)
	stats, floors, err := t.readers(ctx, info)
	if err != nil {
		return err
	}
	if stats.OldestAt, err = t.oldest(ctx, floors); err != nil {
		return err
	}
	if !t.crowded(info.State) {
		spare := t.past.before(now.Add(-t.outbox.config.Duplicates))
		for i := range floors {
			floors[i].upTo = min(floors[i].upTo, spare)
		}
	}
	for _, p := range plan(info.State.FirstSeq, floors, t.done) {
		if info, err = t.outbox.remove(ctx, &t.mark, p); err != nil {
			return fmt.Errorf("remove what was taken: %w", err)
		}
	}
	t.publish(stats, info)
	return t.renewMark(now, info.State, final)
}

// noticeLoss tells of messages that are gone and were not removed here: JetStream
// drops what it can not read when it comes upon it.
func (t *trimmer) noticeLoss(state jetstream.StreamState) {
	removed := state.LastSeq - state.Msgs
	if t.mark.Removing || removed <= t.mark.Removed {
		return
	}
	t.lost += removed - t.mark.Removed
	t.mark.Removed = removed // renewMark writes it: it has been told
	t.outbox.config.Logger.Error("the outbox lost messages: a file of it is damaged",
		"node", t.outbox.config.Node, "messages", t.lost, "files", t.outbox.streamDir())
}

// crowded: the stream is more than half full, and then nothing is kept only to
// recognize a second message of its id.
func (t *trimmer) crowded(state jetstream.StreamState) bool {
	c := t.outbox.config
	return state.Bytes > uint64(c.MaxBytes)/2 || c.MaxMessages > 0 && state.Msgs > uint64(c.MaxMessages)/2
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

// readers looks at the consumers of every type.
func (t *trimmer) readers(ctx context.Context, info *jetstream.StreamInfo) (*Stats, []span, error) {
	stats := &Stats{}
	var floors []span
	for _, kind := range t.outbox.config.Types {
		var readers []reader
		for _, service := range kind.Services {
			s, r, err := t.reader(ctx, kind, service)
			if err != nil {
				return nil, nil, err
			}
			stats.Readers = append(stats.Readers, s)
			readers = append(readers, r)
		}
		newest, err := t.newest(ctx, kind.wire(), info.State.LastSeq)
		if err != nil {
			return nil, nil, err
		}
		floors = append(floors, span{subject: kind.wire(), upTo: floor(info.State.LastSeq, newest, readers)})
	}
	return stats, floors, nil
}

func (t *trimmer) reader(ctx context.Context, kind Type, service string) (Reader, reader, error) {
	s := Reader{Service: service, Subject: kind.Subject}
	name := ConsumerName(service, kind.Subject)
	consumer, err := t.outbox.stream.Consumer(ctx, name)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		return s, reader{}, nil
	}
	if err != nil {
		return s, reader{}, fmt.Errorf("look at consumer %s: %w", name, err)
	}
	info := consumer.CachedInfo()
	if problem := unfit(info.Config, kind); problem != "" {
		if !t.strange[name] {
			t.strange[name] = true
			t.outbox.config.Logger.Error("a consumer is not as it has to be: all of its type is kept",
				"node", t.outbox.config.Node, "consumer", name, "problem", problem)
		}
		return s, reader{}, nil
	}
	s.Exists = true
	s.Pending, s.Unacked, s.Redelivered = info.NumPending, info.NumAckPending, info.NumRedelivered
	return s, reader{exists: true, acked: info.AckFloor.Stream}, nil
}

// newest is the sequence of a type's newest message, 0 if there is none. While the
// stream has not grown it is what it was, or was removed.
func (t *trimmer) newest(ctx context.Context, subject string, last uint64) (uint64, error) {
	known := t.tips[subject]
	if known.streamLast == last && last > 0 {
		return known.seq, nil
	}
	message, err := t.outbox.stream.GetLastMsgForSubject(ctx, subject)
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		known.seq = 0
	case err != nil:
		return 0, fmt.Errorf("look at the newest message of %s: %w", subject, err)
	default:
		known.seq = message.Sequence
	}
	known.streamLast = last
	t.tips[subject] = known
	return known.seq, nil
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
			oldest = message.Time
		}
	}
	return oldest, nil
}

// unfit says why what a consumer acknowledged tells nothing of what its service has
// taken; "" if it does.
func unfit(c jetstream.ConsumerConfig, kind Type) string {
	switch {
	case c.FilterSubject != kind.wire():
		return fmt.Sprintf("it filters by %q instead of %q", c.FilterSubject, kind.wire())
	case c.AckPolicy != jetstream.AckExplicitPolicy:
		return "its acknowledgements are not explicit"
	case c.DeliverPolicy != jetstream.DeliverAllPolicy:
		return "it does not deliver all"
	case c.MaxDeliver > 0:
		return "it gives up after some deliveries"
	}
	return ""
}
