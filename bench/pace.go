package main

import "time"

// pace spreads events evenly over time. Who was late catches up, so that a busy
// machine does not lower the rate. The nil pace does not hold up.
type pace struct {
	start    time.Time
	interval time.Duration
	events   int
}

// newPace makes a pace of events a second; 0: none.
func newPace(rate int) *pace {
	if rate == 0 {
		return nil
	}
	return &pace{start: time.Now(), interval: time.Second / time.Duration(rate)}
}

// wait waits until the next event is due.
func (p *pace) wait() {
	if p == nil {
		return
	}
	p.events++
	if early := time.Until(p.start.Add(time.Duration(p.events) * p.interval)); early > 0 {
		time.Sleep(early)
	}
}
