package outbox

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"leafmesh/mesh/internal/journal"
)

// library serves the readers: the shelves, and who takes from them. One goroutine owns the shelves
// and all that is said to be its own below; it never waits for a reader, the stream or the disk.
type library struct {
	outbox  *Outbox
	log     *journal.Log
	shelves []*shelf           // in the order of Config
	tails   map[string]*tail   // by a type's subject; not changed
	loads   map[string][]*load // as well: of services with a bound
	ctx     context.Context
	cancel  context.CancelFunc

	mu      sync.Mutex
	readers map[string]*reader // guarded by mu: those that ever said something

	wake  chan struct{} // there is something to take
	asks  chan func()   // what the goroutine is to do
	ended chan struct{}
	jobs  sync.WaitGroup // senders, and feeds that are being opened

	// The goroutine's own.
	here    map[string]*reader // those that are present
	ending  bool               // nothing is given out any more
	changed bool               // since the floors were asked for

	afterwards sync.Mutex // of what is the goroutine's own, when it has ended

	attended atomic.Bool // somebody is here

	malformed, stray, unbelieved atomic.Uint64
}

func newLibrary(o *Outbox) *library {
	l := &library{
		outbox:  o,
		log:     o.config.Log,
		readers: map[string]*reader{},
		tails:   map[string]*tail{},
		loads:   map[string][]*load{},
		here:    map[string]*reader{},
		wake:    make(chan struct{}, 1),
		asks:    make(chan func()),
		ended:   make(chan struct{}),
	}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	return l
}

// signal has the goroutine look for what there is to take.
func (l *library) signal() {
	select {
	case l.wake <- struct{}{}:
	default: // it will
	}
}

// stored tells that there is something new in a tail.
func (l *library) stored() {
	if l.attended.Load() {
		l.signal()
	}
}

// do has the goroutine run a function, and waits for it. It reports whether it was run: not if ctx
// ends first, or the goroutine has ended.
func (l *library) do(ctx context.Context, f func()) bool {
	done := make(chan struct{})
	select {
	case l.asks <- func() { f(); close(done) }:
		<-done
		return true
	case <-l.ended:
	case <-ctx.Done():
	}
	return false
}

// with has the goroutine run a function, or runs it here once that has ended.
func (l *library) with(f func()) {
	if !l.do(context.Background(), f) {
		l.afterwards.Lock()
		defer l.afterwards.Unlock()
		f()
	}
}

// run hears the readers, takes what the stream brings, and gives out what there is, until stop.
func (l *library) run() {
	defer close(l.ended)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-l.ctx.Done():
			l.hearAll(l.now())
			return
		case f := <-l.asks:
			f()
		case <-l.wake:
		case <-timer.C:
		}
		now := l.now()
		l.hearAll(now)
		for _, s := range l.shelves {
			s.takeIn()
		}
		timer.Reset(l.give(now))
		for _, s := range l.shelves {
			s.account()
		}
	}
}

func (l *library) hearAll(now int64) {
	for _, r := range l.everybody() {
		for _, said := range r.take() {
			l.hear(r, said, now)
		}
	}
}

func (l *library) now() int64 { return l.outbox.config.Clock.Now() }

// idle is how long nothing is looked at when nothing happens.
const idle = time.Minute

// give gives out what there is, and returns when there may be more because time has passed.
func (l *library) give(now int64) time.Duration {
	l.attended.Store(len(l.here) > 0)
	wait := idle
	for _, s := range l.shelves {
		if !l.ending {
			s.give(now)
		}
		if at, ok := s.Wake(); ok {
			wait = min(wait, max(time.Duration(at-now), time.Millisecond))
		}
	}
	for _, r := range l.here { // all at once, so that few messages are made of it
		if len(r.given) > 0 {
			r.send(r.given...)
			clear(r.given)
			r.given = r.given[:0]
		}
	}
	return wait
}

// shelf is that of a type and a service; nil if there is none.
func (l *library) shelf(subject, service string) *shelf {
	for _, s := range l.shelves {
		if s.kind.Subject == subject && s.service == service {
			return s
		}
	}
	return nil
}

func (l *library) everybody() []*reader {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]*reader, 0, len(l.readers))
	for _, r := range l.readers {
		all = append(all, r)
	}
	return all
}

// reader is the one of that name, which is made if it may read anything; otherwise nil.
func (l *library) reader(name string) *reader {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.readers[name]
	if r == nil {
		service := l.outbox.config.Service(name)
		if service == "" {
			return nil
		}
		r = &reader{library: l, name: name, service: service, moved: make(chan struct{}, 1)}
		l.readers[name] = r
	}
	return r
}

// stop hears what was said, ends the goroutine, the senders and the feeds, and waits for them,
// until ctx ends.
func (l *library) stop(ctx context.Context) error {
	l.cancel()
	<-l.ended
	idle := make(chan struct{})
	go func() { l.jobs.Wait(); close(idle) }()
	for _, s := range l.shelves {
		s.feed.close()
	}
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for what is being sent to readers: %w", context.Cause(ctx))
	}
}
