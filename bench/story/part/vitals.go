package part

import (
	"os"
	"runtime"
	"runtime/metrics"
)

// Vitals are what a process takes.
type Vitals struct {
	Heap        uint64 // bytes that the last garbage collection found in use
	Goroutines  int
	Descriptors int // open files and sockets; 0 where they cannot be counted
}

// liveHeap is a metric that costs no collection of its own.
const liveHeap = "/gc/heap/live:bytes"

func readVitals() Vitals {
	sample := []metrics.Sample{{Name: liveHeap}}
	metrics.Read(sample)
	v := Vitals{Heap: sample[0].Value.Uint64(), Goroutines: runtime.NumGoroutine()}
	if open, err := os.ReadDir("/proc/self/fd"); err == nil {
		v.Descriptors = len(open)
	}
	return v
}
