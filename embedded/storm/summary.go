package storm

import "fmt"

// summarize says to a person what happened.
func (r *Result) summarize() string {
	verdict := "so the aim of at most twice held"
	if !r.Held {
		verdict = "so the aim of at most twice was missed"
	}
	return fmt.Sprintf("With the guard off, %d root events set off %s events, %s; the neighbour's mean handling time went from %s to %s. "+
		"With the guard on, %d set off %s, %s; it went from %s to %s, %.1f times its quiet value, %s.",
		r.Off.Roots, about(r.Off.Handled), r.Off.EndedBy.inWords(), r.Off.Quiet.Mean, r.Off.Storm.Mean,
		r.On.Roots, about(r.On.Handled), r.On.EndedBy.inWords(), r.On.Quiet.Mean, r.On.Storm.Mean, r.On.Factor, verdict)
}

func (e Ending) inWords() string {
	switch e {
	case Time:
		return "which went on when the time was up"
	case Cap:
		return "where the safety cap ended it"
	default:
		return "and each cascade came to its end"
	}
}

// about writes a count as people say it.
func about(n uint64) string {
	switch {
	case n >= 1_000_000:
		return fmt.Sprintf("%.1f million", float64(n)/1e6)
	case n >= 10_000:
		return fmt.Sprintf("%.0f thousand", float64(n)/1e3)
	default:
		return fmt.Sprint(n)
	}
}
