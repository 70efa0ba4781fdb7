package sick

import (
	"leafmesh/embedded/measure"
)

// Result is what the healthy kept. Its JSON form is what `storm -sick -json` prints.
type Result struct {
	Seconds    float64    `json:"for_seconds"` // of each sickness in all, and of the quiet times beside it
	Rounds     int        `json:"rounds"`
	Sicknesses []Sickness `json:"sicknesses"`
	// Held says whether the healthy kept what they should beside each sickness.
	Held bool `json:"held"`
	// Summary says all this to a person.
	Summary string `json:"summary"`
}

// What the healthy are to keep beside a sickness.
const (
	MinKept   = 0.95 // of their throughput
	MaxFactor = 2    // times their 99th percentile
)

// Sickness is what one of them did.
type Sickness struct {
	Name string `json:"name"`
	What string `json:"what"` // for people
	Node string `json:"node"` // where it was
	// Counts are counters of the nodes which show that it was sick. None is zero.
	Counts map[string]uint64 `json:"counts"`
	// Healthy has an entry for each place.
	Healthy []Healthy `json:"healthy"`
	Held    bool      `json:"held"`
}

// Healthy is what healthy events at one place kept.
type Healthy struct {
	Where string `json:"where"` // SameNode, OtherNodes or Links
	// Quiet and Sick are medians of the rounds.
	Quiet Measured `json:"quiet"`
	Sick  Measured `json:"sick"`
	// Kept is the median of the rounds' throughput beside the sickness over the quiet one; Factor
	// the same of the 99th percentile.
	Kept   float64 `json:"kept"`
	Factor float64 `json:"factor"`
}

// Measured is how healthy events did at one place.
type Measured struct {
	PerSecond float64              `json:"per_second"` // handled in time
	P99       measure.Microseconds `json:"p99_us"`
}

// resultOf takes the account of a sickness.
func resultOf(w *ward, of *sickness, rounds []round) Sickness {
	s := Sickness{Name: of.name, What: of.what, Node: nodeNames[of.node], Counts: of.counts(w), Held: true}
	for _, place := range places {
		h := healthyOf(place, rounds)
		s.Healthy = append(s.Healthy, h)
		s.Held = s.Held && h.held()
	}
	return s
}

// healthyOf compares at one place.
func healthyOf(place string, rounds []round) Healthy {
	var quiet, sick struct {
		rates []float64
		p99s  []measure.Microseconds
	}
	var kept, factors []float64
	for _, r := range rounds {
		q, s := r.quiet[place], r.sick[place]
		quiet.rates, quiet.p99s = append(quiet.rates, q.PerSecond), append(quiet.p99s, q.P99)
		sick.rates, sick.p99s = append(sick.rates, s.PerSecond), append(sick.p99s, s.P99)
		kept, factors = append(kept, ratio(s.PerSecond, q.PerSecond)), append(factors, ratio(float64(s.P99), float64(q.P99)))
	}
	return Healthy{Where: place, Kept: median(kept), Factor: median(factors),
		Quiet: Measured{median(quiet.rates), median(quiet.p99s)}, Sick: Measured{median(sick.rates), median(sick.p99s)}}
}

// ratio is 0 where there is none.
func ratio(sick, quiet float64) float64 {
	if quiet == 0 {
		return 0
	}
	return sick / quiet
}

func (h *Healthy) held() bool { return h.Kept >= MinKept && h.Factor > 0 && h.Factor <= MaxFactor }
