package mesh_test

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/logs"
	"leafmesh/mesh/stats"
	"leafmesh/mesh/why"
)

// In a storm of 1,000,000 refused events and 10,000 at which a handler fails, the log has at most
// ten lines a second, each of them leads to the cause, the one cascade that matters is still
// explained, and the node takes no more memory than its recorder may.
func TestWhyInAStorm(t *testing.T) {
	const failing, refusedEach = 10_000, 100
	var log journalLines
	handler := logs.New(slog.NewTextHandler(&log, nil), nil) // as a daemon has it
	size := mesh.Size(8 << 20)
	headers := make(chan mesh.Header, 1)
	before := heapInUse()
	n := openCore(t, mesh.Config{Recorder: &size, Logger: slog.New(handler),
		Handlers: []mesh.Handler{
			stepBegun.Handle("first", emitting(stepTaken)),
			stepTaken.Handle("second", func(ctx context.Context, s step) error {
				h, _ := mesh.HeaderOf(ctx)
				headers <- h
				return errors.New("no such team")
			}, mesh.Retry{Tries: 1}),
			stepEnded.Handle("storm", func(ctx context.Context, s step) (err error) {
				for range refusedEach {
					err = stepRepeated.Emit(ctx, s)
				}
				return err
			}, mesh.Retry{Tries: 1}),
		},
		Limits: []mesh.Rule{{Name: "none", Event: "core.step.repeated", Limit: mesh.Limit{Rate: 1e-9, Burst: 1, Policy: mesh.Refuse}}}})
	emitMany(t, n, stepEnded, "storm", failing/2)
	emitStep(t, n, stepBegun, step{Key: "otters"})
	lost := receive(t, headers)
	emitMany(t, n, stepEnded, "storm", failing/2)
	await(t, "the end of the storm", func() bool { return n.Stats().Total(stats.Failed) == failing+1 })
	if grown := int64(heapInUse()) - int64(before); grown > int64(size)+8<<20 {
		t.Errorf("the node takes %d KB; its recorder may take %d", grown>>10, size>>10)
	}
	await(t, "the cascade to be kept", func() bool { return n.Stats().Recorder.Kept > 0 })
	wantParts(t, explain(t, n, lost.ID).String(), "core.step.taken (key otters), handler second on core-1: given up", "no such team",
		"\ncore.step.begun (key otters) from core-1 at ", "\n└─ core.step.taken (key otters) from core-1 +")
	if err := handler.Close(); err != nil { // writes the summaries
		t.Fatal(err)
	}
	if most := log.mostInASecond(); most > 10 {
		t.Errorf("%d lines in one second", most)
	}
	told := 0
	for line := range strings.Lines(log.String()) {
		if !strings.Contains(line, "handler=storm") {
			continue
		}
		told++
		id := why.IDs(line)[0]
		wantParts(t, explain(t, n, id).String(), "core.step.ended (key storm), handler storm on core-1: given up", "core.step.repeated refused at emit by none",
			"\ncore.step.ended (key storm) from core-1", id.String())
	}
	if told < 2 || !strings.Contains(log.String(), "times=9999") {
		t.Errorf("the log does not tell of the storm:\n%s", log.String())
	}
	finish(t, n)
	refused := uint64(0)
	for _, c := range n.Stats().Counts {
		if c.Outcome == stats.Refused && c.Rule == "none" {
			refused += c.Count
		}
	}
	if s := n.Stats().Recorder; refused != failing*refusedEach-1 || s.Left < refused*9/10 {
		t.Errorf("%d refused; %+v", refused, s)
	}
}

// heapInUse is what is in use, after a collection.
func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// journalLines collects what is logged.
type journalLines struct {
	mu   sync.Mutex
	text strings.Builder // guarded by mu
	at   []time.Time     // guarded by mu: when each line came
}

func (l *journalLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at = append(l.at, time.Now())
	return l.text.Write(p)
}

// mostInASecond is the largest number of lines that came within one second.
func (l *journalLines) mostInASecond() (most int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	first := 0
	for i, at := range l.at {
		for at.Sub(l.at[first]) > time.Second {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

func (l *journalLines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
