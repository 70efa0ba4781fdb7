package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// found is a message of the stream.
type found struct {
	sequence, behind uint64    // behind: how many messages of the subject follow
	total, events    uint64    // total is 0 for one of a former version, which has one event
	at               time.Time // when it was stored
}

// next is the first message of a subject from a sequence on; ok is false if there is none. The
// server takes time for each subject that the pattern matches.
func (o *Outbox) next(ctx context.Context, subject string, from uint64) (f found, ok bool, err error) {
	request, err := json.Marshal(map[string]any{"seq": max(from, 1), "next_by_subj": subject, "batch": 1})
	if err != nil {
		return found{}, false, err
	}
	m, err := o.conn.RequestWithContext(ctx, "$JS.API.DIRECT.GET."+Stream, request)
	if err != nil {
		return found{}, false, fmt.Errorf("look for the next message of %s: %w", subject, err)
	}
	switch status := m.Header.Get("Status"); status {
	case "":
	case "404":
		return found{}, false, nil
	default:
		return found{}, false, fmt.Errorf("look for the next message of %s: the server says %s %s", subject, status, m.Header.Get("Description"))
	}
	var errs [3]error
	f.sequence, errs[0] = strconv.ParseUint(m.Header.Get(jetstream.SequenceHeader), 10, 64)
	f.behind, errs[1] = strconv.ParseUint(m.Header.Get("Nats-Num-Pending"), 10, 64)
	f.at, errs[2] = time.Parse(time.RFC3339Nano, m.Header.Get(jetstream.TimeStampHeaer))
	if err := errors.Join(errs[:]...); err != nil {
		return found{}, false, fmt.Errorf("look for the next message of %s: %w", subject, err)
	}
	f.total = readTotal(m.Header.Get(totalHeader))
	f.events = uint64(len(eventsOf(f.sequence, m.Header.Get(jetstream.SubjectHeader), m.Data)))
	return f, true, nil
}

// readTotal reads the header of a message; 0 for one of a former version.
func readTotal(header string) uint64 {
	total, err := strconv.ParseUint(header, 10, 64)
	if err != nil {
		return 0
	}
	return total
}

// totalOf is how many events of a type were ever stored, as the stream tells, and the sequence of
// the newest message, 0 for none. If all are gone, it counts anew.
func (o *Outbox) totalOf(ctx context.Context, kind string) (total, newest uint64, err error) {
	if newest, err = o.newest(ctx, kind+".*"); err != nil || newest == 0 {
		return 0, 0, err
	}
	m, err := o.stream.GetLastMsgForSubject(ctx, kind+"."+groupToken)
	switch {
	case err == nil:
		return readTotal(m.Header.Get(totalHeader)), newest, nil
	case !errors.Is(err, jetstream.ErrMsgNotFound):
		return 0, 0, fmt.Errorf("look at the newest message of %s: %w", kind, err)
	}
	first, ok, err := o.next(ctx, kind+".*", 1)
	if err != nil || !ok {
		return 0, newest, err
	}
	return first.behind + 1, newest, nil
}

// upTo is how many events of a type were ever stored with numbers up to this one, given how many
// were stored in all. While messages of a former version are there and new ones are stored, it may
// be too low for a moment.
func (o *Outbox) upTo(ctx context.Context, kind string, number, all uint64) (uint64, error) {
	from := sequenceOf(number + 1)
	first, ok, err := o.next(ctx, kind+".*", from)
	switch {
	case err != nil:
		return 0, err
	case !ok:
		return all, nil
	case first.total > 0:
		return first.total - min(first.total, first.above(number)), nil
	}
	group, ok, err := o.next(ctx, kind+"."+groupToken, 1)
	switch {
	case err != nil:
		return 0, err
	case !ok:
		return all - min(all, first.behind+1), nil
	}
	if first, ok, err = o.next(ctx, kind+".*", from); err != nil || !ok || first.total > 0 {
		return all, err // a moment ago there was one
	}
	former := group.total - min(group.total, group.events) // how many there were
	return former - min(former, first.behind-min(first.behind, group.behind)), nil
}

// above is how many events of the message have higher numbers than this one.
func (f found) above(number uint64) uint64 {
	if sequenceOf(number) == f.sequence {
		return min(f.events, lastPlace-number&lastPlace)
	}
	return f.events
}

// behind counts the events of a type with higher numbers than this one, of so many that were
// stored.
func (o *Outbox) behind(ctx context.Context, kind string, number, all uint64) (uint64, error) {
	before, err := o.upTo(ctx, kind, number, all)
	if err != nil {
		return 0, fmt.Errorf("count what waits of %s: %w", kind, err)
	}
	return all - min(all, before), nil
}

// totalOf is how many events of a type were ever stored.
func (s *sender) totalOf(kind string) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lanes[kind].total
}

// newest is the number of the newest event of a type that is known to be stored. totalOf counts it.
func (s *sender) newest(kind string) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return lastNumber(s.lanes[kind].last)
}

// held is how many events are in the stream.
func (s *sender) held() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.events
}

// count brings up to date how many events there are, after some were removed, and returns how many.
func (s *sender) count(ctx context.Context, o *Outbox) (events uint64, err error) {
	for kind, l := range s.lanes {
		removed, err := o.upTo(ctx, kind, 0, s.totalOf(kind))
		if err != nil {
			return 0, fmt.Errorf("count the events of %s: %w", kind, err)
		}
		s.mu.Lock()
		l.removed = min(removed, l.total)
		s.mu.Unlock()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = 0
	for _, l := range s.lanes {
		s.events += l.total - l.removed
	}
	return s.events, nil
}
