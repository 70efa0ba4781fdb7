package mesh

import (
	"leafmesh/mesh/internal/recorder"
)

// record begins to record what becomes of events, before the first point of the trace is made.
func (f *flow) record() {
	size := f.config.Recorder
	if size == nil {
		return
	}
	f.recorder = recorder.New(recorder.Spec{Node: f.name, Bytes: int64(*size), Clock: f.clock, Paths: f.paths,
		Slow: f.config.Alarms.WithDefaults().Slow})
	f.trace.Record(f.recorder)
}
