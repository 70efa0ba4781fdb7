package leaf

import (
	"crypto/tls"
	"errors"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// sockets are the connections of links: those that were accepted on the leaf port and have begun a
// handshake, and others as far as they were found. The server gives no other way to them: it waits
// for what a peer does not read, and sets no bound.
type sockets struct {
	mu    sync.Mutex
	open  map[string]net.Conn      // guarded by mu; by the address of the other end
	found map[string]descriptor    // guarded by mu; others, by the address of the other end
	dials map[string]string        // guarded by mu; exporters that were dialed, by their addresses
	most  int                      // guarded by mu
	often rate.Limit               // guarded by mu; handshakes that a host may begin in a second
	hosts map[string]*rate.Limiter // guarded by mu; maxHosts at most
	burst int                      // guarded by mu; links that an importer may make at once
	out   map[string]time.Time     // guarded by mu; by importer, until when it stays out, and has no link
	again map[string]time.Time     // guarded by mu; by importer, until when it makes no further link
	links map[string]*rate.Limiter // guarded by mu; by importer, how often it may link

	sought   map[string]bool // the addresses of links that find knows no socket of; its own
	soughtAt time.Time       // its own

	serving chan struct{} // closed when handshakes may go on: see Server.Serve
	closing chan struct{} // closed when the server ends
}

func newSockets() *sockets {
	return &sockets{open: map[string]net.Conn{}, dials: map[string]string{}, hosts: map[string]*rate.Limiter{}, out: map[string]time.Time{}, again: map[string]time.Time{},
		links: map[string]*rate.Limiter{}, serving: make(chan struct{}), closing: make(chan struct{})}
}

const (
	// maxStrangers is how many connections there may be beyond those of importers: each takes some
	// 50 KB while it makes its handshake.
	maxStrangers = 64
	// strangersEach is how many handshakes a host may begin in a second beyond those of importers.
	// A handshake takes some 0.5 ms of the processor.
	strangersEach = 10
	// linksBurst and linksEach are how many links an importer may make at once, and in a second:
	// one takes some 5 ms of the processor in all.
	linksBurst = 30
	linksEach  = 1
	// maxHosts bounds the hosts that are known.
	maxHosts = 1024
	// holdFor is how long a handshake waits that is one too many, before it is refused: who dials
	// again and again is slowed down by it. It is over before handshakeTimeout, which says less.
	// Refused at once, a thousand dialers took a fifth of a core.
	holdFor = 1800 * time.Millisecond
)

var (
	errNotReady = errors.New("this node starts, and is not ready to be linked yet")
	errTooMany  = errors.New("too many connections at a time")
	errTooOften = errors.New("too many connections of that host in a second")
)

// admit bounds the connections to those of so many importers and some strangers, of which each host
// may begin so many handshakes in a second. An importer may make so many links at once.
func (s *sockets) admit(importers, strangers, links int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.burst = links
	s.most, s.often = importers*maxReaderLinks+maxStrangers, rate.Limit(importers*maxReaderLinks+strangers)
}

// enter takes note of a connection when its handshake begins, or refuses it. The handshake waits
// until the node is open, so that nobody is answered for what is not there yet.
func (s *sockets) enter(hello *tls.ClientHelloInfo) error {
	may, err := s.note(hello.Conn, time.Now())
	if err == nil && !may {
		err = errTooOften
	}
	switch {
	case err != nil:
		s.hold(holdFor, nil)
	case !s.hold(handshakeTimeout, s.serving):
		err = errNotReady
	}
	return err
}

// hold waits, and reports whether what it waits for was there in time, and before the server ended.
func (s *sockets) hold(most time.Duration, until <-chan struct{}) bool {
	held := time.NewTimer(most)
	defer held.Stop()
	select {
	case <-until:
		return true
	case <-held.C:
	case <-s.closing:
	}
	return false
}

// note notes a connection, and reports whether its handshake may go on now.
func (s *sockets) note(conn net.Conn, now time.Time) (may bool, err error) {
	address := conn.RemoteAddr().String()
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.open) >= s.most {
		return false, errTooMany
	}
	s.open[address] = conn
	of := s.hosts[host]
	if of == nil {
		if len(s.hosts) >= maxHosts {
			maps.DeleteFunc(s.hosts, func(_ string, l *rate.Limiter) bool { return l.TokensAt(now) >= float64(l.Burst()) })
		}
		of = rate.NewLimiter(s.often, s.most)
		if len(s.hosts) < maxHosts {
			s.hosts[host] = of
		}
	}
	of.SetLimitAt(now, s.often) // peers may have come or gone
	of.SetBurstAt(now, s.most)
	return of.AllowN(now, 1), nil
}

// serve lets handshakes go on. It is called once.
func (s *sockets) serve() { close(s.serving) }

// leave forgets a connection that the server says is closed.
func (s *sockets) leave(address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, address)
	delete(s.dials, address)
}

// dial notes a connection that was dialed for an account.
func (s *sockets) dial(address string, account Account) {
	exporter, is := strings.CutPrefix(string(account), exporterPrefix)
	if !is {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dials[address] = exporter
}

// dialed are the exporters that were dialed, by their addresses.
func (s *sockets) dialed() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.dials)
}

// shut keeps an importer out, unless it is kept out already.
func (s *sockets) shut(importer string, until time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Now().Before(s.out[importer]) {
		return false
	}
	maps.DeleteFunc(s.out, func(_ string, until time.Time) bool { return !time.Now().Before(until) })
	s.out[importer] = until
	return true
}

// isOut reports whether an importer is kept out.
func (s *sockets) isOut(importer string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return now.Before(s.out[importer])
}

// link notes that an importer links, or refuses it.
func (s *sockets) link(importer string, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Before(s.out[importer]) || now.Before(s.again[importer]) {
		return errExpelled
	}
	if s.links[importer] == nil {
		s.links[importer] = rate.NewLimiter(linksEach, s.burst)
	}
	if !s.links[importer].AllowN(now, 1) {
		maps.DeleteFunc(s.again, func(_ string, until time.Time) bool { return !now.Before(until) })
		s.again[importer] = now.Add(expelledFor) // not out: who is has no link, and this one may have
		return errAgain
	}
	return nil
}

// at is the connection to an address. It is nil for one that was only found, or is not there.
func (s *sockets) at(address string) (net.Conn, descriptor) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open[address], s.found[address]
}

// all lists them.
func (s *sockets) all() []net.Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.open))
}
