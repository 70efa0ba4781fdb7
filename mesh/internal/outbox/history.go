package outbox

import "time"

// history remembers the stream's last sequence at past moments.
type history struct {
	keep    time.Duration // how far back it is asked
	moments []moment      // oldest first
}

type moment struct {
	at   time.Time
	last uint64
}

// add notes the last sequence. Of the moments that are too old to be asked for, the
// newest is kept: it answers for all times after it.
func (h *history) add(at time.Time, last uint64) {
	h.moments = append(h.moments, moment{at: at, last: last})
	old := 0
	for old+1 < len(h.moments) && at.Sub(h.moments[old+1].at) >= h.keep {
		old++
	}
	h.moments = append(h.moments[:0], h.moments[old:]...)
}

// before is a sequence that the stream had reached at that time; 0 if it is not known.
func (h *history) before(at time.Time) uint64 {
	var last uint64
	for _, m := range h.moments {
		if m.at.After(at) {
			break
		}
		last = m.last
	}
	return last
}
