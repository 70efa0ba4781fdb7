package handout

import "math/bits"

const (
	blockBits  = 12
	blockWords = 1 << blockBits / 64
)

// unsettled is a set of sequences: a bit for each, in blocks that exist where one is in the set. So
// it costs little whether few or many are left, near to each other or far apart.
type unsettled struct {
	blocks      map[uint64]*block // by sequence >> blockBits
	first, last *block            // in order
}

type block struct {
	number     uint64
	words      [blockWords]uint64
	count      int
	prev, next *block
}

func newUnsettled() unsettled { return unsettled{blocks: map[uint64]*block{}} }

// add puts a sequence into the set, which is not lower than all of the last block.
func (u *unsettled) add(sequence uint64) {
	number := sequence >> blockBits
	b := u.last
	if b == nil || b.number != number {
		if b != nil && b.count == 0 {
			u.unlink(b)
		}
		b = &block{number: number, prev: u.last}
		if u.last == nil {
			u.first = b
		} else {
			u.last.next = b
		}
		u.last = b
		u.blocks[number] = b
	}
	word, bit := place64(sequence)
	if b.words[word]&bit == 0 {
		b.words[word] |= bit
		b.count++
	}
}

func (u *unsettled) has(sequence uint64) bool {
	b := u.blocks[sequence>>blockBits]
	word, bit := place64(sequence)
	return b != nil && b.words[word]&bit != 0
}

// remove takes out a sequence that is in the set.
func (u *unsettled) remove(sequence uint64) {
	b := u.blocks[sequence>>blockBits]
	word, bit := place64(sequence)
	b.words[word] &^= bit
	if b.count--; b.count == 0 && b != u.last { // more will come into the last
		u.unlink(b)
	}
}

func (u *unsettled) unlink(b *block) {
	if b.prev == nil {
		u.first = b.next
	} else {
		b.prev.next = b.next
	}
	if b.next == nil {
		u.last = b.prev
	} else {
		b.next.prev = b.prev
	}
	delete(u.blocks, b.number)
}

// lowest is the lowest sequence in the set.
func (u *unsettled) lowest() (sequence uint64, ok bool) {
	return u.from(0)
}

// all gives the set in order.
func (u *unsettled) all(yield func(uint64) bool) {
	for b := u.first; b != nil; b = b.next {
		for word, left := range b.words {
			for ; left != 0; left &= left - 1 {
				if !yield(b.number<<blockBits + uint64(word*64+bits.TrailingZeros64(left))) {
					return
				}
			}
		}
	}
}

// from is the lowest sequence in the set that is not lower than a bound.
func (u *unsettled) from(bound uint64) (sequence uint64, ok bool) {
	b := u.blocks[bound>>blockBits]
	if b == nil {
		b = u.first
		for b != nil && b.number < bound>>blockBits {
			b = b.next
		}
	}
	for ; b != nil; b = b.next {
		start := b.number << blockBits
		word := 0
		mask := ^uint64(0)
		if start < bound {
			word = int(bound-start) / 64
			mask <<= (bound - start) % 64
		}
		for ; word < blockWords; word++ {
			if set := b.words[word] & mask; set != 0 {
				return start + uint64(word*64+bits.TrailingZeros64(set)), true
			}
			mask = ^uint64(0)
		}
	}
	return 0, false
}

func place64(sequence uint64) (word int, bit uint64) {
	return int(sequence>>6) % blockWords, 1 << (sequence & 63)
}
