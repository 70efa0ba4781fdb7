package measure

import (
	"fmt"
	"slices"
	"time"
)

// Handling is how long events took until they were handled.
type Handling struct {
	Events int          `json:"events"`
	Mean   Microseconds `json:"mean_us"`
	P99    Microseconds `json:"p99_us"`
}

// HandlingOf gives the mean and the 99th percentile (nearest rank) of times, which it sorts.
func HandlingOf(times []time.Duration) Handling {
	if len(times) == 0 {
		return Handling{}
	}
	slices.Sort(times)
	var sum time.Duration
	for _, t := range times {
		sum += t
	}
	rank := (99*len(times) + 99) / 100 // 99 % rounded up
	return Handling{Events: len(times), Mean: microseconds(sum) / Microseconds(len(times)), P99: microseconds(times[rank-1])}
}

func microseconds(d time.Duration) Microseconds {
	return Microseconds(d) / Microseconds(time.Microsecond)
}

// Microseconds is a time that reads as people say it: "5.4 µs", "32.1 ms".
type Microseconds float64

// String gives the time with the unit that makes it short.
func (m Microseconds) String() string {
	if m >= 1000 {
		return fmt.Sprintf("%.1f ms", float64(m)/1000)
	}
	return fmt.Sprintf("%.1f µs", float64(m))
}
