package readers

import (
	"maps"
	"sync"
	"sync/atomic"
)

// lines lead to those that may read, by name. They are replaced as a whole, so that who reads them
// takes no lock.
type lines struct {
	changing sync.Mutex
	present  atomic.Pointer[map[string]Line]
}

// all are the lines of now. They are not changed.
func (l *lines) all() map[string]Line {
	if present := l.present.Load(); present != nil {
		return *present
	}
	return nil
}

// to is the line to a reader; nil if it may not read.
func (l *lines) to(name string) Line { return l.all()[name] }

func (l *lines) add(lines ...Line) {
	l.change(func(present map[string]Line) {
		for _, line := range lines {
			present[line.Peer()] = line
		}
	})
}

func (l *lines) remove(name string) {
	l.change(func(present map[string]Line) { delete(present, name) })
}

func (l *lines) change(f func(present map[string]Line)) {
	l.changing.Lock()
	defer l.changing.Unlock()
	present := maps.Clone(l.all())
	if present == nil {
		present = map[string]Line{}
	}
	f(present)
	l.present.Store(&present)
}

// Add lets another reader read, to which a line leads. Nothing changes for one that may read
// already.
func (r *Readers) Add(line Line) {
	if r.lines.to(line.Peer()) == nil {
		r.lines.add(line)
	}
}

// Remove takes back that a reader may read. It gets nothing more and is not missed; what was sent
// to it and it has not said to have taken counts as lost.
func (r *Readers) Remove(name string) {
	if r.lines.to(name) == nil {
		return
	}
	r.lines.remove(name)
	r.mu.Lock()
	p := r.greeted[name]
	if p != nil && p.gone.IsZero() {
		r.silenceLocked(p)
	}
	delete(r.greeted, name)
	delete(r.met, name)
	delete(r.peers, name)
	r.forgetLocked(name)
	r.mu.Unlock()
	r.lose(leftBy(p))
	r.tellGone(name, p)
}
