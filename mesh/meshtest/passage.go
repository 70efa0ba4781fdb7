package meshtest

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// chunk is the most that is read at once, in bytes.
const chunk = 32 << 10

// passage is one connection through a proxy: that of the client, and the one
// dialed for it.
type passage struct {
	proxy          *Proxy
	client, target net.Conn
	ctx            context.Context // ends when it is to be reset
	end            context.CancelFunc
}

// forward copies both ways until both have ended, or one is broken, or the
// passage is to be reset. Both connections are closed then.
func (c *passage) forward() {
	var ways, closing sync.WaitGroup
	ended := make(chan struct{})
	ways.Go(func() { c.pump(ToTarget, c.client, c.target) })
	ways.Go(func() { c.pump(FromTarget, c.target, c.client) })
	closing.Go(func() { c.close(ended) })
	ways.Wait()
	close(ended)
	closing.Wait()
}

// close closes both connections when the ways have ended, or before to end them.
func (c *passage) close(ended <-chan struct{}) {
	select {
	case <-ended:
	case <-c.ctx.Done():
	}
	for _, end := range []net.Conn{c.client, c.target} {
		if c.ctx.Err() != nil {
			reset(end)
		} else {
			_ = end.Close()
		}
	}
}

// pump copies one way. The end of what comes in is passed on as such, and the
// other way may go on. Anything else that ends it resets the passage. Ends are
// held up like bytes: a route that is broken does not tell that a peer has gone.
func (c *passage) pump(d Direction, from, to net.Conn) {
	buffer := make([]byte, chunk)
	for {
		n, err := from.Read(buffer)
		if !c.pass(d, to, buffer[:n]) {
			c.end()
			return
		}
		if err != nil {
			half, ok := to.(interface{ CloseWrite() error })
			if !errors.Is(err, io.EOF) || !ok || half.CloseWrite() != nil {
				c.end()
			}
			return
		}
	}
}

// pass forwards some bytes, or none, once the proxy lets them. It is false when
// the passage has to end.
func (c *passage) pass(d Direction, to net.Conn, bytes []byte) bool {
	for {
		n, rest, last, changed := c.proxy.allow(d, len(bytes))
		if changed != nil {
			select {
			case <-changed:
				continue
			case <-c.ctx.Done():
				return false
			}
		}
		if _, err := to.Write(bytes[:n]); err != nil || last {
			return false
		}
		if rest > 0 {
			pause(c.ctx, rest)
		}
		if bytes = bytes[n:]; len(bytes) == 0 {
			return c.ctx.Err() == nil
		}
	}
}

// piecesASecond is in how many pieces a slow link forwards what it takes in a second.
const piecesASecond = 50

// allow says how many of n bytes may be forwarded now, how long to rest after them, and
// whether the passage is to be reset then. While nothing may, changed is not nil, and is closed
// when that may have ended.
func (p *Proxy) allow(d Direction, n int) (allowed int, rest time.Duration, last bool, changed <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cut {
		return 0, 0, true, nil
	}
	if p.stalled&d != 0 {
		return 0, 0, false, p.changed
	}
	if p.fuse.direction&d != 0 {
		if n >= p.fuse.left {
			n, last = p.fuse.left, true
			p.fuse = fuse{}
		} else {
			p.fuse.left -= n
		}
	}
	if p.slow.direction&d != 0 {
		n = min(n, max(1, p.slow.bytesPerSecond/piecesASecond))
		rest = time.Duration(n) * time.Second / time.Duration(p.slow.bytesPerSecond)
	}
	p.counts[d] += uint64(n)
	return n, rest, last, nil
}
