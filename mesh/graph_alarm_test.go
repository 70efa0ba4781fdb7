package mesh_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/stats"
)

// logText collects what is logged.
type logText struct {
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// recordLog gives a logger, and what was logged to it so far.
func recordLog() (*slog.Logger, func() []string) {
	l := &logText{}
	return slog.New(slog.NewTextHandler(l, nil)), func() []string {
		l.mu.Lock()
		defer l.mu.Unlock()
		return strings.Split(l.text.String(), "\n")
	}
}

// alarmBox takes the alarms of a node.
func alarmBox() (mesh.Handler, <-chan mesh.GraphAlarm) {
	alarms := make(chan mesh.GraphAlarm, 100)
	return mesh.GraphAlarms.Handle("alarms", func(_ context.Context, a mesh.GraphAlarm) error {
		alarms <- a
		return nil
	}, mesh.Workers(16)), alarms // several, so that the right one must be found
}

// times makes a handler's function that emits a number of events.
func times(n int, e *mesh.Event[step]) func(context.Context, step) error {
	return func(ctx context.Context, s step) error {
		for range n {
			if err := e.Emit(ctx, s); err != nil && !errors.Is(err, mesh.ErrCascade) {
				return err
			}
		}
		return nil
	}
}

func TestAnEdgeOverItsFactorIsTold(t *testing.T) {
	box, alarms := alarmBox()
	logger, lines := recordLog()
	n := openCore(t, mesh.Config{CodecCheck: true, Logger: logger, Alarms: mesh.Alarms{Factor: 12.5}, Handlers: []mesh.Handler{box,
		stepBegun.Handle("many", times(20, stepTaken)),
		stepBegun.Handle("fewer", times(12, stepEnded))}})
	for range 100 {
		emitStep(t, n, stepBegun, step{})
	}
	a := receive(t, alarms)
	if a.Kind != "factor" || !slices.Equal(a.Types, []string{stepBegun.Subject(), stepTaken.Subject()}) ||
		a.Handler != "many" || a.Threshold != 12.5 || a.Value <= 12.5 || a.Value > 20 {
		t.Errorf("alarm %+v", a)
	}
	finish(t, n)
	if len(alarms) > 0 {
		t.Errorf("another alarm: %+v", <-alarms)
	}
	wantCount(t, n, mesh.GraphAlarms.Subject(), stats.Admitted, "", "", 1)
	if text := strings.Join(lines(), "\n"); !strings.Contains(text, `path="core.step.begun → core.step.taken" handler=many`) {
		t.Errorf("logged\n%s", text)
	}
}

// The alarm comes although no cascade has reached its budget: the guard has
// refused nothing but the last returns of the loop.
func TestACycleThatGrowsIsTold(t *testing.T) {
	box, alarms := alarmBox()
	n := openHandlers(t, box, stepLooped.Handle("twice", times(2, stepLooped)))
	for range 50 {
		emitStep(t, n, stepLooped, step{})
	}
	a := receive(t, alarms)
	if a.Kind != "gain" || !slices.Equal(a.Types, []string{stepLooped.Subject()}) || a.Handler != "" || a.Value > 2 || a.Threshold != 1 {
		t.Errorf("alarm %+v", a)
	}
	wantCount(t, n, stepLooped.Subject(), stats.Refused, "emit", "cascade-descendants", 0)
}

var stepAlarmed = mesh.NewEvent[step]("core.step.alarmed")

// The alarms are neither refused by limits nor held up by a handler that is stuck
// with a full queue.
func TestAlarmsComeFromANodeAtItsLimits(t *testing.T) {
	box, alarms := alarmBox()
	stuck := make(chan struct{})
	defer close(stuck)
	n := openCore(t, mesh.Config{
		Limits: []mesh.Rule{{Event: "mesh.>", Limit: mesh.Limit{Rate: mesh.Per(1, waitLimit), Burst: 1}}},
		Handlers: []mesh.Handler{box,
			stepBegun.Handle("many", times(20, stepTaken)),
			stepBegun.Handle("more", times(20, stepEnded)),
			stepRepeated.Handle("fill", func(ctx context.Context, s step) (err error) {
				for err == nil {
					err = stepAlarmed.Emit(ctx, s)
				}
				wantRefusal(t, err, "handler stuck", "queue-full")
				return nil
			}),
			mesh.HandleAll("*.*.alarmed", "stuck", func(ctx context.Context, _ mesh.Any) error {
				select {
				case <-stuck:
				case <-ctx.Done():
				}
				return nil
			}, mesh.Queue(1)),
		}})
	emitStep(t, n, stepRepeated, step{})
	await(t, "the queue to be full", func() bool { return n.Stats().Of(stepRepeated.Subject(), stats.Handled) == 1 })
	for range 100 {
		emitStep(t, n, stepBegun, step{})
	}
	if first, second := receive(t, alarms), receive(t, alarms); first.Kind != "factor" || second.Handler == first.Handler {
		t.Errorf("alarms %+v, %+v", first, second)
	}
	wantCount(t, n, mesh.GraphAlarms.Subject(), stats.Shed, "handler stuck", "queue-full", 2)
	wantCount(t, n, mesh.GraphAlarms.Subject(), stats.Refused, "emit", "", 0)
}

func TestAnOrdinaryCascadeIsNotTold(t *testing.T) {
	logger, lines := recordLog()
	n := openCore(t, mesh.Config{Logger: logger, Handlers: []mesh.Handler{
		stepBegun.Handle("some", times(4, stepTaken), mesh.Workers(4)),
		stepTaken.Handle("one", times(1, stepEnded)),
		stepLooped.Handle("again", times(1, stepLooped), mesh.Workers(8))}})
	for range 3 {
		for i := range 200 {
			emitStep(t, n, stepBegun, step{Key: fmt.Sprint(i)})
			emitStep(t, n, stepLooped, step{Key: fmt.Sprint(i)})
		}
		<-time.After(1100 * time.Millisecond) // in which the node looks at its graph
	}
	finish(t, n)
	wantCount(t, n, mesh.GraphAlarms.Subject(), stats.Admitted, "", "", 0)
	if text := strings.Join(lines(), "\n"); strings.Contains(text, "alarm") {
		t.Errorf("logged\n%s", text)
	}
}
