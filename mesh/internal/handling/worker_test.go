package handling

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/delivery"
	"leafmesh/mesh/internal/queue"
	"leafmesh/mesh/internal/steps"
	"leafmesh/mesh/stats"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// script is a handler that answers as it is told, and notes what was asked of it.
type script struct {
	answers []error // of the calls in turn; nil after the last
	goexit  bool    // the first call ends its goroutine instead
	noted   []string
}

func (s *script) Call(_ *delivery.Item, value any, try int) (err error) {
	s.noted = append(s.noted, fmt.Sprintf("call %v, try %d", *value.(*int), try))
	if s.goexit {
		s.goexit = false
		runtime.Goexit()
	}
	if len(s.answers) > 0 {
		err, s.answers = s.answers[0], s.answers[1:]
	}
	return err
}

func (s *script) TryAgain(*delivery.Item, int, error) {}

func (s *script) Recovered(_ *delivery.Item, try int) {
	s.noted = append(s.noted, fmt.Sprintf("recovered, try %d", try))
}

func (s *script) GiveUp(_ *delivery.Item, _ any, tries int, _ steps.Span, why error) {
	s.noted = append(s.noted, fmt.Sprintf("given up after %d: %v", tries, why))
}

// bench is a worker of a scripted handler, and its trace.
type bench struct {
	*script
	worker queue.Processor[delivery.Item]
	item   func() *delivery.Item
	trace  *steps.Trace
}

func newBench(t *testing.T, s config.HandlerSettings, change func(*Spec), answers ...error) *bench {
	b := &bench{script: &script{answers: answers}, trace: steps.New(nil)}
	spec := Spec{Settings: s, Clock: clock.New(nil), Intake: t.Context(), Handling: t.Context(), Breaker: NewBreaker("judge", s),
		Rests: &Rests{}, Copy: func(v any) any { return v }}
	if change != nil {
		change(&spec)
	}
	at := delivery.NewSubscription(b.trace.Tally("clue.answer.guessed", steps.AtHandler("judge")))
	root := cause.NewTree(8).Root("clue-1:clue.answer.guessed")
	b.item = func() *delivery.Item { return &delivery.Item{Header: cause.NewRoot(root, "", 1), At: at} }
	inbox := queue.NewInbox[delivery.Item, int](queue.Spec[delivery.Item]{Label: "judge", Shards: 1, Capacity: 8, HardCap: 8,
		Order: func(a, b *delivery.Item) int { return 0 },
		Processor: func(q *queue.Core[delivery.Item]) queue.Processor[delivery.Item] {
			b.worker = New(spec, b, q)
			return b.worker
		}})
	_ = inbox // its worker does not run: the test is the worker
	return b
}

// process lets the worker process one event, whose value is n.
func (b *bench) process(n int) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.worker.Process(b.item(), &n)
	}()
	<-done
}

func (b *bench) counts() (texts []string) {
	for _, c := range b.trace.Counts() {
		texts = append(texts, c.String())
	}
	return texts
}

func TestTries(t *testing.T) {
	sick := errors.New("sick")
	settings := config.HandlerSettings{Workers: 1, Queue: 8, Tries: 3}
	gone, end := context.WithCancel(context.Background())
	end()
	for name, c := range map[string]struct {
		answers []error
		change  func(*Spec)
		noted   []string
		counts  []string
	}{
		"well": {nil, nil, []string{"call 7, try 1"}, []string{"1 clue.answer.guessed handled at handler judge"}},
		"at the second try": {[]error{sick}, nil, []string{"call 7, try 1", "call 7, try 2", "recovered, try 2"},
			[]string{"1 clue.answer.guessed handled at handler judge", "1 clue.answer.guessed retried at handler judge"}},
		"never": {[]error{sick, sick, sick}, nil, []string{"call 7, try 1", "call 7, try 2", "call 7, try 3", "given up after 3: sick"},
			[]string{"2 clue.answer.guessed retried at handler judge"}},
		"final": {[]error{fmt.Errorf("emit: %w", stats.ErrCascade)}, nil,
			[]string{"call 7, try 1", "given up after 1: emit: " + stats.ErrCascade.Error()}, nil},
		"said to be final": {[]error{fmt.Errorf("check: %w", Final(sick))}, nil, []string{"call 7, try 1", "given up after 1: check: sick"}, nil},
		"not now, which is no try": {[]error{sick, NotNow(0), fmt.Errorf("quota: %w", NotNow(time.Millisecond)), sick, sick}, nil,
			[]string{"call 7, try 1", "call 7, try 2", "call 7, try 2", "call 7, try 2", "call 7, try 3", "given up after 3: sick"},
			[]string{"4 clue.answer.guessed retried at handler judge"}},
		"not now at first": {[]error{NotNow(-1)}, nil, []string{"call 7, try 1", "call 7, try 1"},
			[]string{"1 clue.answer.guessed handled at handler judge", "1 clue.answer.guessed retried at handler judge"}},
		"both final and not now": {[]error{Final(NotNow(time.Hour))}, nil, []string{"call 7, try 1", "given up after 1: not now, but after 1h0m0s"}, nil},
		"after the end":          {nil, func(s *Spec) { s.Handling = gone }, nil, []string{"1 clue.answer.guessed lost at handler judge by closed"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, settings, c.change, c.answers...)
			b.process(7)
			if !slices.Equal(b.noted, c.noted) || !slices.Equal(b.counts(), c.counts) {
				t.Errorf("noted   %q\nwant    %q\ncounted %q\nwant    %q", b.noted, c.noted, b.counts(), c.counts)
			}
		})
	}
}

// A breaker that has tripped drops events until its time is up. Then one is tried.
func TestBreaker(t *testing.T) {
	sick := errors.New("sick")
	b := newBench(t, config.HandlerSettings{Tries: 1, Failures: 2, Probe: 50 * time.Millisecond}, nil, sick, sick)
	for n := range 4 {
		b.process(n)
	}
	want := []string{"call 0, try 1", "given up after 1: sick", "call 1, try 1", "given up after 1: sick"}
	if !slices.Equal(b.noted, want) || !slices.Contains(b.counts(), "2 clue.answer.guessed shed at handler judge by breaker") {
		t.Errorf("noted %q, counted %q", b.noted, b.counts())
	}
	for deadline := time.Now().Add(10 * time.Second); !slices.Contains(b.noted, "call 9, try 1"); {
		if time.Now().After(deadline) {
			t.Fatalf("never tried again: %q", b.noted)
		}
		b.process(9)
	}
}

// A handler that ends its goroutine has failed, as far as the breaker knows.
func TestBreakerCountsGoexit(t *testing.T) {
	b := newBench(t, config.HandlerSettings{Tries: 1, Failures: 1, Probe: time.Hour}, nil)
	b.goexit = true
	b.process(1)
	b.process(2)
	if want := []string{"call 1, try 1"}; !slices.Equal(b.noted, want) {
		t.Errorf("noted %q, want %q", b.noted, want)
	}
}

// An error may panic when it is asked what it is.
func TestIsOneOfSurvivesErrors(t *testing.T) {
	var broken *brokenError
	if IsFinal(broken) || IsFinal(errors.New("x")) || !IsFinal(fmt.Errorf("x: %w", stats.ErrCascade)) {
		t.Error("final is not what it should be")
	}
}

type brokenError struct{ inner error }

func (e *brokenError) Error() string { return "broken" }

func (e *brokenError) Unwrap() error { return e.inner } // of nil: a panic
