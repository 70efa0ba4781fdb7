package outlet

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/delivery"
	"leafmesh/mesh/internal/journal"
	"leafmesh/mesh/internal/leaf"
	"leafmesh/mesh/internal/queue"
	"leafmesh/mesh/internal/readers"
	"leafmesh/mesh/internal/rules"
	"leafmesh/mesh/internal/steps"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/stats"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const solved = "clue.clue.solved"

// maxPayload is clue-1's.
const maxPayload = 64 << 10

// site is clue-1, which exports solves. The test is its readers. It runs in a bubble of package
// synctest, so that nothing here may take time.
type site struct {
	t       *testing.T
	trace   *steps.Trace
	readers *readers.Readers
	lines   map[string]*line
	at      *delivery.Subscription
	inbox   *queue.Inbox[delivery.Item, delivery.Payload]
	workers queue.Group
	log     bytes.Buffer
	ids     uint16
	rules   []*rules.Rule // of the export
	clock   *clock.Clock
	paths   *cause.Tree
}

// newSite makes clue-1 with links to some readers. It sends nothing before it is started.
func newSite(t *testing.T, names ...string) *site {
	s := &site{t: t, trace: steps.New(nil), lines: map[string]*line{}, clock: clock.New(nil), paths: cause.NewTree(8)}
	log := journal.New(slog.New(slog.NewTextHandler(&s.log, nil)), "clue-1")
	var lines []readers.Line
	for _, name := range names {
		s.lines[name] = &line{t: t, peer: name, number: 1}
		lines = append(lines, s.lines[name])
	}
	unheard := func(subject, service string) *steps.Point {
		return s.trace.Point(steps.Step{Type: subject, Outcome: stats.Unheard, Place: steps.At(steps.Export), Rule: service})
	}
	s.readers = readers.New(readers.Env{Unheard: unheard, MayImport: func(string, string) bool { return true }, Lost: func(string, uint64) {}, Node: "clue-1", Exports: []config.Export{{Event: solved}}, MaxPayload: maxPayload, Log: log,
		Malformed: s.trace.Point(steps.Step{Outcome: stats.Lost, Place: steps.At(steps.Export), Rule: stats.Malformed})}, lines)
	s.at = delivery.NewSubscription(s.trace.Tally(solved, steps.At(steps.Export)))
	env := &Env{Clock: s.clock, Log: log, MaxPayload: maxPayload, Handling: context.Background(), Readers: s.readers, Tap: NoTap{}}
	s.inbox = queue.NewInbox[delivery.Item, delivery.Payload](queue.Spec[delivery.Item]{Label: "export", Shards: 1, Capacity: 10_000, HardCap: 10_000,
		Order: func(a, b *delivery.Item) int { return 0 },
		Processor: func(q *queue.Core[delivery.Item]) queue.Processor[delivery.Item] {
			return New(Spec{Env: env, Export: s.at, Rules: func() []*rules.Rule { return s.rules }}, q)
		}})
	s.workers.Add(s.inbox.Consumer)
	t.Cleanup(func() {
		for _, l := range s.lines {
			l.let()
		}
		if err := s.workers.AwaitIdle(context.Background()); err != nil {
			t.Error(err)
		}
		if err := s.workers.Close(context.Background()); err != nil {
			t.Error(err)
		}
		s.clock.Close()
		synctest.Wait()
	})
	return s
}

func (s *site) start() { s.workers.Start() }

// greet lets a reader take messages of so many bytes; each event, or those that it shares.
func (s *site) greet(name string, largest uint64, each bool) {
	s.t.Helper()
	s.greetAs(name, 1, largest, each)
}

// greetAs is greet for a process of the reader.
func (s *site) greetAs(name string, process byte, largest uint64, each bool) {
	s.t.Helper()
	data, err := wire.EncodeTalk(&wire.Hello{Nonce: wire.ID{process}, MaxPayload: largest, Imports: []wire.HelloImport{{Type: solved, Each: each}}})
	if err != nil {
		s.t.Fatal(err)
	}
	s.readers.Hear(name, data)
}

// emit exports an event with a text of so many bytes, which begins with its number.
func (s *site) emit(key string, n, bytes int) {
	s.t.Helper()
	text := fmt.Sprint(n)
	text += strings.Repeat(".", max(bytes-len(text), 0))
	payload, err := wire.AppendPayload(nil, text)
	if err != nil {
		s.t.Fatal(err)
	}
	queue := s.inbox.Queue(0)
	if err := queue.Reserve(true); err != nil {
		s.t.Fatal(err)
	}
	s.ids++
	id := cause.ID{1, byte(s.ids >> 8), byte(s.ids)}
	header := cause.Header{ID: id, Root: id, Key: key}.On(s.paths.Root("clue-1:"+solved), 1, 0)
	value := delivery.Payload(payload)
	if !queue.Put(&delivery.Item{Header: header, At: s.at}, &value) {
		s.t.Fatal("the queue is closed")
	}
}

// sizeOf is the size of a message with one such event and what stands before it at most.
func (s *site) sizeOf(key string, bytes int) int {
	payload, err := wire.AppendPayload(nil, strings.Repeat(".", bytes))
	if err != nil {
		s.t.Fatal(err)
	}
	header := cause.Header{ID: cause.ID{1}, Root: cause.ID{1}, Key: key}.On(s.paths.Root("clue-1:"+solved), 1, 0)
	event, err := Event(&header, payload)
	if err != nil {
		s.t.Fatal(err)
	}
	return wire.ContainerSize(len(event)) + placeRoom
}

// count is how many events took a step.
func (s *site) count(outcome stats.Outcome, rule string) (n uint64) {
	for _, c := range s.trace.Counts() {
		if c.Outcome == outcome && c.Rule == rule {
			n += c.Count
		}
	}
	return n
}

func (s *site) wantCount(outcome stats.Outcome, rule string, want uint64) {
	s.t.Helper()
	if got := s.count(outcome, rule); got != want {
		s.t.Errorf("%d %s %s, want %d", got, outcome, rule, want)
	}
}

// line is the link to a reader.
type line struct {
	t    *testing.T
	peer string

	mu       sync.Mutex
	number   uint64           // guarded by mu: of the link
	down     bool             // guarded by mu
	closed   error            // guarded by mu: what Publish returns
	stopped  chan struct{}    // guarded by mu: Publish waits for it; nil: it does not
	run      uint64           // guarded by mu
	got      uint64           // guarded by mu: events
	messages []message        // guarded by mu
	paths    *wire.Paths      // guarded by mu: what the reader was told last
	known    *wire.Dictionary // guarded by mu
}

// message is one that a reader got.
type message struct {
	bytes  int
	events []int // their numbers
	short  int   // how many of them were
}

func (l *line) Peer() string { return l.peer }

func (l *line) AfterHeard(f func()) error { f(); return nil }

func (l *line) HasRoom(int64) bool { return true }

func (l *line) Link() (number uint64, up bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.number, !l.down
}

func (l *line) Hears(string) bool {
	_, up := l.Link()
	return up
}

func (l *line) Publish(subject string, data []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if subject != leaf.EventsTo(l.peer, "clue-1", solved) {
		if m, err := wire.DecodeTalk(data); err != nil {
			l.t.Error(err)
		} else if told, ok := m.(*wire.Paths); ok {
			l.paths = told
		}
		return nil
	}
	if l.closed != nil {
		return l.closed
	}
	if stopped := l.stopped; stopped != nil {
		l.mu.Unlock()
		<-stopped
		l.mu.Lock()
	}
	run, before, container, err := wire.SplitPlace(data)
	if err != nil {
		l.t.Error(err)
	}
	if l.run == 0 {
		l.run = run
	}
	if run != l.run || before != l.got {
		l.t.Errorf("%s got place %d, %d after %d of %d", l.peer, run, before, l.got, l.run)
	}
	events, err := wire.SplitContainer(container, nil)
	if err != nil {
		l.t.Error(err)
	}
	m := message{bytes: len(data)}
	for _, data := range events {
		var e wire.Envelope
		var text string
		if err := wire.DecodeLinked(data, &e, l.known, wire.ProcessOf(run)); err != nil {
			l.t.Error(err)
		}
		if e.IsShort {
			m.short++
		}
		if err := wire.DecodePayload(e.Payload, &text); err != nil {
			l.t.Error(err)
		}
		var n int
		if _, err := fmt.Sscan(strings.TrimRight(text, "."), &n); err != nil {
			l.t.Error(err)
		}
		m.events = append(m.events, n)
	}
	l.got += uint64(len(events))
	l.messages = append(l.messages, m)
	return nil
}

// hold lets messages wait in the link until let is called.
func (l *line) hold() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopped = make(chan struct{})
}

func (l *line) let() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped != nil {
		close(l.stopped)
		l.stopped = nil
	}
}

func (l *line) set(down bool, closed error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down, l.closed = down, closed
}

// relink puts another link in place of the one that is up, to another process, which knows nothing.
func (l *line) relink() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.number++
	l.run, l.got, l.known = 0, 0, nil
}

// all is what the reader got since it was asked last, once nobody has anything to do.
func (l *line) all() []message {
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	defer func() { l.messages = nil }()
	return l.messages
}

// events are the numbers of what it got since it was asked last.
func (l *line) events() (numbers []int) {
	for _, m := range l.all() {
		numbers = append(numbers, m.events...)
	}
	return numbers
}

// learn lets a reader know what it was told of paths, and say so.
func (s *site) learn(name string) {
	s.t.Helper()
	l := s.lines[name]
	l.mu.Lock()
	told := l.paths
	l.mu.Unlock()
	if told == nil {
		s.t.Fatalf("%s was told no paths", name)
	}
	known, err := (*wire.Dictionary)(nil).Learn(told.Paths)
	if err != nil {
		s.t.Fatal(err)
	}
	l.mu.Lock()
	l.known = known
	l.mu.Unlock()
	answer := &wire.KnownPaths{Nonce: told.Nonce}
	for _, p := range told.Paths {
		answer.Numbers = append(answer.Numbers, p.Number)
	}
	data, err := wire.EncodeTalk(answer)
	if err != nil {
		s.t.Fatal(err)
	}
	s.readers.Hear(name, data)
}
