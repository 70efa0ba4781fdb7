package recorder

import (
	"sync/atomic"

	"leafmesh/mesh/cause"
)

// filter answers on the hot path, for some two nanoseconds, whether the cascade of a root is kept:
// "no", or "probably". Ids that were made up to be confused with others cost a record more.
type filter struct {
	bits [filterWords]atomic.Uint64
}

const filterWords = 1 << 10

func (f *filter) has(root *cause.ID) bool {
	word, bit := place(root)
	return f.bits[word].Load()&bit != 0
}

func (f *filter) add(root cause.ID) {
	word, bit := place(&root)
	f.bits[word].Or(bit)
}

// place is where a root's bit is: in random bits of its id.
func place(root *cause.ID) (word int, bit uint64) {
	return int(root[15]) | int(root[14]&3)<<8, 1 << (root[13] & 63)
}
