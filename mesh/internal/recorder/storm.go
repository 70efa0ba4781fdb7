package recorder

import (
	"sync/atomic"
)

// storm counts within a second. The second is in the upper 32 bits and the count in the lower ones,
// so that both change at once. The count of a step's point was rejected: it has events in it that
// nobody asked about, and one that was read before the second began.
type storm struct{ atomic.Uint64 }

// next counts one more in a second, from 1 on. One that comes too late is of the newest second.
func (s *storm) next(second uint32) uint32 {
	for {
		now := s.Load()
		if int32(second-uint32(now>>32)) <= 0 { // also where seconds wrap
			return uint32(s.Add(1))
		}
		if s.CompareAndSwap(now, uint64(second)<<32|1) {
			return 1
		}
	}
}
