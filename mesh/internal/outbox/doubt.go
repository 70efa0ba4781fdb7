package outbox

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// resolve finds out what became of the messages of which no answer came: there is one for each lane
// at most, and it is the next of its lane or is not stored. Then the lanes go on. One goroutine
// calls it.
func (s *sender) resolve(ctx context.Context, stream jetstream.Stream) error {
	s.mu.Lock()
	var doubtful []*lane
	for _, l := range s.lanes {
		if l.doubt != nil {
			doubtful = append(doubtful, l)
		}
	}
	s.mu.Unlock()
	if len(doubtful) == 0 {
		return nil
	}
	if err := s.pass(ctx, doubtful[0].subject); err != nil {
		return fmt.Errorf("find out whether events are stored: %w", err)
	}
	for _, l := range doubtful {
		if err := s.resolveLane(ctx, stream, l); err != nil {
			return fmt.Errorf("find out whether events are stored: %w", err)
		}
	}
	return nil
}

// pass waits until the server is through with all that was sent so far: it takes messages in turn,
// and refuses this one, which names another stream.
func (s *sender) pass(ctx context.Context, subject string) error {
	answer, err := s.conn.RequestMsgWithContext(ctx, &nats.Msg{Subject: subject, Header: nats.Header{jetstream.ExpectedStreamHeader: {"none"}}})
	if err != nil {
		return err
	}
	if err := verdict(answer); err == nil || errors.Is(err, ErrDisk) || errors.Is(err, ErrUncertain) {
		return fmt.Errorf("the server says %.100q", answer.Data)
	}
	return nil
}

// resolveLane looks whether the message in doubt is there. The lane's other fields do not change
// meanwhile, for nothing is sent.
func (s *sender) resolveLane(ctx context.Context, stream jetstream.Stream, l *lane) error {
	s.mu.Lock()
	p, from, total := l.doubt, l.last+1, l.total+uint64(len(l.doubt.ids))
	s.mu.Unlock()
	m, err := stream.GetMsg(ctx, from, jetstream.WithGetMsgSubject(l.subject))
	if err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil && m.Header.Get(totalHeader) == strconv.FormatUint(total, 10) {
		s.keep(l, p, m.Sequence)
	} else {
		giveBack(l.loads, len(p.ids), p.bytes())
	}
	for _, id := range p.ids {
		delete(s.flying, id)
	}
	l.doubt = nil
	s.advance(l)
	return nil
}
