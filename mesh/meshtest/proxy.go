package meshtest

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"
)

// Proxy is a stretch of network under a test's control: it accepts TCP
// connections on loopback and forwards them to a target, until it is told not to.
// Put its URL in place of an exporter's into the importer's peers:
//
//	proxy := meshtest.OpenProxy(t, exporter.ListenAddr())
//	peer := mesh.Peer{Name: "clue-1", URL: "nats-leaf://" + proxy.Addr()}
//	...
//	proxy.Cut()     // the link is lost, and dialing again fails
//	proxy.Restore() // the node links again by itself
//
// It knows nothing of what it forwards, so it also stands in front of an HTTP API
// or any other TCP service. Bytes are forwarded in order and unchanged. What is
// lost is what a real network loses: the bytes that were on their way in a
// connection that is closed.
//
// The methods are safe for concurrent use and do not wait for the network, but
// for Close. A trouble that is in force ends with Restore, and with the next one.
type Proxy struct {
	target   string
	listener net.Listener
	ctx      context.Context // ends with Close
	end      context.CancelFunc
	work     sync.WaitGroup // the listening goroutine, and one for each connection, which waits for three more

	mu      sync.Mutex
	cut     bool                  // guarded by mu
	stalled Direction             // guarded by mu
	fuse    fuse                  // guarded by mu
	slow    pace                  // guarded by mu
	changed chan struct{}         // guarded by mu: closed by the next change of stalled or fuse
	passing map[*passage]struct{} // guarded by mu: the connections that are open
	counts  map[Direction]uint64  // guarded by mu: bytes forwarded
}

// Direction is a way through a proxy.
type Direction uint8

// The directions. Of a link, the importer is the one who dials: events go
// FromTarget, and what the importer wants or has got goes ToTarget.
const (
	ToTarget Direction = 1 << iota
	FromTarget
	Both = ToTarget | FromTarget
)

// fuse is a reset that is to come.
type fuse struct {
	direction Direction // none if zero
	left      int       // bytes until then
}

// pace is how fast a direction is.
type pace struct {
	direction      Direction // none if zero
	bytesPerSecond int
}

// OpenProxy opens a proxy to a host:port, which need not listen yet: it is dialed
// for each connection. The proxy is closed when the test ends.
func OpenProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("meshtest: open a proxy: %v", err)
	}
	p := &Proxy{target: target, listener: listener, changed: make(chan struct{}), passing: map[*passage]struct{}{}, counts: map[Direction]uint64{}}
	p.ctx, p.end = context.WithCancel(context.Background())
	p.work.Go(p.listen)
	t.Cleanup(p.Close)
	return p
}

// Addr is the host:port where the proxy listens. It stays the same until Close.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Forwarded is how many bytes the proxy has forwarded in a direction, or in both,
// on all connections since it was opened.
func (p *Proxy) Forwarded(d Direction) (bytes uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for way, count := range p.counts {
		if d&way != 0 {
			bytes += count
		}
	}
	return bytes
}

// Cut closes all connections in both directions and refuses new ones. Refused is
// a connection that is reset as soon as it was accepted: the port stays the
// proxy's, so that nothing else can take it meanwhile.
func (p *Proxy) Cut() { p.trouble(true, 0, fuse{}, pace{}) }

// Stall keeps all connections open and accepts new ones, but forwards nothing
// more in the given direction: what a frozen peer or a broken route looks like. At
// most 32 KiB of each connection are taken and held; then its sender finds the
// buffers of the system full. A chunk that was being forwarded when Stall was
// called may still arrive. Restore lets all that waits go on, so that nothing is lost
// by it alone.
func (p *Proxy) Stall(d Direction) { p.trouble(false, d, fuse{}, pace{}) }

// Reset forwards n more bytes in a direction, counted over all connections, and
// then resets the connection that the last of them went through, at both its ends:
// most likely in the middle of a message. Both counts the bytes of both
// directions. It happens once; before and after, connections are accepted and
// forwarded as ever.
func (p *Proxy) Reset(d Direction, n int) { p.trouble(false, 0, fuse{direction: d, left: n}, pace{}) }

// Slow forwards no more than so many bytes a second in a direction, for each
// connection: a narrow link. What its sender writes beyond that waits in the
// buffers of the system, as before a modem.
func (p *Proxy) Slow(d Direction, bytesPerSecond int) {
	p.trouble(false, 0, fuse{}, pace{direction: d, bytesPerSecond: max(1, bytesPerSecond)})
}

// Restore ends what Cut, Stall, Reset and Slow began.
func (p *Proxy) Restore() { p.trouble(false, 0, fuse{}, pace{}) }

// trouble replaces whatever trouble was in force.
func (p *Proxy) trouble(cut bool, stalled Direction, f fuse, slow pace) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut, p.stalled, p.fuse, p.slow = cut, stalled, f, slow
	close(p.changed)
	p.changed = make(chan struct{})
	if cut {
		for c := range p.passing {
			c.end()
		}
	}
}

// Close resets all connections, closes the port, and waits until every goroutine
// of the proxy has ended: at most 5 s, while a target does not answer. More than
// once is harmless.
func (p *Proxy) Close() {
	p.end()
	_ = p.listener.Close() // a second Close is told that it is the second
	p.work.Wait()
}

// dialTimeout is how long a target may take to answer at all.
const dialTimeout = 5 * time.Second

// listen accepts connections until Close.
func (p *Proxy) listen() {
	for {
		client, err := p.listener.Accept()
		if p.ctx.Err() != nil {
			if err == nil {
				reset(client)
			}
			return
		}
		if err != nil { // out of file descriptors: it may pass
			pause(p.ctx, 10*time.Millisecond)
			continue
		}
		p.work.Go(func() { p.connect(client) })
	}
}

// connect dials the target for a connection and forwards until it ends.
func (p *Proxy) connect(client net.Conn) {
	c := &passage{proxy: p, client: client}
	c.ctx, c.end = context.WithCancel(p.ctx)
	defer c.end()
	if !p.enter(c) {
		reset(client)
		return
	}
	defer p.leave(c)
	// Not with c.ctx: a dial that is given up late ends its connection, and does not
	// reset it.
	target, err := net.DialTimeout("tcp", p.target, dialTimeout)
	if err != nil { // the client finds out as it would without a proxy
		reset(client)
		return
	}
	c.target = target
	c.forward()
}

// enter notes a connection, unless the proxy is cut.
func (p *Proxy) enter(c *passage) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cut {
		return false
	}
	p.passing[c] = struct{}{}
	return true
}

func (p *Proxy) leave(c *passage) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.passing, c)
}

// reset closes a connection with a RST: the other end finds it broken and not
// ended, and what was on its way is lost.
func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // it fails on a connection that is closed
	}
	_ = c.Close()
}

// pause waits, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
