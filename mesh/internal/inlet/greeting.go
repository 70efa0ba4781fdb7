package inlet

import "time"

// greeting says when to say hello on a link: at once, then soon, as the exporter's interest may
// still be on its way, at least each second until it answers, and then as a sign of life. It is
// pure. The zero greeting is that of a link which is new.
type greeting struct {
	since    int64 // when the link came up, or the exporter was heard last
	helloAt  int64 // when to say it next; 0: now
	hellos   int   // said since then
	answered bool
	bidden   bool // the exporter said goodbye
}

const (
	helloSoon     = int64(25 * time.Millisecond)
	helloEach     = int64(time.Second)
	signEach      = int64(5 * time.Second)
	maxSilence    = int64(10 * time.Second) // of an exporter that was never heard on the link
	maxSignsEmpty = 3                       // signs of life in turn that nobody answers
)

// silence is what an exporter does not say.
type silence uint8

const (
	talks            silence = iota // it does
	neverAnswered                   // on this link
	stoppedAnswering                // it did before
)

// ask reports whether a hello is due, and whether the exporter is silent for too long.
func (g *greeting) ask(now int64) (due bool, s silence) {
	if now < g.helloAt {
		return false, talks
	}
	if g.answered && g.hellos >= maxSignsEmpty {
		*g = greeting{since: now}
		s = stoppedAnswering
	}
	g.hellos++
	switch {
	case g.answered:
		g.helloAt = now + signEach
		return true, s
	case now-g.since >= maxSilence:
		s = neverAnswered
	}
	g.helloAt = now + min(helloSoon<<min(g.hellos-1, 10), helloEach)
	return true, s
}

// welcome notes that the exporter has answered, and reports whether it is the first time.
func (g *greeting) welcome(now int64) (first bool) {
	first = !g.answered
	*g = greeting{since: now, helloAt: now + signEach, answered: true}
	return first
}

// again lets a hello be said at once.
func (g *greeting) again() { g.helloAt = 0 }

// isDue reports whether a hello is to be said at once, and was not yet.
func (g *greeting) isDue() bool { return g.helloAt == 0 }

// soon lets a hello be said soon.
func (g *greeting) soon(now int64) { g.helloAt = now + helloSoon }

// goodbye notes that the exporter ends. It may begin again without a new link.
func (g *greeting) goodbye(now int64) {
	*g = greeting{since: now, helloAt: now + helloEach, bidden: true}
}
