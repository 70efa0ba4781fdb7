package readers

import (
	"math"
	"slices"
	"time"

	"leafmesh/mesh/internal/gate"
	"leafmesh/mesh/internal/wire"
)

// limits are those of a reader's import. They never change; others take their place.
type limits struct {
	told    []wire.HelloLimit
	buckets []*gate.Bucket
}

// limit takes what a reader says of the limits of its import. Those that it has said before keep
// the state of their buckets.
func (r *Reader) limit(told []wire.HelloLimit) {
	old := r.limits.Load()
	switch {
	case len(told) == 0:
		r.limits.Store(nil)
		return
	case old != nil && slices.Equal(old.told, told):
		return
	}
	l := &limits{told: slices.Clone(told)}
	for _, t := range told {
		perSecond := float64(time.Second) / float64(max(1, t.Every))
		l.buckets = append(l.buckets, gate.NewBucket(perSecond, int(min(max(1, t.Burst), math.MaxInt32))))
	}
	r.limits.Store(l)
}

// Limited reports whether the reader has limits, so that [Reader.Allows] is to be asked.
func (r *Reader) Limited() bool { return r.limits.Load() != nil }

// Allows reports whether the reader's import takes another event now, as of [clock.Clock.Now], and
// takes a token of each limit if so. It would drop what is over, so that it costs nothing there.
func (r *Reader) Allows(now int64) bool {
	l := r.limits.Load()
	if l == nil {
		return true
	}
	for _, b := range l.buckets {
		if !b.Allow(now) {
			return false
		}
	}
	return true
}
