package outbox

import (
	"time"

	"leafmesh/mesh/internal/wire"
)

const (
	// minWindow and maxWindow bound how many bytes of batches are on their way to a reader. A link
	// of 60 kB/s takes minWindow in about a second, and a ping behind it is answered in time.
	minWindow = 64 << 10
	maxWindow = 4 << 20
	// A reader that has a batch sooner than quick may have more on its way, and one that has it
	// later than tardy less.
	quick = 100 * time.Millisecond
	tardy = 500 * time.Millisecond
)

// pace bounds what is on its way to a reader by how soon the reader says that it has it. What a
// link does not take at once waits here, and nothing that is urgent waits behind it. It is pure.
type pace struct {
	window  int    // bytes; 0 before the first batch
	number  uint64 // of the last batch
	onWay   int    // bytes
	batches []batchSent
}

type batchSent struct {
	number uint64
	bytes  int
	at     int64
}

// most is the largest batch.
func (p *pace) most() int {
	p.window = max(p.window, minWindow)
	return min(p.window/2, maxBatchBytes)
}

// allows reports whether another batch may go. Of what is on its way a reader need not tell the
// last wire.GotEach bytes: with those there is room for the largest batch.
func (p *pace) allows() bool { return p.onWay+p.most() <= p.window }

// sent notes a batch, and returns its number.
func (p *pace) sent(bytes int, now int64) (number uint64) {
	p.number++
	p.onWay += bytes
	p.batches = append(p.batches, batchSent{p.number, bytes, now})
	return p.number
}

// got notes that a reader has all batches up to one, and reports whether that was not known. How
// long the last of them took tells how fast the link is, if the reader had to say so at once.
func (p *pace) got(number uint64, now int64) (more bool) {
	bytes, took := 0, int64(0)
	for len(p.batches) > 0 && p.batches[0].number <= number && number <= p.number {
		b := p.batches[0]
		p.batches = p.batches[1:]
		bytes, took = bytes+b.bytes, now-b.at
	}
	full := !p.allows()
	p.onWay -= bytes
	switch {
	case bytes < wire.GotEach:
	case took > int64(tardy):
		p.window = max(p.window/2, minWindow)
	case took < int64(quick) && full:
		p.window = min(p.window*2, maxWindow)
	}
	return bytes > 0
}

// forget takes it that nothing is on its way: the link is new.
func (p *pace) forget() { p.onWay, p.batches = 0, nil }
