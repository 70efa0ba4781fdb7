package mesh_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/stats"
)

// What a handler says is final is not tried again, and is a dead letter with its reason.
func TestFinal(t *testing.T) {
	box, letters := letterbox()
	var calls atomic.Int64
	n := openHandlers(t, box, stepTaken.Handle("strict", func(context.Context, step) error {
		calls.Add(1)
		return fmt.Errorf("check: %w", mesh.Final(errBroken))
	}, soon(5)))
	if err := stepTaken.Emit(n.Context(t.Context()), step{}); err != nil {
		t.Fatal(err)
	}
	letter := receive(t, letters)
	if letter.Tries != 1 || letter.Error != "check: it is broken" || calls.Load() != 1 {
		t.Errorf("%+v after %d calls", letter, calls.Load())
	}
	if err := mesh.Final(nil); err != nil {
		t.Errorf("the final nil is %v", err)
	}
}

// Not now is no try, however often, and the event is handled in the end.
func TestNotNow(t *testing.T) {
	var calls atomic.Int64
	n := openHandlers(t, stepTaken.Handle("busy", func(context.Context, step) error {
		if calls.Add(1) <= 20 {
			return fmt.Errorf("quota: %w", mesh.NotNow(time.Millisecond))
		}
		return nil
	}, soon(1)))
	if err := stepTaken.Emit(n.Context(t.Context()), step{}); err != nil {
		t.Fatal(err)
	}
	await(t, "the event", func() bool { return n.Stats().Of(stepTaken.Subject(), stats.Handled) == 1 })
	if got := n.Stats().Of(stepTaken.Subject(), stats.Retried); got != 20 {
		t.Errorf("retried %d times, want 20", got)
	}
}

// A handler that is asked again later does not hold up a node that closes.
func TestNotNowEndsWithTheNode(t *testing.T) {
	called := make(chan struct{}, 1)
	n := openHandlers(t, stepTaken.Handle("busy", func(context.Context, step) error {
		called <- struct{}{}
		return mesh.NotNow(time.Hour)
	}))
	if err := stepTaken.Emit(n.Context(t.Context()), step{}); err != nil {
		t.Fatal(err)
	}
	receive(t, called)
	if err := closeWithin(n, 10*time.Millisecond); err == nil {
		t.Error("it lost an event and did not say so")
	}
	if got := n.Stats().Of(stepTaken.Subject(), stats.Lost); got != 1 {
		t.Errorf("%d lost, want 1", got)
	}
}
