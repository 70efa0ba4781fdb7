package readers

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/journal"
	"leafmesh/mesh/internal/leaf"
	"leafmesh/mesh/internal/steps"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/stats"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	solved = "clue.clue.solved" // exported at most once
	opened = "clue.clue.opened" // as well
	taken  = "clue.hint.taken"  // exported out of the outbox
	hinted = "clue.hint.given"  // not exported
)

// site is clue-1, and the test is its readers.
type site struct {
	lost atomic.Uint64 // events that did not arrive

	*Readers
	t      reporter
	trace  *steps.Trace
	lines  map[string]*line
	outbox *outbox // nil: there is none
	log    bytes.Buffer
}

// reporter is a *testing.T, *rapid.T or *testing.F.
type reporter interface {
	Helper()
	Error(...any)
	Errorf(string, ...any)
	Fatal(...any)
	Fatalf(string, ...any)
}

// line is the link to a reader, which hears all while it is up.
type line struct {
	peer  string
	asked func()       // called once, when somebody has asked for the link; nil: nothing
	lies  atomic.Int64 // bytes that its system does not have

	mu     sync.Mutex
	down   bool     // guarded by mu
	again  uint64   // guarded by mu: how often there was another link
	said   []any    // guarded by mu: messages of the talk
	events []string // guarded by mu: subjects of the other messages
	late   bool     // guarded by mu: what the reader says is heard later
	passes []func() // guarded by mu: what is called after that
}

func (l *line) Peer() string { return l.peer }

func (l *line) Link() (number uint64, up bool) {
	if asked := l.asked; asked != nil {
		l.asked = nil
		defer asked()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return 1 + l.again, !l.down
}

func (l *line) Hears(string) bool {
	_, up := l.Link()
	return up
}

func (l *line) Publish(subject string, message []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if subject != leaf.ToReader(l.peer, "clue-1") {
		l.events = append(l.events, subject)
		return nil
	}
	m, err := wire.DecodeTalk(message)
	l.said = append(l.said, m)
	return err
}

func (l *line) AfterHeard(f func()) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.late {
		l.passes = append(l.passes, f)
		return nil
	}
	f()
	return nil
}

func (l *line) HasRoom(bytes int64) bool { return l.lies.Load() < bytes }

func (l *line) set(down bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = down
}

// relink puts another link in place of the one that is up, before anybody looks.
func (l *line) relink() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.again++
}

// outbox notes what readers passes on, and keeps events for service score.
type outbox struct {
	mu    sync.Mutex
	heard []string // guarded by mu
}

func (o *outbox) note(format string, values ...any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.heard = append(o.heard, fmt.Sprintf(format, values...))
}

func (o *outbox) Hello(reader string, hello *wire.Hello, others []wire.WelcomeImport) bool {
	o.note("hello of %s for %d, %d others", reader, len(hello.Imports), len(others))
	return config.ServiceOf(reader) == "score"
}

func (o *outbox) Hear(reader string, message any, bytes int) { o.note("%T of %s", message, reader) }

func (o *outbox) Gone(reader string, _ wire.ID, link uint64) {
	o.note("%s is gone", reader)
	if link > 0 {
		o.note("by link %d", link)
	}
}

// all is what was noted since it was asked last.
func (o *outbox) all() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	defer func() { o.heard = nil }()
	return strings.Join(o.heard, ", ")
}

// newSite makes clue-1 with links to some readers, and an outbox or none.
func newSite(t reporter, box *outbox, names ...string) *site {
	s := &site{t: t, trace: steps.New(nil), lines: map[string]*line{}, outbox: box}
	env := Env{Lost: func(_ string, events uint64) { s.lost.Add(events) }, Node: "clue-1", MayImport: func(string, string) bool { return true }, Exports: []config.Export{{Event: solved}, {Event: opened}, {Event: taken, KeptFor: []string{"score"}}},
		MaxPayload: 1000, Log: journal.New(slog.New(slog.NewTextHandler(&s.log, nil)), "clue-1"),
		Malformed: s.trace.Point(steps.Step{Outcome: stats.Lost, Place: steps.At(steps.Export), Rule: stats.Malformed})}
	if box != nil {
		env.Outbox = box
	}
	var lines []Line
	for _, name := range names {
		s.lines[name] = &line{peer: name}
		lines = append(lines, s.lines[name])
	}
	s.Readers = New(env, lines)
	return s
}

// say lets a reader say something.
func (s *site) say(name string, message any) {
	s.t.Helper()
	data, err := wire.EncodeTalk(message)
	if err != nil {
		s.t.Fatal(err)
	}
	s.Hear(name, data)
}

// greet lets process p of a reader say hello with what it takes: types, which "*" stands before if
// it takes each event of them, and "+" if it takes them out of the outbox.
func (s *site) greet(name string, p byte, types ...string) {
	s.t.Helper()
	s.say(name, helloOf(p, types...))
}

func helloOf(p byte, types ...string) *wire.Hello {
	h := &wire.Hello{Nonce: wire.ID{p}, MaxPayload: 500}
	for _, subject := range types {
		i := wire.HelloImport{Type: strings.TrimLeft(subject, "*+"), Each: subject[0] == '*', Durable: subject[0] == '+'}
		h.Imports = append(h.Imports, i)
	}
	return h
}

// heard is what a reader was told since it was asked last.
func (s *site) heard(name string) []any {
	l := s.lines[name]
	l.mu.Lock()
	defer l.mu.Unlock()
	defer func() { l.said = nil }()
	return slices.Clone(l.said)
}

// chosen are the names of those who get an event of a key.
func (s *site) chosen(subject, key string) (names []string) {
	for _, r := range s.Audience(subject).Choose(key, nil) {
		names = append(names, r.Name)
	}
	return names
}

func (s *site) want(subject, key string, names ...string) {
	s.t.Helper()
	if got := s.chosen(subject, key); !slices.Equal(got, names) {
		s.t.Errorf("%s of key %q goes to %q, want %q", subject, key, got, names)
	}
}

// reader is the reader of that name that gets each event of a type.
func (s *site) reader(subject, name string) *Reader {
	s.t.Helper()
	for _, r := range s.Audience(subject).Choose("", nil) {
		if r.Name == name {
			return r
		}
	}
	s.t.Fatalf("%s gets nothing of %s", name, subject)
	return nil
}

// send sends events to a reader.
func (s *site) send(r *Reader, events int) {
	s.t.Helper()
	if err := r.Send([]byte{1}, events); err != nil {
		s.t.Error(err)
	}
}

// malformed is how many messages were counted as such.
func (s *site) malformed() (n uint64) {
	for _, c := range s.trace.Counts() {
		n += c.Count
	}
	return n
}
