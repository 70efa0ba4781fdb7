package readers

import (
	"maps"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/wire"
)

// numbers gives the paths of events numbers, which stand for them on links: see wire.Paths. A path
// keeps its number. What has none once there are too many goes over links whole.
type numbers struct {
	first uint64        // of this process; not 0
	runs  atomic.Uint64 // how many there were
	now   atomic.Pointer[numbered]
	mu    sync.Mutex // held to number another path
}

// numbered are the paths that have numbers. It never changes.
type numbered struct {
	of    map[*cause.Path]uint64
	paths []*cause.Path // by their numbers, from the first one on
	bytes int           // of their steps
	full  bool
}

func newNumbers() *numbers {
	n := &numbers{first: wire.FirstNumber(uint64(rand.Uint32() | wire.MaxLinkPaths))}
	n.now.Store(&numbered{})
	return n
}

// run names a reader's time with this process, among the last MaxLinkPaths of them.
func (n *numbers) run() uint64 { return n.first + wire.Index(n.runs.Add(1)) }

// of is the number of a path. It is not ok for one that has none.
func (n *numbers) of(p *cause.Path) (number uint64, ok bool) {
	now := n.now.Load()
	if number, ok = now.of[p]; !ok && !now.full && p.Number() != 0 { // else it is of this event alone
		return n.add(p)
	}
	return number, ok
}

// add gives a path a number.
func (n *numbers) add(p *cause.Path) (number uint64, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.now.Load()
	if number, ok = now.of[p]; ok || now.full {
		return number, ok
	}
	next := *now
	for _, step := range p.Steps() {
		next.bytes += len(step)
	}
	if len(now.paths) == wire.MaxLinkPaths || next.bytes > wire.MaxLinkPathBytes {
		next.bytes, next.full = now.bytes, true
		n.now.Store(&next)
		return 0, false
	}
	number = n.first + uint64(len(now.paths))
	next.of = map[*cause.Path]uint64{p: number}
	maps.Copy(next.of, now.of)
	next.paths = append(now.paths, p) // behind what now has of the same array
	n.now.Store(&next)
	return number, true
}

// lexicon is what an instance knows of the numbers, over all its types.
type lexicon struct {
	wanted, known set
	owes          atomic.Bool   // there may be something to tell it
	link          atomic.Uint64 // by which it said so: what it knows is of its process
	toldAt        time.Time     // guarded by Readers.mu
}

// set is one of numbers of this process.
type set [wire.MaxLinkPaths / 64]atomic.Uint64

func (s *set) has(number uint64) bool {
	at := number % wire.MaxLinkPaths
	return s[at/64].Load()&(1<<(at%64)) != 0
}

func (s *set) add(number uint64) {
	at := number % wire.MaxLinkPaths
	s[at/64].Or(1 << (at % 64))
}

func (s *set) clear() {
	for i := range s {
		s[i].Store(0)
	}
}

// Number is the number that stands for the path of an event on links. It is not ok for a path that
// has none.
func (r *Readers) Number(p *cause.Path) (number uint64, ok bool) { return r.numbers.of(p) }

// IsSame reports whether the link is that by which the reader said which numbers it knows: another
// process of it knows none.
func (r *Reader) IsSame() bool { return r.lexicon.isOf(r.line) }

// Knows reports whether the reader knows a number, if its link IsSame. One that it does not know it
// will be told.
func (r *Reader) Knows(number uint64) bool { return r.lexicon.knows(number) }

func (l *lexicon) isOf(line Line) bool {
	link, up := line.Link()
	return up && link == l.link.Load()
}

func (l *lexicon) knows(number uint64) bool {
	if l.known.has(number) {
		return true
	}
	if !l.wanted.has(number) {
		l.wanted.add(number)
		l.owes.Store(true)
	}
	return false
}

// Shorten returns the short form of an event for a reader that knows its path, else the event
// itself. What the reader does not know it will be told.
func (r *Readers) Shorten(name string, event []byte) []byte {
	line, p := r.lines.to(name), r.presenceOf(name)
	var e wire.Envelope
	if line == nil || p == nil || r.env.PathOf == nil || wire.DecodeEvent(event, &e) != nil {
		return event
	}
	number, ok := r.Number(r.env.PathOf(e.Path))
	if !ok || !p.lexicon.knows(number) || !p.lexicon.isOf(line) {
		return event
	}
	short, err := wire.AppendShort(make([]byte, 0, len(event)), &e, number, len(e.Path))
	if err != nil {
		return event
	}
	return short
}

const (
	// tellPathsEach is how soon a reader is told again what it does not say to know.
	tellPathsEach = time.Second
	// tellPathsBytes bounds a message of paths.
	tellPathsBytes = 16 << 10
	// pathsRoom and stepRoom are what such a message, and each step, take beside the steps.
	pathsRoom, stepRoom = 32, 3
)

// tellPaths tells a reader the numbers of paths that its events have. A path that no message to it
// has room for goes over the link whole.
func (r *Readers) tellPaths(name string, p *presence, link uint64, now time.Time) {
	l := p.lexicon
	r.mu.Lock()
	due := now.Sub(l.toldAt) >= tellPathsEach
	r.mu.Unlock()
	if !due || !l.owes.Swap(false) {
		return
	}
	said, same, room := &wire.Paths{Nonce: p.nonce}, l.link.Load() == link, min(p.room, tellPathsBytes)-pathsRoom
	for i, path := range r.numbers.now.Load().paths {
		number := r.numbers.first + uint64(i)
		if !l.wanted.has(number) || same && l.known.has(number) {
			continue
		}
		steps := path.Steps()
		size := pathsRoom
		for _, step := range steps {
			size += len(step) + stepRoom
		}
		if size <= room {
			room -= size
			said.Paths = append(said.Paths, wire.NumberedPath{Number: number, Steps: steps})
		}
	}
	if len(said.Paths) == 0 {
		return
	}
	l.owes.Store(true) // until it says that it knows them
	r.mu.Lock()
	l.toldAt = now
	r.mu.Unlock()
	if err := r.say(name, said); err != nil {
		r.env.Log.Warn("a reader is not told the paths of its events", "peer", name, "error", err)
	}
}

// known notes which numbers a reader knows.
func (r *Readers) known(name string, m *wire.KnownPaths) {
	line, p := r.lines.to(name), r.presenceOf(name)
	if line == nil || p == nil || p.nonce != m.Nonce {
		return
	}
	link, up := line.Link()
	if !up {
		return
	}
	l := p.lexicon
	if l.link.Load() != link {
		l.known.clear()
		l.link.Store(link)
	}
	for _, number := range m.Numbers {
		if wire.FirstNumber(number) == r.numbers.first {
			l.known.add(number)
		}
	}
	r.mu.Lock()
	l.toldAt = time.Time{} // what else there is it may be told at once
	r.mu.Unlock()
}
