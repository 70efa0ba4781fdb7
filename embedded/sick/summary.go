package sick

import (
	"fmt"
	"strings"
)

// Line says to a person what the healthy kept beside the sickness, at the place where they kept
// least.
func (s *Sickness) Line() string {
	kept, factor := s.Healthy[0].Kept, s.Healthy[0].Factor
	for _, h := range s.Healthy[1:] {
		kept, factor = min(kept, h.Kept), max(factor, h.Factor)
	}
	return fmt.Sprintf("%s on %s: the healthy kept at least %.0f %% of their throughput, with at most %.1f times their quiet p99: %s",
		s.What, s.Node, 100*kept, factor, verdict(s.Held))
}

func verdict(held bool) string {
	if held {
		return "held"
	}
	return "MISSED"
}

// summarize says to a person whether all held.
func (r *Result) summarize() string {
	aim := fmt.Sprintf("the aim, at least %.0f %% of the throughput and at most %d times the p99,", 100*MinKept, MaxFactor)
	if r.Held {
		return "Beside each sickness " + aim + " held."
	}
	var missed []string
	for _, s := range r.Sicknesses {
		if !s.Held {
			missed = append(missed, s.Name)
		}
	}
	return fmt.Sprintf("Of %d sicknesses %d missed %s namely %s.", len(r.Sicknesses), len(missed), aim, strings.Join(missed, ", "))
}
