package inlet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/delivery"
	"leafmesh/mesh/internal/handling"
	"leafmesh/mesh/internal/journal"
	"leafmesh/mesh/internal/letters"
	"leafmesh/mesh/internal/queue"
	"leafmesh/mesh/internal/rules"
	"leafmesh/mesh/internal/steps"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/stats"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const solved = "clue.clue.solved"

// site is score-1, whose handlers count and mail take solved clues of clue-1. The test is clue-1.
// It runs in a bubble of package synctest.
type site struct {
	t       *testing.T
	trace   *steps.Trace
	gate    *rules.Gate
	set     *Set
	letters *letters.Letters
	marks   *Bookmarks
	workers queue.Group
	log     bytes.Buffer
	config  config.Import

	endOpen, endIntake, endHandling context.CancelFunc

	handlers map[string]*handler

	mu      sync.Mutex
	said    []any // guarded by mu: what clue-1 heard
	epoch   uint64
	up      bool
	redials int  // how often clue-1 was dialed at once
	ways    int  // how many are open
	deaf    bool // what is said gets lost
	// afterGoodbye is what clue-1 does on its own once it has heard goodbye; it is told how many it
	// was. Nil: nothing.
	afterGoodbye func(goodbyes int)
	goodbyes     int // while there is afterGoodbye

	nonce  wire.ID // of the last hello
	stream string
	last   uint64
	closed bool
}

// newSite opens score-1 with some rules; the link is down.
func newSite(t *testing.T, change func(*config.Import), limits ...config.Rule) *site {
	return openSite(t, t.TempDir(), change, limits...)
}

func openSite(t *testing.T, data string, change func(*config.Import), limits ...config.Rule) *site {
	s := &site{t: t, trace: steps.New(nil), stream: "one", handlers: map[string]*handler{},
		config: config.Import{Event: solved, Durable: true, Redelivery: config.Redelivery{Tries: 3, After: time.Second, Max: 10 * time.Second}}}
	if change != nil {
		change(&s.config)
	}
	var open, intake, handled context.Context
	open, s.endOpen = context.WithCancel(context.Background())
	intake, s.endIntake = context.WithCancel(context.Background())
	handled, s.endHandling = context.WithCancel(context.Background())
	c := clock.New(nil)
	s.gate = rules.NewGate(rules.Env{Clock: c, Trace: s.trace, Closing: open.Done()}, nil)
	s.gate.Replace(limits)
	s.workers.Elsewhere = s.gate.Kept
	in := s.gate.Set(solved, false, nil)
	var takers []*delivery.Taker
	for _, name := range []string{"count", "mail"} {
		h := &handler{name: name, ctx: handled}
		s.handlers[name] = h
		consumer := delivery.NewConsumer(delivery.Spec[int]{Kind: delivery.Kind{IsHandler: true}, Label: name, Workers: 1, Capacity: 2048, HardCap: 4096,
			From: delivery.Decoder[int](),
			Processor: func(q *queue.Core[delivery.Item]) queue.Processor[delivery.Item] {
				return handling.New(handling.Spec{Settings: config.HandlerSettings{Tries: 1}, Clock: c, Intake: intake, Handling: handled,
					Rests: &handling.Rests{}, Copy: func(v any) any { return v }}, h, q)
			}})
		s.workers.Add(consumer.Queues())
		takers = append(takers, consumer.Bind(delivery.NewSubscription(s.trace.Tally(solved, steps.AtHandler(name)))))
	}
	s.workers.Start()
	var err error
	if s.letters, err = letters.Open(filepath.Join(data, "letters"), 100); err != nil {
		t.Fatal(err)
	}
	if s.marks, err = OpenBookmarks(filepath.Join(data, "bookmark")); err != nil {
		t.Fatal(err)
	}
	env := &Env{Node: "score-1", Clock: c, Log: journal.New(slog.New(slog.NewTextHandler(&s.log, nil)), "score-1"), Trace: s.trace,
		Peers: func() []config.Peer {
			return []config.Peer{{Name: "clue-1", URL: "nats-leaf://clue-1:1"}, {Name: "clue-2"}, {Name: "hunt-1", URL: "nats-leaf://hunt-1:1"}}
		},
		Paths: cause.NewTree(64), Intake: intake, Handling: handled, Letters: s.letters, Bookmarks: s.marks, MaxPayload: 64 << 10}
	targets := delivery.NewTargets(takers)
	of := Type{Type: s.trace.Type(solved), Rules: func() []*rules.Rule { return in.Import }, Handlers: targets.Names(),
		Admit: func(h *cause.Header, _ bool) error {
			if h.Key == "refused" {
				return stats.ErrCascade
			}
			return nil
		}, Enter: targets.Deliver}
	s.set = NewSet(env, []config.Import{s.config}, func(subject string) Type {
		like := of
		like.Type = s.trace.Type(subject)
		return like
	})
	s.add("clue-1")
	s.add("hunt-1")
	s.set.Start()
	t.Cleanup(func() {
		if !s.closed {
			s.close(time.Hour)
		}
	})
	return s
}

// close ends score-1 as package mesh does, and lets its handlers run for a time at most.
func (s *site) close(patience time.Duration) {
	s.beginClose()
	s.endClose(patience)
}

func (s *site) beginClose() {
	s.closed = true
	s.endOpen()
	_ = s.set.Stop(context.Background()) // there is nothing to drain
	s.endIntake()
	s.set.Await(context.Background())
	s.gate.KeepNothing()
}

func (s *site) endClose(patience time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, _ = s.workers.Finish(ctx, time.Minute, func() {
		s.endHandling()
		s.gate.LetGo()
	})
	s.endHandling()
	s.set.AwaitTending()
}

// Link tells that the link to clue-1 is up, if it is.
func (s *site) Link() (number uint64, up bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.epoch, s.up
}

// Redial counts.
func (s *site) Redial() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.redials++
	return nil
}

// add lets events come in from an exporter.
func (s *site) add(exporter string) {
	s.t.Helper()
	err := s.set.Add(exporter, func() (Exporter, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.ways++
		return s, nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// ByHub is false.
func (s *site) ByHub() bool { return false }

// Close ends the way to clue-1.
func (s *site) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ways--
}

// open is how many ways are open, once a talk had the time to end.
func (s *site) open() int {
	s.wait(time.Second)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ways
}

// Trouble knows nothing.
func (s *site) Trouble() string { return "" }

// Subscribe is not for durable imports.
func (s *site) Subscribe(string, nats.MsgHandler) (*nats.Subscription, error) {
	return nil, errors.New("no link")
}

// Say is clue-1 that hears what score-1 says.
func (s *site) Say(data []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	message, err := wire.DecodeTalk(data)
	if err != nil {
		s.t.Error(err)
	}
	if hello, ok := message.(*wire.Hello); ok {
		s.nonce = hello.Nonce
	}
	if _, ok := message.(*wire.Goodbye); ok && s.afterGoodbye != nil {
		s.goodbyes++
		n := s.goodbyes
		go s.afterGoodbye(n)
	}
	if !s.deaf && s.up {
		s.said = append(s.said, message)
	}
	return nil
}

// heard is what score-1 has said since it was asked last.
func (s *site) heard() (texts []string) {
	s.wait(2 * gatherFor)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, message := range s.said {
		switch m := message.(type) {
		case *wire.Hello:
			texts = append(texts, "hello")
		case *wire.Goodbye:
			texts = append(texts, "goodbye")
		case *wire.Answers:
			for _, a := range m.Answers {
				text := fmt.Sprintf("%d %s", a.Sequence, [...]string{"handled", "again", "later"}[a.Verdict])
				if len(a.Done) > 0 {
					text += fmt.Sprintf(" but for %s", strings.Join(a.Done, ", "))
				}
				texts = append(texts, text)
			}
		}
	}
	s.said = nil
	return texts
}

// answered is heard without what is no answer, in order of sequences.
func (s *site) answered() []string {
	texts := slices.DeleteFunc(s.heard(), func(text string) bool { return text == "hello" || text == "goodbye" })
	slices.SortStableFunc(texts, func(a, b string) int {
		var x, y int
		fmt.Sscan(a, &x)
		fmt.Sscan(b, &y)
		return x - y
	})
	return texts
}

// want checks what score-1 has answered since it was asked last.
func (s *site) want(texts ...string) {
	s.t.Helper()
	if got := s.answered(); !slices.Equal(got, texts) {
		s.t.Errorf("answered %q, want %q", got, texts)
	}
}

// link lets the link come up anew, and welcomes.
func (s *site) link() {
	s.dial()
	s.welcome("")
}

func (s *site) dial() {
	s.mu.Lock()
	s.epoch++
	s.up = true
	s.mu.Unlock()
	s.look()
}

func (s *site) cutLink() {
	s.mu.Lock()
	s.up = false
	s.mu.Unlock()
	s.look()
}

// look lets those who rest look, as the node does.
func (s *site) look() {
	s.set.Look()
	s.wait(100 * time.Millisecond)
}

func (s *site) wait(d time.Duration) {
	time.Sleep(d) // of the bubble
	synctest.Wait()
}

func (s *site) say(message any) {
	s.t.Helper()
	data, err := wire.EncodeTalk(message)
	if err != nil {
		s.t.Fatal(err)
	}
	s.set.Hear("clue-1", data)
	synctest.Wait()
}

func (s *site) welcome(problem string) {
	s.t.Helper()
	s.say(&wire.Welcome{Nonce: s.nonce, Exporter: "clue-1", MaxPayload: 64 << 10,
		Imports: []wire.WelcomeImport{{Type: solved, Problem: problem, Stream: s.stream, Last: s.last}}})
}

// give gives events.
func (s *site) give(events ...wire.BatchEvent) {
	s.t.Helper()
	for _, e := range events {
		s.last = max(s.last, e.Sequence)
	}
	s.say(&wire.Batch{Nonce: s.nonce, Type: solved, Events: events})
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

// kept are the letters: handler, event and tries.
func (s *site) kept() (texts []string) {
	list, err := s.letters.List()
	if err != nil {
		s.t.Error(err)
	}
	for _, l := range list {
		text := fmt.Sprintf("%s %d after %d", l.Handler, l.ID[15], l.Tries)
		if l.Handler == string(steps.Import) { // the id may be a hash
			text = fmt.Sprintf("%s after %d", l.Handler, l.Tries)
		}
		texts = append(texts, text)
	}
	slices.Sort(texts)
	return texts
}

func (s *site) wantKept(texts ...string) {
	s.t.Helper()
	if got := s.kept(); !slices.Equal(got, texts) {
		s.t.Errorf("letters %q, want %q", got, texts)
	}
}

func (s *site) wantCalled(handler string, numbers ...int) {
	s.t.Helper()
	if got := s.handlers[handler].called(); !slices.Equal(got, numbers) {
		s.t.Errorf("%s was called for %v, want %v", handler, got, numbers)
	}
}

// inBubble runs a test in virtual time.
func inBubble(t *testing.T, test func(t *testing.T)) { synctest.Test(t, test) }
