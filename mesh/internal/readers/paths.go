package readers

import (
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
	node    string
	process uint64                        // of all numbers: see wire.ProcessOf; not 0
	runs    atomic.Uint64                 // how many there were
	of      sync.Map                      // by *cause.Path: its number, a uint64; 0: it gets none
	paths   atomic.Pointer[[]*cause.Path] // by the indices of their numbers; replaced as a whole
	refused func()                        // called once, when a path gets no number; may be called by anybody
	once    sync.Once

	mu      sync.RWMutex
	encoded map[string]uint64 // guarded by mu: the same by the bytes of paths, of durable events
	own     share             // guarded by mu: of paths that began at this node
	others  share             // guarded by mu
}

// share is what paths take of the numbers.
type share struct{ paths, bytes int }

// otherShare is the part of all numbers that is for paths which began at other nodes: a peer that
// makes paths up leaves the rest.
const otherShare = 2

func newNumbers(node string, refused func()) *numbers {
	const processes = 1 << 32 / wire.MaxLinkPaths
	n := &numbers{node: node, process: wire.MaxLinkPaths * uint64(1+rand.N(processes-1)), refused: refused, encoded: map[string]uint64{}}
	n.paths.Store(&[]*cause.Path{})
	return n
}

// run names a reader's time with this process, among the last MaxLinkPaths of them.
func (n *numbers) run() uint64 { return n.process + wire.Index(n.runs.Add(1)) }

// numberOf is the number of a path. It is not ok for one that has none.
func (n *numbers) numberOf(p *cause.Path) (number uint64, ok bool) {
	known, found := n.of.Load(p)
	switch {
	case found:
		number = known.(uint64)
	case p.Number() == 0: // it is kept for one event alone
	default:
		if number = n.add(p); number == 0 {
			n.once.Do(n.refused)
		}
	}
	return number, number != 0
}

// add gives a path a number; 0: there is none for it. That is remembered too, so that its next
// event costs no more than others.
func (n *numbers) add(p *cause.Path) (number uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if known, found := n.of.Load(p); found {
		return known.(uint64)
	}
	paths, mine, most := *n.paths.Load(), &n.own, share{wire.MaxLinkPaths, wire.MaxLinkPathBytes}
	if p.Root().Node() != n.node {
		mine, most = &n.others, share{wire.MaxLinkPaths / otherShare, wire.MaxLinkPathBytes / otherShare}
	}
	bytes := 0
	for _, step := range p.Steps() {
		bytes += len(step)
	}
	if mine.paths == most.paths || mine.bytes+bytes > most.bytes || len(paths) == wire.MaxLinkPaths || n.own.bytes+n.others.bytes+bytes > wire.MaxLinkPathBytes {
		n.of.Store(p, uint64(0))
		return 0
	}
	mine.paths, mine.bytes = mine.paths+1, mine.bytes+bytes
	number = n.process + uint64(len(paths))
	paths = append(paths, p) // behind what those who have the former slice see
	n.paths.Store(&paths)
	n.of.Store(p, number)
	return number
}

// ofEvent is the number of the path of an event that is encoded. pathOf finds that path.
func (n *numbers) ofEvent(event []byte, pathOf func(steps [][]byte) *cause.Path) (number uint64, ok bool) {
	encoded := wire.PathOf(event)
	n.mu.RLock()
	number, known := n.encoded[string(encoded)]
	n.mu.RUnlock()
	var e wire.Envelope
	if known || encoded == nil || wire.DecodeEvent(event, &e) != nil {
		return number, number != 0
	}
	path := pathOf(e.Path)
	number, ok = n.numberOf(path)
	if path.Number() != 0 { // so there are few of them
		n.mu.Lock()
		defer n.mu.Unlock()
		n.encoded[string(encoded)] = number
	}
	return number, ok
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
func (r *Readers) Number(p *cause.Path) (number uint64, ok bool) { return r.numbers.numberOf(p) }

// Link is the number of the link that is up; 0 if none is.
func (r *Reader) Link() uint64 { return linkOf(r.line) }

// Knows reports whether the reader has said over a link that it knows a number: over another one
// there may be another process of it. One that it does not know it will be told.
func (r *Reader) Knows(number, link uint64) bool { return r.lexicon.knows(number, link) }

func linkOf(line Line) uint64 {
	if number, up := line.Link(); up {
		return number
	}
	return 0
}

func (l *lexicon) knows(number, link uint64) bool {
	// The link comes first: what was known over a former one is cleared before another one counts.
	if link != 0 && l.link.Load() == link && l.known.has(number) {
		return true
	}
	if !l.wanted.has(number) {
		l.wanted.add(number)
		l.owes.Store(true)
	}
	return false
}

// learn notes numbers of a process that the instance says over a link to know.
func (l *lexicon) learn(link, process uint64, numbers []uint64) {
	if l.link.Load() != link {
		l.known.clear()
		l.link.Store(link)
	}
	for _, number := range numbers {
		if wire.ProcessOf(number) == process {
			l.known.add(number)
		}
	}
}

// Shorten appends to dst the short form of an event for a reader. It is not ok if the reader does
// not know the event's path, which it then will be told.
func (r *Readers) Shorten(name string, dst, event []byte) (appended []byte, ok bool) {
	line, p := r.lines.to(name), r.presenceOf(name)
	if line == nil || p == nil || r.env.PathOf == nil {
		return dst, false
	}
	number, ok := r.numbers.ofEvent(event, r.env.PathOf)
	if !ok || !p.lexicon.knows(number, linkOf(line)) {
		return dst, false
	}
	return wire.Shorten(dst, event, number)
}

const (
	// tellPathsEach is how soon a reader is told again what it does not say to know.
	tellPathsEach = time.Second
	// tellPathsBytes bounds a message of paths.
	tellPathsBytes = 16 << 10
	// tellPathsRoom, pathRoom and stepRoom are what such a message, a path and a step take besides.
	tellPathsRoom, pathRoom, stepRoom = 32, 12, 3
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
	said, same, room := &wire.Paths{Nonce: p.nonce}, l.link.Load() == link, min(p.room, tellPathsBytes)-tellPathsRoom
	for i, path := range *r.numbers.paths.Load() {
		number := r.numbers.process + uint64(i)
		if !l.wanted.has(number) || same && l.known.has(number) {
			continue
		}
		steps := path.Steps()
		size := pathRoom
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
	if !up || r.isAnother(p, link) { // it may be of the process before
		return
	}
	p.lexicon.learn(link, r.numbers.process, m.Numbers)
	r.mu.Lock()
	p.lexicon.toldAt = time.Time{} // what else there is it may be told at once
	r.mu.Unlock()
}
