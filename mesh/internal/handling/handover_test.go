package handling

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/delivery"
	"leafmesh/mesh/internal/queue"
	"leafmesh/mesh/internal/steps"
	"leafmesh/mesh/stats"
)

// closing is a scripted handler whose node begins to close at one of its calls.
type closing struct {
	*script
	at  int // the call; 0: before the first
	end func()
}

func (c *closing) Call(it *delivery.Item, value any, try int) error {
	if c.at--; c.at == 0 {
		c.end()
	}
	return c.script.Call(it, value, try)
}

func (c *closing) GiveUp(it *delivery.Item, value any, tries int, last steps.Span, why error) {
	c.script.GiveUp(it, value, tries, last, why)
	_, notNow := IsNotNow(why)
	it.Handover.Fail(delivery.Failure{Place: it.At.Place, Excused: notNow, Err: why})
}

// An event of a durable import keeps no worker waiting, and what is not being handled when the node
// begins to close goes back.
func TestHandedOver(t *testing.T) {
	sick := errors.New("sick")
	for name, c := range map[string]struct {
		answers []error
		closes  int
		pause   time.Duration
		noted   []string
		failure error
	}{
		"handled":                    {nil, 9, 0, []string{"call 7, try 1"}, nil},
		"not now":                    {[]error{sick, NotNow(time.Hour)}, 9, 1, []string{"call 7, try 1", "call 7, try 2", "given up after 1: not now, but after 1h0m0s"}, NotNow(time.Hour)},
		"closed before":              {nil, 0, 0, nil, stats.ErrClosed},
		"closed while it is handled": {nil, 1, 0, []string{"call 7, try 1"}, nil},
		"closed between tries":       {[]error{sick}, 1, time.Hour, []string{"call 7, try 1"}, stats.ErrClosed},
		"closed during the last try": {[]error{sick, sick}, 2, 1, []string{"call 7, try 1", "call 7, try 2", "given up after 2: sick"}, sick},
	} {
		t.Run(name, func(t *testing.T) {
			intake, end := context.WithCancel(t.Context())
			defer end()
			if c.closes == 0 {
				end()
			}
			handler := &closing{&script{answers: c.answers}, c.closes, end}
			settings := config.HandlerSettings{Workers: 1, Queue: 8, Tries: 2, FirstPause: c.pause, LongestPause: c.pause}
			consumer := delivery.NewConsumer(delivery.Spec[int]{Kind: delivery.Kind{IsHandler: true}, Label: "judge", Workers: 1, Capacity: 8, HardCap: 8,
				From: delivery.Decoder[int](),
				Processor: func(q *queue.Core[delivery.Item]) queue.Processor[delivery.Item] {
					return New(Spec{Rests: &Rests{}, Settings: settings, Clock: clock.New(nil), Intake: intake, Handling: t.Context(), Copy: func(v any) any { n := *v.(*int); return &n }}, handler, q)
				}})
			var workers queue.Group
			workers.Add(consumer.Queues())
			workers.Start()
			at := delivery.NewSubscription(steps.New(nil).Tally("clue.answer.guessed", steps.AtHandler("judge")))
			targets := delivery.NewTargets([]*delivery.Taker{consumer.Bind(at)})
			settled := make(chan delivery.Settlement, 1)
			header := cause.NewRoot(cause.NewTree(8).Root("clue-1:clue.answer.guessed"), "otters", 1)
			over := delivery.NewHandover(false, nil, func(s delivery.Settlement) { settled <- s })
			if err := targets.Deliver(t.Context(), &header, []byte{7}, delivery.MayWait, over); err != nil {
				t.Fatal(err)
			}
			got := <-settled
			if cutShort, left := workers.Finish(t.Context(), time.Second, func() {}); cutShort != nil || left != nil {
				t.Error(cutShort, left)
			}
			if !slices.Equal(handler.noted, c.noted) {
				t.Errorf("noted %q, want %q", handler.noted, c.noted)
			}
			switch {
			case len(got.Failures) == 0 && c.failure == nil:
			case len(got.Failures) != 1 || c.failure == nil || got.Failures[0].Err.Error() != c.failure.Error() ||
				got.Failures[0].Excused != (c.failure != sick):
				t.Errorf("settled %+v, want %v", got, c.failure)
			}
		})
	}
}

// Not now is no failure that a breaker counts.
func TestBreakerDoesNotCountNotNow(t *testing.T) {
	sick := errors.New("sick")
	b := newBench(t, config.HandlerSettings{Tries: 1, Failures: 2, Probe: time.Hour}, nil, NotNow(0), NotNow(0), sick)
	b.process(0)
	b.process(1)
	if want := []string{"call 0, try 1", "call 0, try 1", "call 0, try 1", "given up after 1: sick", "call 1, try 1"}; !slices.Equal(b.noted, want) {
		t.Errorf("noted %q, want %q", b.noted, want)
	}
}
