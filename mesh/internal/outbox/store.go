package outbox

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/wire"
)

// Pending is a message on its way into the stream.
type Pending struct {
	done chan struct{} // closed when err is known
	err  error         // read after done
	turn uint64        // in which it was sent, see answers.turn
	tail *tail         // of its type; nil for none
	kept fed           // what the tail gets, but for the sequence

	loads []*load // of services with a bound, which it counts for
	bytes int
}

// Wait returns when the message is stored: nil, also if it was stored before under
// the same id. Errors: ErrFull and ErrDisk (it is not stored); ErrUncertain, also
// when ctx ends first, for by then the message was sent; both ErrDisk and ErrUncertain when a write failed. It may be called more than once and by several goroutines.
func (p *Pending) Wait(ctx context.Context) error {
	select {
	case <-p.done:
		return p.err
	default:
	}
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrUncertain, clock.EndOf(ctx))
	}
}

// Store sends an event on its way, under the subject of one of the types and
// a key. Events are stored in the order of the calls. It returns before the event
// is stored: see Pending. While 1,024 messages are unanswered it waits, until ctx
// ends. The id makes the message one with every other of that id. The caller sees to
// the size, and may use event again when Store has returned.
// Errors: ErrFull, ErrDisk, ErrClosed, or ctx's, also if it had ended before; the message is not
// stored then.
func (o *Outbox) Store(ctx context.Context, subject string, id [16]byte, event []byte) (*Pending, error) {
	if ctx.Err() != nil {
		return nil, fmt.Errorf("store %s: %w", subject, context.Cause(ctx))
	}
	if o.unwritable.Load() {
		return nil, fmt.Errorf("store %s: %w: see the log", subject, ErrDisk)
	}
	if o.overAge.Load() {
		return nil, fmt.Errorf("store %s: %w: the oldest message waits for longer than %v", subject, ErrFull, o.config.MaxAge)
	}
	message := wire.AppendContainer(make([]byte, 0, wire.ContainerSize(len(event))), event)
	p := &Pending{done: make(chan struct{}), tail: o.tailOf(subject), bytes: len(event)}
	if p.tail != nil {
		p.kept = keep(subject, event)
		p.loads = o.library.loads[p.tail.subject]
	}
	if err := o.makeRoom(ctx, p); err != nil {
		return nil, fmt.Errorf("store %s: %w", subject, err)
	}
	err := o.answers.send(ctx, p, subject, id, message)
	if err != nil {
		giveBack(p.loads, p.bytes)
		return nil, fmt.Errorf("store %s: %w", subject, err)
	}
	o.trimmer.sent(len(subject) + len(message))
	return p, nil
}

// tailOf is that of the type of a message's subject.
func (o *Outbox) tailOf(subject string) *tail {
	if end := strings.LastIndexByte(subject, '.'); end > 0 {
		return o.library.tails[subject[:end]]
	}
	return nil
}

// keep is what a tail gets of an event: a copy, unless it is large.
func keep(subject string, event []byte) fed {
	e := newFed(subject, event)
	if e.message = nil; len(event) <= maxTailMessage {
		e.message = append([]byte{}, event...)
	}
	return e
}

// answers sends messages and hands each the server's answer.
//
// jetstream.PublishAsync is not used, though as fast (see BenchmarkBesideRaw): it
// notices only by a timer for each message that the server gives no answer, as
// after a write that failed; and it repeats, after a wait, what found no stream, so
// that later messages overtake.
type answers struct {
	conn   *nats.Conn
	inbox  string // what the reply subjects begin with
	sub    *nats.Subscription
	slots  chan struct{} // one is taken while a message is unanswered
	quit   chan struct{} // closed by close
	full   func()        // called when the server says that a bound is reached
	stored func()        // called when a tail has a new message

	sending sync.Mutex // makes the order of calls that of messages; taken before mu
	mu      sync.Mutex
	pending map[uint64]*Pending // guarded by mu; by number
	next    uint64              // guarded by mu; the number of the next message
	low     uint64              // guarded by mu; no lower number is pending
	closed  bool                // guarded by mu
	turn    atomic.Uint64       // counts calls of expired: a clock that costs nothing
}

func newAnswers(conn *nats.Conn, most int, full, stored func()) (*answers, error) {
	a := &answers{
		conn:    conn,
		inbox:   conn.NewInbox() + ".",
		slots:   make(chan struct{}, most),
		quit:    make(chan struct{}),
		full:    full,
		stored:  stored,
		pending: map[uint64]*Pending{},
	}
	var err error
	a.sub, err = conn.Subscribe(a.inbox+"*", a.hear)
	return a, err
}

func (a *answers) send(ctx context.Context, p *Pending, subject string, id [16]byte, message []byte) error {
	select {
	case a.slots <- struct{}{}:
	default:
		select {
		case a.slots <- struct{}{}:
		case <-a.quit:
			return ErrClosed
		case <-ctx.Done():
			return clock.EndOf(ctx)
		}
	}
	p.turn = a.turn.Load()
	m := nats.Msg{
		Subject: subject,
		Header:  nats.Header{jetstream.MsgIDHeader: {hex.EncodeToString(id[:])}},
		Data:    message,
	}
	a.sending.Lock()
	defer a.sending.Unlock()
	number, err := a.register(p)
	if err != nil {
		<-a.slots
		return err
	}
	m.Reply = a.inbox + strconv.FormatUint(number, 36)
	if err := a.conn.PublishMsg(&m); err != nil {
		err = fmt.Errorf("publish: %w", err)
		a.end(number, err)
		return err
	}
	return nil
}

func (a *answers) register(p *Pending) (uint64, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return 0, ErrClosed
	}
	number := a.next
	a.next++
	a.pending[number] = p
	return number, nil
}

// end ends a message, unless it was abandoned.
func (a *answers) end(number uint64, err error) {
	if p := a.take(number); p != nil {
		a.tell(p, err)
	}
}

// take takes a message out of those that wait for an answer; nil if it was abandoned.
func (a *answers) take(number uint64) *Pending {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.pending[number]
	delete(a.pending, number)
	return p
}

// tell says what became of a message, and frees its slot only then: by its free slots
// close knows that all was told.
func (a *answers) tell(p *Pending, err error) {
	if p.tail != nil && errors.Is(err, ErrUncertain) {
		p.tail.cut()
	}
	p.kept = fed{} // it may be waited for long after
	p.err = err
	close(p.done)
	<-a.slots
}

// hear runs in the subscription's goroutine, which ends with close.
func (a *answers) hear(m *nats.Msg) {
	number, err := strconv.ParseUint(strings.TrimPrefix(m.Subject, a.inbox), 36, 64)
	if err != nil {
		return // nobody else knows the inbox
	}
	err = verdict(m)
	p := a.take(number)
	if p == nil {
		return
	}
	duplicate := bytes.Contains(m.Data, []byte(`"duplicate"`))
	if duplicate || err != nil && !errors.Is(err, ErrUncertain) {
		giveBack(p.loads, p.bytes)
	}
	if err == nil && p.tail != nil && !duplicate {
		if e := p.kept; readSequence(m.Data, &e.Sequence) {
			p.tail.add(e)
		} else {
			p.tail.cut()
		}
		a.stored()
	}
	a.tell(p, err)
	if errors.Is(err, ErrFull) {
		a.full()
	}
}

// answer is what the server says to a message.
type answer struct {
	Stream string              `json:"stream"`
	Error  *jetstream.APIError `json:"error"`
}

// Error codes of nats-server, which nats.go does not name.
const (
	codeNoResources     jetstream.ErrorCode = 10023 // the server's bound
	codeAccountFull     jetstream.ErrorCode = 10002 // the account's bound
	codeStoreFailed     jetstream.ErrorCode = 10077 // the stream's bound, in words
	codeTooManyRequests jetstream.ErrorCode = 10167
)

// verdict reads an answer: nil if the message is stored.
func verdict(m *nats.Msg) error {
	if len(m.Data) == 0 {
		// No stream listens: JetStream gave up.
		return fmt.Errorf("%w: JetStream does not run", ErrDisk)
	}
	if isStored(m.Data) {
		return nil
	}
	var a answer
	if err := json.Unmarshal(m.Data, &a); err != nil || a.Error == nil && a.Stream != Stream {
		return fmt.Errorf("%w: unknown answer %.100q", ErrUncertain, m.Data)
	}
	if a.Error == nil {
		return nil
	}
	switch a.Error.ErrorCode {
	case codeNoResources, codeAccountFull, codeStoreFailed, codeTooManyRequests:
		return fmt.Errorf("%w: %s", ErrFull, a.Error.Description)
	}
	return fmt.Errorf("refused: %w", a.Error)
}

// isStored reports whether an answer is the usual one. To decode its JSON took a sixth of
// the processor time of storing a message.
func isStored(answer []byte) bool {
	return bytes.HasPrefix(answer, []byte(`{"stream":"`+Stream+`",`)) && !bytes.Contains(answer, []byte(`"error"`))
}

var sequenceName = []byte(`"seq":`)

// readSequence reads the sequence in the answer for a message that is stored.
func readSequence(answer []byte, sequence *uint64) bool {
	_, rest, found := bytes.Cut(answer, sequenceName)
	digits := 0
	for digits < len(rest) && rest[digits] >= '0' && rest[digits] <= '9' {
		digits++
	}
	number, err := strconv.ParseUint(string(rest[:digits]), 10, 64)
	*sequence = number
	return found && err == nil
}

// idle reports whether all messages have their answers.
func (a *answers) idle() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.pending) == 0
}

// expired begins a turn, and reports whether a message has had no answer for more
// than so many. A turn is the time between two calls.
func (a *answers) expired(turns uint64) bool {
	now := a.turn.Add(1)
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.low < a.next && a.pending[a.low] == nil {
		a.low++
	}
	oldest := a.pending[a.low]
	return oldest != nil && now-oldest.turn > turns
}

// abandon ends all that has no answer yet.
func (a *answers) abandon(why error) {
	a.mu.Lock()
	left := a.pending
	a.pending = map[uint64]*Pending{}
	a.mu.Unlock()
	for _, p := range left {
		a.tell(p, why)
	}
}

// close refuses new messages and waits until those under way are answered or ctx
// ends. Then what is left is uncertain. It is called once.
func (a *answers) close(ctx context.Context) error {
	a.mu.Lock()
	a.closed = true
	a.mu.Unlock()
	close(a.quit)
	var err error
	for range cap(a.slots) { // all slots are free when nothing is pending
		select {
		case a.slots <- struct{}{}:
			continue
		case <-ctx.Done():
			err = clock.EndOf(ctx)
		}
		break
	}
	a.abandon(ErrUncertain)
	if unsubscribe := a.sub.Unsubscribe(); err == nil && !a.conn.IsClosed() {
		err = unsubscribe
	}
	return err
}
