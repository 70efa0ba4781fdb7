package readers

import (
	"time"

	"leafmesh/mesh/internal/wire"
)

// awaitReturn is how long a reader whose link broke may stay away and go on with its counts.
const awaitReturn = time.Minute

// gone notes that a reader's link is gone, unless it has said hello meanwhile.
func (r *Readers) gone(name string, p *presence, now time.Time) {
	r.mu.Lock()
	var ended *presence
	first := r.greeted[name] == p && p.gone.IsZero()
	switch {
	case first:
		p.gone = now
		r.silenceLocked(p)
	case r.greeted[name] == p && now.Sub(p.gone) > awaitReturn:
		ended = p
		delete(r.greeted, name)
	}
	r.mu.Unlock()
	r.lose(leftBy(ended))
	if first && r.env.Outbox != nil {
		r.env.Outbox.Gone(name)
	}
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
