package storm

import (
	"context"
	"runtime/metrics"
	"time"
)

// heapMetric is the memory of all objects, those that are garbage and not yet collected included.
const heapMetric = "/memory/classes/heap/objects:bytes"

// heapEvery is the time between two looks at the heap. A look takes some microseconds.
const heapEvery = 5 * time.Millisecond

// peakHeap watches the heap until ctx ends and returns the largest value, in bytes.
func peakHeap(ctx context.Context) (peak uint64) {
	sample := []metrics.Sample{{Name: heapMetric}}
	ticker := time.NewTicker(heapEvery)
	defer ticker.Stop()
	for {
		metrics.Read(sample)
		peak = max(peak, sample[0].Value.Uint64())
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return peak
		}
	}
}
