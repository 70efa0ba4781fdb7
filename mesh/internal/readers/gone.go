package readers

import (
	"time"

	"leafmesh/mesh/internal/wire"
)

// awaitReturn is how long a reader whose link broke may stay away and go on with its counts.
const awaitReturn = time.Minute

// awaitHeard is how long it may take to hear what a reader said before its link broke.
const awaitHeard = 5 * time.Second

// missed notes that a reader's link was found gone. The outbox gives what the reader has to others,
// but for what it has answered for: so it is told after the last answer was heard, which a busy
// machine may hear long after the link has gone.
func (r *Readers) missed(line Line, p *presence, now time.Time) {
	name := line.Peer()
	switch first, since := r.gone(name, p, now); {
	case first && line.AfterHeard(func() { r.tellGone(name, p) }) == nil:
	case first || now.Sub(since) > awaitHeard:
		r.tellGone(name, p)
	}
}

// tellGone tells the outbox once that a reader has gone. The nil presence never came.
func (r *Readers) tellGone(name string, p *presence) {
	if p != nil && r.env.Outbox != nil && p.told.CompareAndSwap(false, true) {
		r.env.Outbox.Gone(name, p.nonce, p.count)
	}
}

// gone lets a reader whose link is gone get nothing more, unless it has said hello meanwhile, and
// tells since when it is gone, and whether that is new.
func (r *Readers) gone(name string, p *presence, now time.Time) (first bool, since time.Time) {
	r.mu.Lock()
	var ended *presence
	since = now
	switch {
	case r.greeted[name] != p:
	case p.gone.IsZero():
		p.gone, first = now, true
		r.silenceLocked(p)
	default:
		if since = p.gone; now.Sub(since) > awaitReturn {
			ended = p
			delete(r.greeted, name)
		}
	}
	r.mu.Unlock()
	r.lose(leftBy(ended))
	return first, since
}

// Dismiss lets a reader get nothing more before it says hello again, and asks it to: what it may
// import has changed. What it may not is not missed any more.
func (r *Readers) Dismiss(name string, now time.Time) {
	r.mu.Lock()
	r.forgetLocked(name)
	r.mu.Unlock()
	p := r.presenceOf(name)
	if p == nil {
		return
	}
	r.gone(name, p, now)
	r.tellGone(name, p)
	if err := r.say(name, &wire.Goodbye{Nonce: p.nonce}); err != nil {
		r.env.Log.Warn("a reader is not told that its rights have changed", "peer", name, "error", err)
	}
}

// leftBy is what a process that has ended, or nil, has not said to have taken, by type: nobody else
// can count it. A reader says so each 50 ms, and once more when it ends in order. So of one that is
// killed up to so many events count as lost that it had taken.
func leftBy(p *presence) map[string]uint64 {
	left := map[string]uint64{}
	if p != nil {
		for subject, reader := range p.had {
			left[subject] = reader.sent.Load() - reader.told.Load()
		}
	}
	return left
}

// lose counts events as lost. It logs: call it without the lock, which those who send events take.
func (r *Readers) lose(left map[string]uint64) {
	for subject, events := range left {
		if events > 0 {
			r.env.Lost(subject, events)
		}
	}
}
