package outbox

import (
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"leafmesh/mesh/internal/wire"
)

// serviceOf is the service of a reader; "spy-1" may read nothing.
func serviceOf(reader string) string {
	service, _, _ := strings.Cut(reader, "-")
	if service == "spy" {
		return ""
	}
	return service
}

// peers are the readers of a test, in place of links.
type peers struct {
	mu sync.Mutex
	by map[string]*peer // guarded by mu
}

func newPeers() *peers { return &peers{by: map[string]*peer{}} }

// send is Config.Send.
func (p *peers) send(reader string, message []byte) error {
	p.mu.Lock()
	to := p.by[reader]
	p.mu.Unlock()
	if to == nil {
		return errors.New("no link")
	}
	return to.receive(message)
}

// peer is a reader that keeps what it gets until the test takes it.
type peer struct {
	name   string
	nonce  wire.ID
	hear   func(reader string, data []byte)
	silent bool          // it does not say which batches it has
	block  chan struct{} // not nil: what is sent waits for it

	mu       sync.Mutex
	handle   func(*wire.Batch) // guarded by mu: not nil: takes each batch instead of keeping it
	events   []event           // guarded by mu: got and not taken
	parts    map[uint64][]byte // guarded by mu: of events, by their sequence
	batches  []*wire.Batch     // guarded by mu
	welcome  *wire.Welcome     // guarded by mu: the last
	goodbyes int               // guarded by mu
	came     map[string]int    // guarded by mu: how often each event came
	largest  int               // guarded by mu: of the messages
	messages int               // guarded by mu: how many came
}

// handles sets what takes each batch.
func (p *peer) handles(handle func(*wire.Batch)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.handle = handle
}

// event is one that a peer got.
type event struct {
	kind string
	wire.BatchEvent
}

func (p *peer) receive(message []byte) error {
	if p.block != nil {
		<-p.block
	}
	talk, err := wire.DecodeTalk(message)
	if err != nil {
		return err
	}
	if batch, ok := talk.(*wire.Batch); ok && !p.silent {
		data, err := wire.EncodeTalk(&wire.Answers{Nonce: p.nonce, Got: batch.Number})
		if err != nil {
			return err
		}
		defer p.hear(p.name, data)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.largest = max(p.largest, len(message))
	p.messages++
	if batch, ok := talk.(*wire.Batch); ok && p.handle != nil {
		p.handle(batch)
		return nil
	}
	switch talk := talk.(type) {
	case *wire.Welcome:
		p.welcome = talk
	case *wire.Goodbye:
		p.goodbyes++
	case *wire.Batch:
		if talk.Nonce != p.nonce {
			return nil // of a former one
		}
		p.batches = append(p.batches, talk)
		for _, e := range talk.Events {
			if e.From != uint64(len(p.parts[e.Sequence])) {
				return errors.New("a part is missing")
			}
			p.parts[e.Sequence] = append(p.parts[e.Sequence], e.Message...)
			if e.More {
				continue
			}
			e.Message = textOf(p.parts[e.Sequence])
			delete(p.parts, e.Sequence)
			p.events = append(p.events, event{talk.Type, e})
			p.came[string(e.Message)]++
		}
	}
	return nil
}

// peer makes a reader that has said nothing yet. It replaces one of its name.
func (s *site) peer(name string) *peer {
	p := &peer{name: name, hear: s.said, came: map[string]int{}, parts: map[uint64][]byte{}}
	_, _ = rand.Read(p.nonce[:])
	s.peers.mu.Lock()
	defer s.peers.mu.Unlock()
	s.peers.by[name] = p
	return p
}

// Gone lets a reader be gone, by whichever link it came.
func (s *site) Gone(name string) { s.library.reader(name).put(departed{}, 0) }

// said is what a node does with what readers say.
func (s *site) said(reader string, data []byte) { tellOutbox(s.Outbox, reader, data) }

func tellOutbox(o *Outbox, reader string, data []byte) {
	message, err := wire.DecodeTalk(data)
	if err != nil {
		return // the node says so
	}
	if hello, ok := message.(*wire.Hello); ok {
		o.Hello(reader, hello, nil)
		return
	}
	o.Hear(reader, message, len(data))
}

// reader makes the first instance of a service, which takes types.
func (s *site) reader(t testing.TB, service string, types ...string) *peer {
	t.Helper()
	p := s.peer(service + "-1")
	p.hello(t, imports(1024, types...)...)
	return p
}

// imports asks for types, so many events of a key at once: one key gets half of the credit.
func imports(credit int, types ...string) (all []wire.HelloImport) {
	for _, kind := range types {
		all = append(all, wire.HelloImport{Type: kind, Events: 2 * uint64(credit), Bytes: 16 << 20, Handlers: []string{"a", "b"}})
	}
	return all
}

func (p *peer) say(t testing.TB, talk any) {
	t.Helper()
	data, err := wire.EncodeTalk(talk)
	if err != nil {
		t.Fatal(err)
	}
	p.hear(p.name, data)
}

// hello says what the peer takes, and waits for the welcome.
func (p *peer) hello(t testing.TB, imports ...wire.HelloImport) *wire.Welcome {
	t.Helper()
	p.mu.Lock()
	p.welcome = nil
	p.mu.Unlock()
	p.say(t, &wire.Hello{Nonce: p.nonce, MaxPayload: 68 << 10, Imports: imports})
	var w *wire.Welcome
	eventually(t, "the welcome of "+p.name, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		w = p.welcome
		return w != nil
	})
	return w
}

// get waits for so many events, and returns them in the order in which they came.
func (p *peer) get(t testing.TB, many int) (got []event) {
	t.Helper()
	eventually(t, "the events of "+p.name, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		if len(p.events) < many {
			return false
		}
		got = slices.Clone(p.events[:many])
		p.events = p.events[many:]
		return true
	})
	return got
}

// answer says what became of events.
func (p *peer) answer(t testing.TB, verdict wire.Verdict, events ...event) {
	t.Helper()
	p.answerWith(t, wire.Answer{Verdict: verdict}, events...)
}

func (p *peer) answerWith(t testing.TB, like wire.Answer, events ...event) {
	t.Helper()
	a := &wire.Answers{Nonce: p.nonce}
	for _, e := range events {
		like.Type, like.Sequence = e.kind, e.Sequence
		a.Answers = append(a.Answers, like)
	}
	p.say(t, a)
}

// take takes so many messages and says that they are handled.
func take(t testing.TB, p *peer, many int) string {
	t.Helper()
	got := p.get(t, many)
	p.answer(t, wire.Handled, got...)
	return texts(got)
}

func texts(events []event) string {
	var all []string
	for _, e := range events {
		all = append(all, string(e.Message))
	}
	return strings.Join(all, " ")
}

// idle reports how many events a peer has got and not taken.
func (p *peer) untaken() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.events)
}
