package leaf

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

// sockets are the connections that were accepted on the leaf port and have begun a handshake. The
// server gives no other way to them: it waits for what a peer does not read, and sets no bound.
type sockets struct {
	mu   sync.Mutex
	open map[string]net.Conn  // guarded by mu; by the address of the other end
	most int                  // guarded by mu
	out  map[string]time.Time // guarded by mu; by importer, until when it stays out

	serving chan struct{} // closed when handshakes may go on: see Server.Serve
	closing chan struct{} // closed when the server ends
}

func newSockets() *sockets {
	return &sockets{open: map[string]net.Conn{}, out: map[string]time.Time{}, serving: make(chan struct{}), closing: make(chan struct{})}
}

// maxStrangers is how many connections there may be beyond those of importers: each takes some 50 KB
// while it makes its handshake.
const maxStrangers = 64

var (
	errNotReady = errors.New("this node starts, and is not ready to be linked yet")
	errTooMany  = errors.New("too many connections at a time")
)

// admit bounds the connections to those of so many importers and some strangers.
func (s *sockets) admit(importers int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.most = importers*maxReaderLinks + maxStrangers
}

// enter takes note of a connection when its handshake begins, or refuses it. The handshake waits until
// the node is open, so that nobody is answered for what is not there yet.
func (s *sockets) enter(hello *tls.ClientHelloInfo) error {
	if err := s.note(hello.Conn); err != nil {
		return err
	}
	patience := time.NewTimer(handshakeTimeout)
	defer patience.Stop()
	select {
	case <-s.serving:
		return nil
	case <-s.closing:
	case <-patience.C:
	}
	return errNotReady
}

func (s *sockets) note(conn net.Conn) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.open) >= s.most {
		return errTooMany
	}
	s.open[conn.RemoteAddr().String()] = conn
	return nil
}

// serve lets handshakes go on. It is called once.
func (s *sockets) serve() { close(s.serving) }

// leave forgets a connection that the server says is closed.
func (s *sockets) leave(address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, address)
}

// shut keeps an importer out, unless it is kept out already.
func (s *sockets) shut(importer string, until time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Now().Before(s.out[importer]) {
		return false
	}
	s.out[importer] = until
	return true
}

// isShut reports whether an importer is kept out.
func (s *sockets) isShut(importer string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Now().Before(s.out[importer])
}

// all lists them.
func (s *sockets) all() []net.Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.open))
}

// lookForHubs is how often the links of importers are looked at.
const lookForHubs = 250 * time.Millisecond

// refuseHubs closes links of importers that say that they are hubs: those are not cut when they break
// their permissions. It ends with the server.
func (s *Server) refuseHubs() {
	tick := time.NewTicker(lookForHubs)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-s.ending:
			return
		}
		if s.nats.NumLeafNodes() == 0 {
			continue
		}
		for _, link := range s.leafs("") {
			if link.IsSpoke && strings.HasPrefix(link.Account, readerPrefix) {
				importer := strings.TrimPrefix(link.Account, readerPrefix)
				s.log.tellOf(importer, slog.LevelWarn, "%s says that it is a hub, and is put out", []any{importer})
				s.close(link.ID)
			}
		}
	}
}
