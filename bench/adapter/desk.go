package adapter

import (
	"context"
	"slices"
	"sync"

	"github.com/ThreeDotsLabs/watermill/message"
)

// desk knows who has subscribed to which topic.
type desk struct {
	mu     sync.Mutex
	closed bool
	topics map[string]*topic
}

type topic struct {
	subscriptions []*subscription // the newest last
	changed       chan struct{}   // closed when they change
}

// of gives a topic, with mu held.
func (d *desk) of(name string) *topic {
	t := d.topics[name]
	if t == nil {
		t = &topic{changed: make(chan struct{})}
		d.topics[name] = t
	}
	return t
}

func (t *topic) change() {
	close(t.changed)
	t.changed = make(chan struct{})
}

// subscribe adds a subscription, unless the desk is closed.
func (d *desk) subscribe(name string) (*subscription, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, false
	}
	s := &subscription{desk: d, topic: name, out: make(chan *message.Message), ended: make(chan struct{})}
	t := d.of(name)
	t.subscriptions = append(t.subscriptions, s)
	t.change()
	return s, true
}

// newest gives the newest subscription to a topic, or nil, and what is closed when that may change.
func (d *desk) newest(name string) (*subscription, <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.of(name)
	if len(t.subscriptions) == 0 {
		return nil, t.changed
	}
	return t.subscriptions[len(t.subscriptions)-1], t.changed
}

func (d *desk) remove(s *subscription) {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.of(s.topic)
	t.subscriptions = slices.DeleteFunc(t.subscriptions, func(other *subscription) bool { return other == s })
	t.change()
}

// close ends all subscriptions and takes no more.
func (d *desk) close() {
	d.mu.Lock()
	d.closed = true
	var all []*subscription
	for _, t := range d.topics {
		all = append(all, t.subscriptions...)
	}
	d.mu.Unlock()
	for _, s := range all {
		s.end()
	}
}

// subscription is one channel of messages.
type subscription struct {
	desk  *desk
	topic string
	out   chan *message.Message

	sending sync.RWMutex // held by senders, so that out is closed behind the last
	once    sync.Once
	ended   chan struct{}
}

// send reports whether the message was taken. It gives up when the topic's subscriptions change.
func (s *subscription) send(ctx context.Context, m *message.Message, changed <-chan struct{}) bool {
	s.sending.RLock()
	defer s.sending.RUnlock()
	select {
	case <-s.ended:
		return false
	default:
	}
	select {
	case s.out <- m:
		return true
	case <-s.ended:
	case <-changed:
	case <-ctx.Done():
	}
	return false
}

// end closes the channel. When it returns that is done, also if another one does it.
func (s *subscription) end() {
	s.once.Do(func() {
		close(s.ended)
		s.desk.remove(s)
		s.sending.Lock()
		defer s.sending.Unlock()
		close(s.out)
	})
}
