package outbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/handout"
)

// feed brings the stream's messages of a shelf, from its position on, and no more than was asked
// for: a consumer of the server, in its memory alone, that nothing is acknowledged to. It is the
// library's goroutine's own but for what is guarded.
//
// Reading by direct gets was rejected: for each batch the server counts what is left, which takes
// time for every key that ever was.
type feed struct {
	shelf    *shelf
	consumer string // its name; "" while there is none
	sub      *nats.Subscription
	opening  bool
	asked    int    // what was asked for and has not come
	usual    int    // about the size of a message
	each     int    // about how many events it has, times usualOf
	number   uint64 // of the last message, counted by the consumer
	seen     uint64 // number at the last watch

	mu  sync.Mutex
	got []*nats.Msg // guarded by mu
}

// fed is an event that the feed has brought.
type fed struct {
	handout.Entry
	message []byte // the event
}

// burst is how many messages the library takes at once, if they are there.
const burst = 64

// hear runs in the subscription's goroutine. It tells of the last message that is there.
func (f *feed) hear(m *nats.Msg) {
	f.mu.Lock()
	f.got = append(f.got, m)
	many := len(f.got)
	f.mu.Unlock()
	if more, _, err := m.Sub.Pending(); many >= burst || more == 0 || err != nil {
		f.shelf.library.signal()
	}
}

// take is what has come. If something is wrong with it, the feed begins anew.
func (f *feed) take() (all []fed) {
	f.mu.Lock()
	got := f.got
	f.got = nil
	f.mu.Unlock()
	for _, m := range got {
		if m.Sub != f.sub {
			continue // of a former consumer
		}
		events, err := f.read(m)
		if err != nil {
			f.shelf.library.log.Warn("the outbox reads its stream anew", "type", f.shelf.kind.Subject, "error", err)
			f.reset()
			return all
		}
		all = append(all, events...)
	}
	return all
}

func (f *feed) read(m *nats.Msg) ([]fed, error) {
	if status := m.Header.Get("Status"); status != "" {
		return nil, fmt.Errorf("the server says %s %s", status, m.Header.Get("Description"))
	}
	about, err := m.Metadata()
	if err != nil {
		return nil, err
	}
	if f.number++; about.Sequence.Consumer != f.number {
		return nil, fmt.Errorf("message %d came instead of %d", about.Sequence.Consumer, f.number)
	}
	f.asked--
	f.usual += (len(m.Data) - f.usual) / usualOf
	events := eventsOf(about.Sequence.Stream, m.Subject, m.Data)
	f.each += (len(events)*usualOf - f.each) / usualOf
	if len(events) > 1 {
		for i := range events {
			events[i].message = bytes.Clone(events[i].message) // alone: it may outlive the others
		}
	}
	return events, nil
}

const (
	// maxAsked and maxAskedBytes bound what is asked for at once, and so the memory that it takes.
	maxAsked      = 512
	maxAskedBytes = 1 << 20
	// unknownSize is what a message is taken to have until some have come.
	unknownSize = 16 << 10
	// usualOf is over how many messages their usual size is taken.
	usualOf = 8
)

// want sees to it that about so many events come, if there are as many. It asks for more when half
// of them are there, so that a stream that is read to its end costs no request for each message.
func (f *feed) want(many int) {
	many = min(1+many*usualOf/max(f.each, usualOf), maxAsked, max(1, maxAskedBytes/max(f.usual, 1)))
	if many <= 0 || f.asked > many/2 {
		return
	}
	if f.consumer == "" {
		f.open()
		return
	}
	request, _ := json.Marshal(map[string]int{"batch": many - f.asked}) // numbers can be encoded
	l := f.shelf.library
	if err := l.outbox.conn.PublishRequest("$JS.API.CONSUMER.MSG.NEXT."+Stream+"."+f.consumer, f.sub.Subject, request); err != nil {
		return // the connection is closed: the node ends
	}
	f.asked = many
}

// openAgain is the pause before a consumer that could not be made is made.
const openAgain = 100 * time.Millisecond

// open makes the consumer, in a goroutine of its own: a server that reads its files anew lets wait.
func (f *feed) open() {
	l := f.shelf.library
	if f.opening || l.ctx.Err() != nil {
		return
	}
	f.opening = true
	position := f.shelf.Position()
	l.jobs.Go(func() {
		for l.ctx.Err() == nil {
			name, err := f.make(l.ctx, position)
			if err == nil {
				l.do(l.ctx, func() { f.opened(name) })
				return
			}
			if l.ctx.Err() == nil {
				l.log.Warn("the outbox cannot read its stream", "type", f.shelf.kind.Subject, "error", err)
			}
			clock.Sleep(l.ctx, openAgain)
		}
	})
}

// make makes a consumer of what is behind a position.
func (f *feed) make(ctx context.Context, position uint64) (string, error) {
	o := f.shelf.library.outbox
	ctx, cancel := context.WithTimeout(ctx, o.config.tuning.answerTimeout)
	defer cancel()
	filter := f.shelf.kind.wire()
	if len(o.config.Types) == 1 {
		filter = "" // to find the next of a subject takes the server longer the more keys there are
	}
	consumer, err := o.stream.CreateConsumer(ctx, jetstream.ConsumerConfig{
		FilterSubject:     filter,
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       max(1, sequenceOf(position+1)),
		AckPolicy:         jetstream.AckNonePolicy,
		MemoryStorage:     true,
		InactiveThreshold: feedLives,
	})
	if err != nil {
		return "", fmt.Errorf("make a consumer: %w", err)
	}
	return consumer.CachedInfo().Name, nil
}

// feedLives is how long the server keeps a consumer that nobody asks for anything.
const feedLives = 5 * time.Minute

// opened begins to read by a consumer.
func (f *feed) opened(name string) {
	l := f.shelf.library
	f.opening = false
	sub, err := l.outbox.conn.Subscribe(l.outbox.conn.NewInbox(), f.hear)
	if err == nil {
		err = sub.SetPendingLimits(-1, -1) // no more comes than is asked for
	}
	if err != nil {
		l.log.Warn("the outbox cannot read its stream", "type", f.shelf.kind.Subject, "error", err)
		return
	}
	f.consumer, f.sub, f.asked, f.number = name, sub, 0, 0
}

// watch begins anew if the server has messages, was asked for them, and has brought none since the
// last call: it has lost what it was asked.
func (f *feed) watch(pending uint64) {
	f.mu.Lock()
	come := len(f.got)
	f.mu.Unlock()
	if pending > 0 && f.asked > 0 && come == 0 && f.number == f.seen {
		f.reset()
	}
	f.seen = f.number
}

// reset begins anew, from the shelf's position, when more is wanted.
func (f *feed) reset() {
	if f.consumer == "" {
		return
	}
	f.close()
	l, name := f.shelf.library, f.consumer
	f.consumer, f.sub, f.asked = "", nil, 0
	if l.ctx.Err() != nil {
		return
	}
	l.jobs.Go(func() {
		ctx, cancel := context.WithTimeout(l.ctx, l.outbox.config.tuning.answerTimeout)
		defer cancel()
		_ = l.outbox.stream.DeleteConsumer(ctx, name) // where this fails, it goes after feedLives
	})
}

// close ends the subscription. The server forgets the consumer by itself.
func (f *feed) close() {
	if f.sub == nil {
		return
	}
	if err := f.sub.Unsubscribe(); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
		f.shelf.library.log.Warn("the outbox ends a subscription", "error", err)
	}
}
