package cascade

import (
	"slices"
	"time"
)

// Result is what became of the roots of a run. Each is handled, refused or unfinished.
type Result struct {
	Roots   int `json:"roots"`
	Handled int `json:"handled"` // all five effects were seen
	Refused int `json:"refused"` // whoever emitted got an error
	// Unfinished roots lack effects. They are lost, or still under way when nobody waited any more.
	Unfinished int `json:"unfinished"`
	// Twice is how many effects were seen more often than once.
	Twice int `json:"twice"`
	// Mean and P99 are from a root's coming in to its last effect, of those that came in after the
	// first tenth of the run. One that is unfinished counts with the time until nobody waited any
	// more.
	Mean time.Duration `json:"mean_ns"`
	P99  time.Duration `json:"p99_ns"`
	// Work is what the handlers spent on the services' own state for a root, waiting for the disk
	// included. Some of them work side by side.
	Work  time.Duration `json:"work_ns"`
	Rogue int64         `json:"bad_handler_events"`
}

// warmUp is the part of the roots that is not in the times.
const warmUp = 10

// Merge makes the result of what the processes report. end is when nobody waited any more.
func Merge(reports []Report, end time.Time) Result {
	r := Result{Roots: len(reports[0].Begun)}
	var times []time.Duration
	for root := range r.Roots {
		begun, last, effects, refused := int64(0), int64(0), uint32(0), false
		for _, p := range reports {
			begun, last = max(begun, p.Begun[root]), max(last, p.Last[root])
			effects, refused = effects+p.Counts[root], refused || p.Failed[root]
		}
		switch {
		case effects >= Effects:
			r.Handled++
			r.Twice += int(effects - Effects)
		case refused:
			r.Refused++
			continue
		default:
			r.Unfinished++
			last = end.UnixNano()
		}
		if root >= r.Roots/warmUp {
			times = append(times, time.Duration(last-begun))
		}
	}
	for _, p := range reports {
		r.Work += p.Work
		r.Rogue += p.Rogue
	}
	r.Work /= time.Duration(max(1, r.Roots))
	r.Mean, r.P99 = summary(times)
	return r
}

func summary(times []time.Duration) (mean, p99 time.Duration) {
	if len(times) == 0 {
		return 0, 0
	}
	slices.Sort(times)
	var sum time.Duration
	for _, t := range times {
		sum += t
	}
	return sum / time.Duration(len(times)), times[len(times)*99/100]
}
