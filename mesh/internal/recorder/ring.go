package recorder

import (
	"runtime"
	"sync/atomic"
)

// ring holds the newest records that were put into it.
//
// Nobody waits for a ring. Whoever has its latch may look into it or change it; a writer that finds
// it taken goes to another ring. On the hot path that costs two atomic operations a record, on a
// cache line that no other processor wants at the time, and the race detector understands it. A
// sequence number for each record was measured to cost three; words that are stored one by one
// atomically, 5 ns each.
type ring struct {
	latch  atomic.Uint32 // 1: taken
	texted bool          // records have texts
	at     uint64        // whoever has the latch: where the next record goes
	next   uint64        // whoever has the latch: how many records were put
	// chunks are made when they are first needed, so that a node with few events takes little
	// memory.
	chunks []*chunk
	// staged are the newest records, if the ring stages: they go into a chunk many at a time. A
	// record that is written there at once lies in memory that the processor's cache does not have,
	// and the latch cannot be given back before it has. Measured: 40 ns a record.
	staged  [stagedRecords]record
	pending int      // whoever has the latch: how many of staged are in use
	_       [64]byte // the next ring's latch lies on another cache line
}

const stagedRecords = 32

// chunk is a piece of a ring.
type chunk struct {
	records [chunkRecords]record
	texts   []string // of errors; nil if the ring has none
}

const chunkRecords = 128

// makeRing makes a ring of so many bytes, rounded down to chunks, of which there is one at least.
func makeRing(bytes int64, texted bool) ring {
	return ring{texted: texted, chunks: make([]*chunk, max(1, bytes/chunkBytes(texted)))}
}

// chunkBytes is what a chunk takes with all its texts.
func chunkBytes(texted bool) int64 {
	if texted {
		return chunkRecords * (recordBytes + textHead + maxText)
	}
	return chunkRecords * recordBytes
}

const (
	maxText  = 512 // bytes of an error's text
	textHead = 16  // bytes of a string beside its text
)

// take takes the latch, unless somebody has it.
func (r *ring) take() bool { return r.latch.CompareAndSwap(0, 1) }

// leave gives the latch back.
func (r *ring) leave() { r.latch.Store(0) }

// slot is the place of the next record, for whoever has the latch.
func (r *ring) slot() (*chunk, uint64) {
	at := r.at
	r.next++
	if r.at++; r.at == r.length() {
		r.at = 0
	}
	c := r.chunks[at/chunkRecords]
	if c == nil {
		c = r.add(at / chunkRecords)
	}
	return c, at % chunkRecords
}

// stage is the place of the next record of a ring that stages, for whoever has the latch.
func (r *ring) stage() *record {
	if r.pending == stagedRecords {
		r.unstage()
	}
	r.pending++
	return &r.staged[r.pending-1]
}

// unstage moves what is staged into chunks, for whoever has the latch.
func (r *ring) unstage() {
	for left := r.staged[:r.pending]; len(left) > 0; {
		c := r.chunks[r.at/chunkRecords]
		if c == nil {
			c = r.add(r.at / chunkRecords)
		}
		moved := uint64(copy(c.records[r.at%chunkRecords:], left))
		left = left[moved:]
		r.next += moved
		if r.at += moved; r.at == r.length() {
			r.at = 0
		}
	}
	r.pending = 0
}

//go:noinline
func (r *ring) add(i uint64) *chunk {
	c := &chunk{}
	if r.texted {
		c.texts = make([]string, chunkRecords)
	}
	r.chunks[i] = c
	return c
}

// length is how many records the ring holds when it is full.
func (r *ring) length() uint64 { return uint64(len(r.chunks)) * chunkRecords }

// place is where the record of a position lies.
func (r *ring) place(position uint64) (*chunk, uint64) {
	at := position % r.length()
	return r.chunks[at/chunkRecords], at % chunkRecords
}

// seen is a record that was read, with its text.
type seen struct {
	record
	text string
}

// read calls found for each record from a position on, oldest first, and returns the position after
// the last and how many before the first one fell out. It copies some records at a time, so that
// writers find the latch free most of the time.
func (r *ring) read(from uint64, found func(*seen)) (next, fellOut uint64) {
	var batch [32]seen
	r.await()
	r.unstage()
	end := r.next // what comes while this reads is for the next time
	r.leave()
	for from < end {
		r.await()
		if oldest := r.next - min(r.next, r.length()); from < oldest {
			fellOut += oldest - from
			from = oldest
		}
		n := 0
		for ; n < len(batch) && from < end; n, from = n+1, from+1 {
			c, i := r.place(from)
			batch[n].record = c.records[i]
			if r.texted {
				batch[n].text = c.texts[i]
			}
		}
		r.leave()
		for i := range n {
			found(&batch[i])
		}
	}
	return from, fellOut
}

// await takes the latch for a reader. Writers have it for some nanoseconds.
func (r *ring) await() {
	for !r.take() {
		runtime.Gosched()
	}
}

// reach is when the oldest record that the ring holds was made, and how many fell out before it. It
// is 0 while none did.
func (r *ring) reach() (oldest int64, fellOut uint64) {
	r.await()
	defer r.leave()
	r.unstage()
	if r.next <= r.length() {
		return 0, 0
	}
	fellOut = r.next - r.length()
	c, i := r.place(fellOut)
	return c.records[i].at, fellOut
}
