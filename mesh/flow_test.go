package mesh

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/steps"
	"leafmesh/mesh/stats"
)

// openFlow starts a flow, which has no server and is linked to nobody. The test ends
// it by finish.
func openFlow(t *testing.T, c Config) *flow {
	t.Helper()
	c.Name = "ride-1"
	f, err := newFlow(c.WithDefaults())
	if err != nil {
		t.Fatal(err)
	}
	f.workers.Start()
	return f
}

func (f *flow) end(t *testing.T) {
	t.Helper()
	f.life.closing.Store(true)
	f.life.endOpen()
	f.life.endIntake()
	f.gate.KeepNothing()
	if err := f.finish(t.Context()); err != nil {
		t.Error(err)
	}
	f.clock.Close()
}

var (
	rideBegun = NewEvent[int]("ride.ride.begun", Key(func(n int) string { return fmt.Sprint(n % 10) }))
	rideEnded = NewEvent[int]("ride.ride.ended", Key(func(n int) string { return fmt.Sprint(n % 10) }))
)

var errRide = errors.New("no ride")

// Once the events of a key have gone, at any place and also by a handler that
// fails, the coalescer has forgotten the key.
func TestCoalescersForgetTheirKeys(t *testing.T) {
	coalesce := Limit{Rate: 1000, Burst: 1, Policy: Coalesce}
	f := openFlow(t, Config{
		Limits: []Rule{
			{Event: ">", Within: time.Millisecond, Limit: coalesce},
			{Place: AtHandler, Event: ">", Within: time.Millisecond, Limit: coalesce},
			{Place: AtHandler, Event: ">", By: ByRoot, Concurrency: 1, Within: time.Millisecond, Limit: Limit{Policy: Coalesce}},
		},
		Handlers: []Handler{
			rideBegun.Handle("go on", func(ctx context.Context, n int) error {
				if err := rideEnded.Emit(ctx, n); err != nil || n%3 > 0 {
					return err
				}
				return errRide
			}, Workers(4), Retry{Tries: 1}),
			rideEnded.Handle("end", func(context.Context, int) error { return nil }, Workers(4)),
		}})
	for n := range 5000 {
		if err := rideBegun.Emit(f.Context(t.Context()), n); err != nil {
			t.Fatal(err)
		}
	}
	f.end(t)
	coalesced := stats.Stats{Counts: f.trace.Counts()}.Total(stats.Coalesced)
	if rules, units := f.gate.Units(); rules == 0 || coalesced == 0 || units != 0 {
		t.Errorf("%d rules coalesced %d events and have %d units left", rules, coalesced, units)
	}
}

// Operations are outside of all limits.
func TestNoRuleIsForAlarms(t *testing.T) {
	handler := func(context.Context, Any) error { return nil }
	f := openFlow(t, Config{Limits: []Rule{{Place: AtHandler, Event: ">", Concurrency: 1}},
		Handlers: []Handler{HandleAll(">", "a", handler)}})
	defer f.end(t)
	for subject, limited := range map[string]bool{GraphAlarms.Subject(): false, rideBegun.Subject(): true} {
		typ, err := f.typeOf(subject)
		if err != nil {
			t.Fatal(err)
		}
		if got := typ.handlers.Takers[0].Rules.Load() != nil; got != limited {
			t.Errorf("a rule is in force for %s: %v", subject, got)
		}
	}
}

func TestOnlyOurHandlersAreTaken(t *testing.T) {
	for _, h := range []Handler{nil, strangeHandler{}} {
		_, err := newFlow(Config{Name: "ride-1", Handlers: []Handler{h}})
		if problems := config.FieldErrors(err); len(problems) != 1 || problems[0].Field != "handlers[0]" {
			t.Errorf("%T: %v", h, err)
		}
	}
}

type strangeHandler struct{}

func (strangeHandler) Name() string    { return "strange" }
func (strangeHandler) Pattern() string { return ">" }

func (strangeHandler) Settings() config.HandlerSettings { return config.DefaultHandlerSettings() }

// ledger counts what passes the trace point.
type ledger struct {
	mu     sync.Mutex
	counts map[stats.Count]uint64 // the key's own Count is 0
	begun  int
	strays []string // steps without a header that should have one
}

func (l *ledger) Note(p steps.Passage) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p.Header.ID.IsZero() || p.Header.Subject() != p.Type && p.Type != DeadLetters.Subject() {
		l.strays = append(l.strays, fmt.Sprintf("%+v of %+v", *p.Step, p.Header))
	}
	if p.Outcome == stats.Begun {
		l.begun++
		return
	}
	l.counts[stats.Count{Type: p.Type, Outcome: p.Outcome, Place: p.Place.String(), Rule: p.Rule}] += p.Count
}

// Every step that is counted is told, with the event's header: by an event that goes
// through, one that fails, is refused by a rule, by the guard, by a full queue, for its
// key, sheds, and waits.
func TestEachStepPassesTheTracePoint(t *testing.T) {
	l := &ledger{counts: map[stats.Count]uint64{}}
	var f *flow
	full := make(chan struct{})
	f = openFlow(t, Config{
		Limits: []Rule{
			{Event: "ride.ride.ended", By: ByKey, Limit: Limit{Rate: 1e-3, Burst: 3}},
			{Place: AtHandler, Event: "ride.ride.begun", Handler: "pace", Limit: Limit{Rate: 1000, Burst: 1, Policy: Wait}},
			{Place: AtHandler, Event: "ride.ride.begun", Handler: "some", Limit: Limit{Rate: 1e-3, Burst: 1, Policy: Shed}},
		},
		Handlers: []Handler{
			rideBegun.Handle("pace", func(ctx context.Context, n int) error {
				_ = rideBegun.Emit(ctx, n) // a loop, which the guard refuses
				_ = rideEnded.Emit(ctx, n) // refused by the rule after some
				return nil
			}),
			rideBegun.Handle("some", func(context.Context, int) error { return nil }),
			rideBegun.Handle("fail", func(context.Context, int) error { return errRide }, Retry{Tries: 2, LongestPause: time.Microsecond}),
			rideEnded.Handle("stuck", func(context.Context, int) error { <-full; return nil }, Queue(1), ShedWhenFull()),
		}})
	stop := f.trace.Listen(l)
	for n := range 100 {
		if err := rideBegun.Emit(f.Context(t.Context()), n); err != nil {
			t.Fatal(err)
		}
		_ = rideEnded.Emit(f.Context(t.Context()), n)
	}
	close(full)
	f.end(t)
	stop()
	var want uint64
	for _, c := range f.trace.Counts() {
		key := c
		key.Count = 0
		if l.counts[key] != c.Count {
			t.Errorf("%+v was told %d times", c, l.counts[key])
		}
		if c.Outcome == stats.Handled || c.Outcome == stats.Retried || c.Outcome == stats.Failed {
			want += c.Count
		}
	}
	if len(l.strays) > 0 {
		t.Errorf("%d steps without their headers: %s", len(l.strays), l.strays[0])
	}
	if uint64(l.begun) != want {
		t.Errorf("%d calls begun, want %d", l.begun, want)
	}
	var seen []stats.Outcome
	for c := range l.counts {
		seen = append(seen, c.Outcome)
	}
	for _, o := range []stats.Outcome{stats.Admitted, stats.Delivered, stats.Handled, stats.Failed, stats.Retried, stats.Refused, stats.Shed, stats.Delayed} {
		if !slices.Contains(seen, o) {
			t.Errorf("no event was %s", o)
		}
	}
}
