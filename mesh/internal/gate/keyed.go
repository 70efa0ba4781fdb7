package gate

import (
	"hash/maphash"
	"sync"
	"time"
)

// Keyed is a token bucket for each key, in bounded memory. It is safe for concurrent use. For what
// its methods do see those of [Bucket]; they say which bucket it was that they asked.
//
// It holds at most a stated number of buckets. A new key takes the place of the least recently used
// one only if that bucket is full again: a full bucket is the same as a fresh one, so nobody gains
// by being forgotten. While it is not full, new keys share one overflow bucket. So a flood of a
// million keys costs no memory, gets the rate of the table and one key more, and no key gets a
// fresh bucket by making others up. What the flood can do is to send honest keys that are new, or
// that paused until their bucket was full, to the overflow bucket; a key that goes on using its
// bucket keeps it.
type Keyed struct {
	perSecond float64
	burst     int
	overflow  *Bucket
	shards    []shard
}

// shard is a part of the table, so that emitters of different keys do not meet at one lock. Its
// buckets have no locks of their own: most of what a rule costs are locks.
type shard struct {
	mu      sync.Mutex
	limit   int              // how many buckets
	buckets map[string]*slot // guarded by mu
	newest  *slot            // guarded by mu: a ring in order of use
	_       [64]byte
}

// slot is the bucket of a key.
type slot struct {
	key        string
	tokens     tokens
	prev, next *slot
}

// shardCount is the number of shards of a large table.
const shardCount = 16

// NewKeyed makes a table of at most keys buckets, each of perSecond events a second with the given
// burst; for a burst under 1 see [NewBucket].
func NewKeyed(perSecond float64, burst, keys int) *Keyed {
	k := &Keyed{perSecond: perSecond, burst: burst, overflow: NewBucket(perSecond, burst)}
	count := min(shardCount, max(1, keys/shardCount))
	k.shards = make([]shard, count)
	for i := range k.shards {
		k.shards[i] = shard{limit: max(1, keys/count), buckets: map[string]*slot{}}
	}
	return k
}

// Use says which bucket was asked.
type Use uint8

const (
	Own      Use = iota // the key's own
	Recycled            // the key's own, which took the place of an idle key
	Overflow            // the one that all keys share which found no place
)

// Allow reports whether an event of a key may pass now, and takes its token if so.
func (k *Keyed) Allow(key string, now int64) (allowed bool, use Use) {
	s := k.shard(key)
	s.mu.Lock()
	b, use := s.bucketLocked(k, key, now)
	if b == nil {
		s.mu.Unlock()
		return k.overflow.Allow(now), use
	}
	allowed = b.tokens.allow(now)
	s.mu.Unlock()
	return allowed, use
}

// Charge takes a token of a key whether there is one or not.
func (k *Keyed) Charge(key string, now int64) (use Use) {
	s := k.shard(key)
	s.mu.Lock()
	b, use := s.bucketLocked(k, key, now)
	if b == nil {
		s.mu.Unlock()
		k.overflow.Charge(now)
		return use
	}
	b.tokens.charge(now)
	s.mu.Unlock()
	return use
}

// Next is how long it takes until there is a token for one of the key who waits.
func (k *Keyed) Next(key string, now int64) time.Duration {
	s := k.shard(key)
	s.mu.Lock()
	b, _ := s.bucketLocked(k, key, now)
	if b == nil {
		s.mu.Unlock()
		return k.overflow.Next(now)
	}
	defer s.mu.Unlock()
	return b.tokens.next(now)
}

// keySeed makes shards unpredictable, so that nobody can choose keys that all meet at one lock.
var keySeed = maphash.MakeSeed()

func (k *Keyed) shard(key string) *shard {
	if len(k.shards) == 1 {
		return &k.shards[0]
	}
	return &k.shards[maphash.String(keySeed, key)%uint64(len(k.shards))]
}

// bucketLocked finds or makes the bucket of a key, as the newest; nil: it is the overflow bucket.
func (s *shard) bucketLocked(k *Keyed, key string, now int64) (*slot, Use) {
	if b := s.newest; b != nil && b.key == key { // as in a burst, and of the roots of one type
		return b, Own
	}
	if b := s.buckets[key]; b != nil {
		s.touchLocked(b)
		return b, Own
	}
	if len(s.buckets) < s.limit {
		b := &slot{key: key, tokens: newTokens(k.perSecond, k.burst)}
		s.insertLocked(b)
		return b, Own
	}
	oldest := s.newest.prev
	if !oldest.tokens.full(now) {
		return nil, Overflow
	}
	delete(s.buckets, oldest.key)
	oldest.key = key
	s.buckets[key] = oldest
	s.newest = oldest // the ring's order is kept: the oldest is before the newest
	return oldest, Recycled
}

// touchLocked makes a bucket the newest.
func (s *shard) touchLocked(b *slot) {
	if b != s.newest.prev { // the oldest needs no move: it is before the newest
		b.prev.next, b.next.prev = b.next, b.prev
		b.link(s.newest)
	}
	s.newest = b
}

func (s *shard) insertLocked(b *slot) {
	s.buckets[b.key] = b
	if s.newest == nil {
		b.prev, b.next = b, b
	} else {
		b.link(s.newest)
	}
	s.newest = b
}

// link puts the bucket before another in the ring.
func (b *slot) link(other *slot) {
	b.prev, b.next = other.prev, other
	other.prev.next, other.prev = b, b
}

// Len is the number of buckets held.
func (k *Keyed) Len() (sum int) {
	for i := range k.shards {
		s := &k.shards[i]
		s.mu.Lock()
		sum += len(s.buckets)
		s.mu.Unlock()
	}
	return sum
}
