package part

import "time"

// pace spreads roots evenly over time. Who was late catches up.
type pace struct {
	start    time.Time
	interval float64 // ns
}

func newPace(rate int) pace {
	return pace{start: time.Now(), interval: float64(time.Second) / float64(rate)}
}

// wait waits until the n-th root is due, and says how late it is.
func (p pace) wait(n int) (late time.Duration) {
	due := p.start.Add(time.Duration(p.interval * float64(n)))
	early := time.Until(due)
	if early > 0 {
		sleep(early)
	}
	return max(0, time.Since(due))
}
