package gate

import "sync"

// Keyed is a token bucket for each key, in bounded memory. It is safe for concurrent use.
//
// It holds at most a stated number of buckets. A new key takes the place of the least recently used
// one only if that bucket is full again: a full bucket is the same as a fresh one, so nobody gains
// by being forgotten. While it is not full, new keys share one overflow bucket. So a flood of a
// million keys costs no memory, gets the rate of the table and one key more, and no key gets a
// fresh bucket by making others up. What the flood can do is to send honest keys that are new, or
// that paused until their bucket was full, to the overflow bucket; a key that goes on using its
// bucket keeps it.
type Keyed[K comparable] struct {
	perSecond float64
	burst     int
	overflow  *Bucket
	shards    []shard[K]
}

// shard is a part of the table, so that emitters of different keys do not meet at one lock.
type shard[K comparable] struct {
	mu      sync.Mutex
	limit   int            // how many buckets
	buckets map[K]*slot[K] // guarded by mu
	newest  *slot[K]       // guarded by mu: a ring in order of use
	_       [64]byte
}

type slot[K comparable] struct {
	key        K
	bucket     *Bucket
	prev, next *slot[K]
}

// shardCount is the number of shards of a large table.
const shardCount = 16

// NewKeyed makes a table of at most keys buckets, each of perSecond events a second with the given
// burst; for a burst under 1 see [NewBucket].
func NewKeyed[K comparable](perSecond float64, burst, keys int) *Keyed[K] {
	k := &Keyed[K]{perSecond: perSecond, burst: burst, overflow: NewBucket(perSecond, burst)}
	count := min(shardCount, max(1, keys/shardCount))
	k.shards = make([]shard[K], count)
	for i := range k.shards {
		k.shards[i] = shard[K]{limit: max(1, keys/count), buckets: map[K]*slot[K]{}}
	}
	return k
}

// Use says which bucket an event was charged to.
type Use uint8

const (
	Own      Use = iota // the key's own
	Recycled            // the key's own, which took the place of an idle key
	Overflow            // the one that all keys share which found no place
)

// Bucket gives the bucket of a key, and what it is. hash spreads the keys.
func (k *Keyed[K]) Bucket(key K, hash uint64, now int64) (*Bucket, Use) {
	s := &k.shards[hash%uint64(len(k.shards))]
	s.mu.Lock()
	defer s.mu.Unlock()
	if b := s.buckets[key]; b != nil {
		s.touchLocked(b)
		return b.bucket, Own
	}
	if len(s.buckets) < s.limit {
		b := &slot[K]{key: key, bucket: NewBucket(k.perSecond, k.burst)}
		s.insertLocked(b)
		return b.bucket, Own
	}
	oldest := s.newest.prev
	if !oldest.bucket.full(now) {
		return k.overflow, Overflow
	}
	delete(s.buckets, oldest.key)
	oldest.key = key
	s.buckets[key] = oldest
	s.newest = oldest // the ring's order is kept: the oldest is before the newest
	return oldest.bucket, Recycled
}

// touchLocked makes a bucket the newest.
func (s *shard[K]) touchLocked(b *slot[K]) {
	if s.newest == b {
		return
	}
	if b != s.newest.prev { // the oldest needs no move: it is before the newest
		b.prev.next, b.next.prev = b.next, b.prev
		b.link(s.newest)
	}
	s.newest = b
}

func (s *shard[K]) insertLocked(b *slot[K]) {
	s.buckets[b.key] = b
	if s.newest == nil {
		b.prev, b.next = b, b
	} else {
		b.link(s.newest)
	}
	s.newest = b
}

// link puts the bucket before another in the ring.
func (b *slot[K]) link(other *slot[K]) {
	b.prev, b.next = other.prev, other
	other.prev.next, other.prev = b, b
}

// Len is the number of buckets held.
func (k *Keyed[K]) Len() (sum int) {
	for i := range k.shards {
		s := &k.shards[i]
		s.mu.Lock()
		sum += len(s.buckets)
		s.mu.Unlock()
	}
	return sum
}
