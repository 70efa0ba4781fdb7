package inlet

import (
	"context"
	"leafmesh/mesh/internal/delivery"
	"leafmesh/mesh/internal/handling"
	"leafmesh/mesh/internal/steps"
	"slices"
	"sync"
	"testing/synctest"
)

// handler is a handler that the test is. By default it handles all.
type handler struct {
	name   string
	answer func(ctx context.Context, n int) error // nil: handles all
	mu     sync.Mutex
	calls  []int
	ctx    context.Context
}

func (h *handler) Call(_ *delivery.Item, value any, _ int) error {
	n := *value.(*int)
	h.mu.Lock()
	h.calls = append(h.calls, n)
	answer := h.answer
	h.mu.Unlock()
	if answer == nil {
		return nil
	}
	return answer(h.ctx, n)
}

// TryAgain gives nothing back: nothing is charged here.
func (h *handler) TryAgain(*delivery.Item, int, error) {}

// Recovered is told to the log of package mesh.
func (h *handler) Recovered(*delivery.Item, int) {}

// GiveUp is what package mesh does for events that came from an outbox.
func (h *handler) GiveUp(it *delivery.Item, _ any, tries int, _ steps.Span, why error) {
	after, notNow := handling.IsNotNow(why)
	final := handling.IsFinal(why)
	it.Handover.Fail(delivery.Failure{Place: it.At.Place, Excused: tries == 0 || notNow || h.ctx.Err() != nil && !final,
		Final: final, After: after, Err: why})
}

// called are the events that the handler was called for.
func (h *handler) called() []int {
	synctest.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.calls)
}

// does sets what the handler does from now on.
func (h *handler) does(answer func(ctx context.Context, n int) error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answer = answer
}

// fails lets the handler fail with an error for each event.
func (h *handler) fails(err error) { h.does(func(context.Context, int) error { return err }) }
