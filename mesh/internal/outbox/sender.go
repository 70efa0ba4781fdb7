package outbox

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"leafmesh/mesh/internal/clock"
)

// sender puts events into messages, sends these, and tells what the server answers.
//
// jetstream.PublishAsync is not used: it notices only by a timer for each message that the server
// gives no answer, as after a write that failed; and it repeats, after a wait, what found no
// stream, so that later messages overtake.
type sender struct {
	conn  *nats.Conn
	sub   *nats.Subscription
	inbox string           // what the reply subjects begin with
	lanes map[string]*lane // by a type's subject; not changed
	most  uint64           // events in the stream; 0: no bound
	clock *clock.Clock
	turn  atomic.Uint64 // counts calls of expired: a clock that costs nothing

	ready    chan struct{} // closed when it is known which ids were stored lately
	patience time.Duration // how long ready may take

	full   func()          // called when a bound is reached
	stored func()          // called when a tail has something new
	bytes  func(bytes int) // called with what is on its way

	mu     sync.Mutex
	known  *known                // guarded by mu; before ready, learn's own
	flying map[[16]byte]*Pending // guarded by mu: the ids of what is not answered
	events uint64                // guarded by mu: in the stream
	ending chan struct{}         // guarded by mu: not nil after close: closed when nothing is under way
	quit   chan struct{}         // closed by close
}

func newSender(conn *nats.Conn, c Config) *sender {
	return &sender{
		conn:     conn,
		inbox:    conn.NewInbox() + ".",
		lanes:    map[string]*lane{},
		most:     uint64(c.MaxMessages),
		clock:    c.Clock,
		known:    newKnown(c.Duplicates, maxKnown),
		ready:    make(chan struct{}),
		patience: c.tuning.answerTimeout,
		flying:   map[[16]byte]*Pending{},
		quit:     make(chan struct{}),
	}
}

// start begins to hear the answers. The lanes are there by now.
func (s *sender) start() (err error) {
	for kind, l := range s.lanes {
		l.inbox = s.inbox + kind + "."
	}
	s.sub, err = s.conn.Subscribe(s.inbox+">", s.hear)
	return err
}

// Store sends an event on its way, under the subject of one of the types and
// a key. The events of a type are stored in the order of the calls. It returns before the event
// is stored: see Pending. While as many events wait as a message holds it waits, until ctx
// ends. The id makes the event one with every other of that id. The caller sees to
// the size, and may use event again when Store has returned.
// Errors: ErrFull, ErrDisk, ErrClosed, or ctx's, also if it had ended before; the event is not
// stored then.
func (o *Outbox) Store(ctx context.Context, subject string, id [16]byte, event []byte) (*Pending, error) {
	p, err := o.store(ctx, subject, id, event)
	if err != nil {
		return nil, fmt.Errorf("store %s: %w", subject, err)
	}
	return p, nil
}

func (o *Outbox) store(ctx context.Context, subject string, id [16]byte, event []byte) (*Pending, error) {
	disk := o.diskError()
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case disk != nil:
		return nil, disk
	case o.overAge.Load():
		return nil, fmt.Errorf("%w: the oldest event waits for longer than %v", ErrFull, o.config.MaxAge)
	}
	if err := o.awaitRoom(ctx, subject); err != nil {
		return nil, err
	}
	p, err := o.sender.store(ctx, subject, id, event)
	for range maxLooks {
		if !errors.Is(err, ErrFull) || !o.loses(subject) || o.awaitLook(ctx) != nil {
			break
		}
		p, err = o.sender.store(ctx, subject, id, event)
	}
	return p, err
}

func (s *sender) store(ctx context.Context, subject string, id [16]byte, event []byte) (*Pending, error) {
	kind, key := typeOf(subject)
	l := s.lanes[kind]
	if l == nil {
		return nil, fmt.Errorf("%s is no durable export", kind)
	}
	if err := s.awaitReady(ctx); err != nil {
		return nil, err
	}
	for {
		p, leaves, err := s.put(l, id, key, event)
		if leaves == nil {
			return p, err
		}
		select {
		case <-leaves:
		case <-s.quit:
			return nil, ErrClosed
		case <-ctx.Done():
			return nil, clock.EndOf(ctx)
		}
	}
}

// awaitReady waits until it is known which ids were stored lately.
func (s *sender) awaitReady(ctx context.Context) error {
	select {
	case <-s.ready:
		return nil
	default:
	}
	timer := time.NewTimer(s.patience)
	defer timer.Stop()
	select {
	case <-s.ready:
		return nil
	case <-s.quit:
		return ErrClosed
	case <-ctx.Done():
		return clock.EndOf(ctx)
	case <-timer.C:
		return fmt.Errorf("%w: the ids of what was stored lately are not read within %v", ErrDisk, s.patience)
	}
}

// put puts an event into what its lane sends next. If there is no room it returns what is closed
// when there may be.
func (s *sender) put(l *lane, id [16]byte, key string, event []byte) (p *Pending, leaves chan struct{}, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ending != nil {
		return nil, nil, ErrClosed
	}
	if s.known.has(id) {
		return storedBefore, nil, nil
	}
	if p := s.flying[id]; p != nil {
		return s.other(l, p), nil, nil
	}
	if l.open != nil && !l.open.hasRoom(len(event)) {
		return nil, l.leaves, nil
	}
	if s.most > 0 && s.events+uint64(len(s.flying)) >= s.most {
		s.full()
		return nil, nil, fmt.Errorf("%w: it has %d events", ErrFull, s.most)
	}
	beyond, err := admit(l.loads, len(event))
	if err != nil {
		return nil, nil, err
	}
	if beyond {
		s.full()
	}
	if l.open == nil {
		l.open, l.leaves = &Pending{done: make(chan struct{}), contents: l.spare}, make(chan struct{})
		l.spare = contents{}
	}
	l.open.add(id, key, event)
	s.flying[id] = l.open
	p = l.open
	s.advance(l)
	return p, nil, nil
}

// other is what a second event of the id of one that is not answered gets to wait for.
func (s *sender) other(l *lane, p *Pending) *Pending {
	if p == l.doubt {
		return settled(ErrUncertain)
	}
	return &Pending{first: p}
}

// advance sends what waits, if nothing is under way. The caller has the lock.
func (s *sender) advance(l *lane) {
	if l.open == nil || l.sent != nil || l.doubt != nil {
		return
	}
	p := l.take()
	p.turn = s.turn.Load()
	l.sent = p
	l.number++
	m := p.natsMessage(l.subject, l.inbox+strconv.FormatUint(l.number, 36), l.total+uint64(len(p.ids)))
	s.bytes(len(l.subject) + len(m.Data))
	if err := s.conn.PublishMsg(m); err != nil {
		l.sent = nil
		s.end(l, p, fmt.Errorf("publish: %w", err))
	}
}

// hear takes an answer. It runs in the subscription's goroutine, which ends with close.
func (s *sender) hear(m *nats.Msg) {
	kind, number, ok := cutLast(strings.TrimPrefix(m.Subject, s.inbox))
	l := s.lanes[kind]
	if !ok || l == nil {
		return // nobody else knows the inbox
	}
	err := verdict(m)
	var sequence uint64
	if err == nil && !readSequence(m.Data, &sequence) {
		err = fmt.Errorf("%w: unknown answer %.100q", ErrUncertain, m.Data)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := l.sent
	if p == nil || number != l.number {
		return // it was abandoned
	}
	l.sent = nil
	if err == nil {
		s.keep(l, p, sequence)
		l.tail.add(p.feds(sequence)...)
	}
	if errors.Is(err, ErrUncertain) {
		s.doubt(l, p, err)
		return
	}
	s.advance(l)
	s.end(l, p, err)
	if err == nil {
		s.stored()
	}
	if errors.Is(err, ErrFull) {
		s.full()
	}
}

func cutLast(text string) (before string, last uint64, ok bool) {
	end := strings.LastIndexByte(text, '.')
	if end < 0 {
		return "", 0, false
	}
	last, err := strconv.ParseUint(text[end+1:], 36, 64)
	return text[:end], last, err == nil
}

// keep notes that a message is stored. The caller has the lock.
func (s *sender) keep(l *lane, p *Pending, sequence uint64) {
	l.last = sequence
	l.total += uint64(len(p.ids))
	s.events += uint64(len(p.ids))
	now := s.clock.Now()
	for _, id := range p.ids {
		s.known.add(id, now)
	}
}

// end tells what became of events: they are stored, or an error says why not. The caller has the
// lock.
func (s *sender) end(l *lane, p *Pending, err error) {
	if err != nil {
		giveBack(l.loads, len(p.ids), p.bytes())
	}
	for _, id := range p.ids {
		delete(s.flying, id)
	}
	l.spare, p.contents = p.contents, contents{}
	l.spare.reset()
	p.tell(err)
	s.ended()
}

// doubt tells that events may be stored. Until that is known nothing more is sent, and their ids
// are remembered: see resolve. The caller has the lock.
func (s *sender) doubt(l *lane, p *Pending, why error) {
	l.doubt = p
	l.tail.cut()
	p.tell(why)
	s.full() // have a look at it soon
	s.ended()
}

// ended tells close when nothing is under way any more. The caller has the lock.
func (s *sender) ended() {
	if s.ending == nil {
		return
	}
	for _, l := range s.lanes {
		if l.sent != nil || l.open != nil {
			return
		}
	}
	select {
	case <-s.ending:
	default:
		close(s.ending)
	}
}

// idle reports whether it is known of all events of a type what became of them.
func (s *sender) idle(kind string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lanes[kind]
	return l.open == nil && l.sent == nil && l.doubt == nil
}

// expired begins a turn, and reports whether a message has had no answer for more
// than so many. A turn is the time between two calls.
func (s *sender) expired(turns uint64) bool {
	now := s.turn.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lanes {
		if l.sent != nil && now-l.sent.turn > turns {
			return true
		}
	}
	return false
}

// abandon ends all that has no answer yet: what was sent may be stored, what was not is not.
func (s *sender) abandon(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lanes {
		if p := l.sent; p != nil {
			l.sent = nil
			s.doubt(l, p, fmt.Errorf("%w: %w", ErrUncertain, why))
		}
		if p := l.take(); p != nil {
			s.end(l, p, why)
		}
	}
}

// close refuses new events and waits until those under way are answered or ctx
// ends. Then what is left is uncertain. It is called once.
func (s *sender) close(ctx context.Context) error {
	s.mu.Lock()
	s.ending = make(chan struct{})
	for _, l := range s.lanes {
		if l.doubt != nil { // nothing more is sent
			if p := l.take(); p != nil {
				s.end(l, p, ErrClosed)
			}
		}
	}
	s.ended()
	s.mu.Unlock()
	close(s.quit)
	var err error
	select {
	case <-s.ending:
	case <-ctx.Done():
		err = clock.EndOf(ctx)
	}
	s.abandon(ErrClosed)
	if unsubscribe := s.sub.Unsubscribe(); err == nil && !s.conn.IsClosed() {
		err = unsubscribe
	}
	return err
}
