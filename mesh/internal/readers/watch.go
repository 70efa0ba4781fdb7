package readers

import (
	"time"

	"leafmesh/mesh/internal/clock"
)

// lookAtLinks is how soon a node learns that the link of a reader is down: what it kept for that
// one then goes to others.
const lookAtLinks = 125 * time.Millisecond

// Watch finds readers whose link has gone, until done is closed.
func (r *Readers) Watch(done <-chan struct{}) {
	beat := time.NewTimer(clock.ToBeat(lookAtLinks))
	defer beat.Stop()
	for {
		select {
		case now := <-beat.C:
			r.Look(now)
			beat.Reset(clock.ToBeat(lookAtLinks))
		case <-done:
			return
		}
	}
}
