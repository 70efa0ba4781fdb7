// Package memory is what a node remembers of cascades: a flight recorder has what lately happened,
// and an archive keeps of that what is worth it. Whoever asks why something happened gets both.
package memory

import (
	"sync"
	"time"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/archive"
	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/journal"
	"leafmesh/mesh/internal/recorder"
	"leafmesh/mesh/internal/steps"
	"leafmesh/mesh/stats"
	"leafmesh/mesh/why"
)

// Spec says what a memory is to be.
type Spec struct {
	Node   string
	Opened int64 // when the node was, in nanoseconds since 1970
	// Bytes is how much is remembered, on the disk too, so that a node's file says how much it is
	// at most; 0: nothing is.
	Bytes int64
	Paths *cause.Tree
	Clock *clock.Clock
	Log   *journal.Log
	Slow  time.Duration // what takes longer is worth keeping: see [Memory.SetSlow]
}

// Env is what a memory needs of its node, once that is open.
type Env struct {
	Folder string // where cascades are kept; "": in memory
	// Handlers names the handlers of a type that the node knows.
	Handlers func(subject string) (names []string, known bool)
	// Running lists the calls of handlers for some cascades.
	Running func(roots map[cause.ID]bool) []stats.Running
	// Kept is told what was kept just now of a cascade, and Shelved all that was, examples of what
	// is usual too; both by the goroutine that keeps it.
	Kept    func(root cause.ID, records []why.Record)
	Shelved func(records []why.Record)
}

// Memory is what a node remembers. Make one with [New]. Its methods are safe for concurrent use.
type Memory struct {
	Spec
	env      Env
	recorder *recorder.Recorder // nil: nothing is remembered
	archive  *archive.Archive   // nil: nothing is kept, or not yet
	keeping  sync.WaitGroup     // the goroutine that keeps cascades
	ended    chan struct{}      // closed when nothing more happens
}

// New makes the memory of a node, which remembers what the points of a trace tell that are made
// from now on. Nothing is kept of it before [Memory.Open].
func New(s Spec, trace *steps.Trace) *Memory {
	m := &Memory{Spec: s, ended: make(chan struct{})}
	m.recorder = recorder.New(recorder.Spec{Node: s.Node, Bytes: s.Bytes - s.archiveBytes(), Clock: s.Clock, Paths: s.Paths, Slow: s.Slow})
	trace.Record(m.recorder)
	return m
}

// archiveBytes is what of the bytes is for the cascades that are kept: a quarter.
func (s Spec) archiveBytes() int64 { return s.Bytes / 4 }

// SetSlow changes what is slow from now on.
func (m *Memory) SetSlow(d time.Duration) { m.recorder.SetSlow(d) }

// Open begins to keep the cascades that are worth it. It ends with [Memory.Close].
func (m *Memory) Open(env Env) error {
	m.env = env
	a, err := archive.Open(archive.Spec{Node: m.Node, Folder: env.Folder, Bytes: m.archiveBytes(), Recorder: m.recorder, Clock: m.Clock, Log: m.Log,
		Kept: env.Kept, Shelved: env.Shelved})
	if err != nil {
		return err
	}
	m.archive = a
	m.keeping.Go(func() { a.Run(m.ended) })
	return nil
}

// Records reports whether anything is remembered.
func (m *Memory) Records() bool { return m.recorder != nil }

// Keep keeps the cascades of some roots, as somebody wants it: see archive.Archive.Keep.
func (m *Memory) Keep(who string, roots []cause.ID) { m.archive.Keep(who, roots) }

// Faults gives the records of the cascades in which something went wrong on this node or took long.
// An error says what cannot be read.
func (m *Memory) Faults() ([]why.Record, error) { return m.archive.Faults() }

// Stats tells how full the memory is; nil if nothing is remembered.
func (m *Memory) Stats() *stats.Recorder { return m.archive.Stats(m.recorder.Stats()) }

// Close keeps what has come until now, and ends. What is remembered can still be found.
func (m *Memory) Close() error {
	close(m.ended)
	m.keeping.Wait()
	return m.archive.Close()
}
