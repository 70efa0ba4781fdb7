package delivery

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/queue"
	"leafmesh/mesh/internal/rules"
	"leafmesh/mesh/internal/steps"
	"leafmesh/mesh/stats"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const guessed = "clue.answer.guessed"

// place is one taker of guesses, whose worker does not run.
type place struct {
	*Taker
	consumer *Consumer[string]
}

// house is the takers of one event type.
type house struct {
	trace  *steps.Trace
	places []place
	of     TargetsOf[string]
	root   *cause.Path
}

func newHouse(kinds ...Kind) *house {
	h := &house{trace: steps.New(nil), root: cause.NewTree(8).Root("clue-1:" + guessed)}
	var takers []*Taker
	for i, kind := range kinds {
		at := steps.AtHandler(string(rune('a' + i)))
		c := NewConsumer(Spec[string]{Kind: kind, Label: at.String(), Workers: 1, Capacity: 2, HardCap: 3, From: Decoder[string](),
			Processor: func(*queue.Core[Item]) queue.Processor[Item] { return nil }})
		taker := c.Bind(NewSubscription(h.trace.Tally(guessed, at)))
		h.places = append(h.places, place{taker, c})
		takers = append(takers, taker)
	}
	h.of = NewTargetsOf[string](takers, false, ValueContent)
	return h
}

// depths are the places taken at each consumer.
func (h *house) depths() (all []int64) {
	for _, p := range h.places {
		all = append(all, p.consumer.Queues().Depth())
	}
	return all
}

func (h *house) event() rules.Event {
	return rules.Event{Path: h.root, At: 1}
}

func (h *house) emit(ctx context.Context, p Pressure) error {
	e := h.event()
	shed, err := h.of.Reserve(ctx, &e, 0, p, 0)
	if err == nil {
		value := "stork"
		h.of.Fill(&Item{Header: cause.NewRoot(h.root, "", 1)}, 0, &value, nil, shed)
	}
	return err
}

func (h *house) counts() (texts []string) {
	for _, c := range h.trace.Counts() {
		texts = append(texts, strings.TrimPrefix(c.String(), ""))
	}
	return texts
}

// An event gets a place everywhere or nowhere, but for those that shed.
func TestAllOrNone(t *testing.T) {
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	h := newHouse(Kind{IsHandler: true}, Kind{IsHandler: true, Sheds: true})
	for range 2 {
		if err := h.emit(gone, MayWait); err != nil {
			t.Fatal(err)
		}
	}
	// Both are full. From inside an event gets in beyond the capacity, but for a taker that sheds,
	// which has room up to its hard cap, too.
	if err := h.emit(gone, MayWait); !errors.Is(err, context.Canceled) || !errors.Is(err, stats.ErrRefused) {
		t.Errorf("full: %v, want a refusal because the context ended", err)
	}
	if err := h.emit(gone, MayOverfill); err != nil {
		t.Error(err)
	}
	if err := h.emit(gone, MayOverfill); !errors.Is(err, stats.ErrRefused) {
		t.Errorf("beyond the hard cap: %v", err)
	}
	if got := h.depths(); !slices.Equal(got, []int64{3, 3}) {
		t.Errorf("places %v, want 3 each", got)
	}
	want := []string{"3 clue.answer.guessed delivered at handler a", "3 clue.answer.guessed delivered at handler b",
		"2 clue.answer.guessed refused at handler a by queue-full"}
	if got := h.counts(); !slices.Equal(got, want) {
		t.Errorf("counted %q, want %q", got, want)
	}
}

// A taker that sheds holds up nobody, and a cut takes nothing.
func TestShedAndCut(t *testing.T) {
	h := newHouse(Kind{IsHandler: true}, Kind{IsHandler: true, Sheds: true}, Kind{IsHandler: true})
	h.places[2].Cut.Store(true)
	h.places[1].consumer.Queues().Shard(0).Reserve(true) //nolint:errcheck // there is room
	h.places[1].consumer.Queues().Shard(0).Reserve(true) //nolint:errcheck // there is room
	if err := h.emit(t.Context(), MayWait); err != nil {
		t.Fatal(err)
	}
	want := []string{"1 clue.answer.guessed delivered at handler a",
		"1 clue.answer.guessed shed at handler b by queue-full", "1 clue.answer.guessed shed at handler c by cut"}
	if got := h.counts(); !slices.Equal(got, want) {
		t.Errorf("counted %q, want %q", got, want)
	}
	if got := h.depths(); !slices.Equal(got, []int64{1, 2, 0}) {
		t.Errorf("places %v, want 1, 2 and 0", got)
	}
}

// Whoever waits holds no place, and says before that it waits.
func TestWhoeverWaitsHoldsNoPlace(t *testing.T) {
	h := newHouse(Kind{IsHandler: true}, Kind{IsHandler: true})
	second := h.places[1].consumer.Queues().Shard(0)
	for range 2 {
		if err := second.Reserve(false); err != nil {
			t.Fatal(err)
		}
	}
	e, asked := h.event(), 0
	e.BeforeWait = func() {
		asked++
		if got := h.depths(); !slices.Equal(got, []int64{0, 2}) {
			t.Errorf("waits with places %v, want 0 and 2", got)
		}
		second.Release()
	}
	if _, err := h.of.Reserve(t.Context(), &e, 0, MayWait, 0); err != nil || asked != 1 {
		t.Errorf("%v, asked %d times, want once", err, asked)
	}
	if got := h.depths(); !slices.Equal(got, []int64{1, 2}) {
		t.Errorf("places %v, want 1 and 2", got)
	}
}

// An encoded event that a taker cannot decode is lost there alone, or fails its handover.
func TestDeliverEncoded(t *testing.T) {
	h := newHouse(Kind{IsHandler: true})
	header := cause.NewRoot(h.root, "", 1)
	if err := h.of.Deliver(t.Context(), &header, []byte{0x65, 's', 't', 'o', 'r', 'k'}, MayWait, nil); err != nil {
		t.Fatal(err)
	}
	if err := h.of.Deliver(t.Context(), &header, []byte{0x01}, MayWait, nil); err != nil {
		t.Fatal(err)
	}
	var failed []Failure
	handover := NewHandover(false, nil, func(s Settlement) { failed = s.Failures })
	if err := h.of.Deliver(t.Context(), &header, []byte{0x01}, MayWait, handover); err != nil {
		t.Fatal(err)
	}
	if len(failed) != 1 || !failed[0].Final || failed[0].Place != steps.AtHandler("a") {
		t.Errorf("failed %+v, want one at handler a, for good", failed)
	}
	want := []string{"1 clue.answer.guessed delivered at handler a", "1 clue.answer.guessed lost at handler a by malformed"}
	if got := h.counts(); !slices.Equal(got, want) {
		t.Errorf("counted %q, want %q", got, want)
	}
	if got := h.depths(); !slices.Equal(got, []int64{1}) {
		t.Errorf("places %v, want 1", got)
	}
}
