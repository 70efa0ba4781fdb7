package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// longLine stands before a TCP server and hands on all bytes late, in both directions. It delays
// and does not slow down: what is under way on it is bounded only by lineChunks.
type longLine struct {
	listener net.Listener
	target   string
	delay    time.Duration
	work     sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn // guarded by mu
	ended bool       // guarded by mu
}

const (
	lineChunk  = 64 << 10 // bytes that are read at most at a time
	lineChunks = 4096     // that are under way at most
)

func openLongLine(ctx context.Context, target string, delay time.Duration) (*longLine, error) {
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open a long line: %w", err)
	}
	l := &longLine{listener: listener, target: target, delay: delay}
	l.work.Go(l.serve)
	return l, nil
}

func (l *longLine) addr() string { return l.listener.Addr().String() }

// serve ends with close.
func (l *longLine) serve() {
	for {
		near, err := l.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", l.target)
		if err != nil || !l.keep(near, far) {
			closeAll(near, far)
			continue
		}
		l.work.Go(func() { l.carry(near, far) })
		l.work.Go(func() { l.carry(far, near) })
	}
}

// keep notes connections that close ends, unless it has begun.
func (l *longLine) keep(conns ...net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns = append(l.conns, conns...)
	return !l.ended
}

// parcel is what was read at once, and when it is to be handed on.
type parcel struct {
	due   time.Time
	bytes []byte
}

// carry hands on what one end sends until either is closed, and closes both.
func (l *longLine) carry(from, to net.Conn) {
	defer closeAll(from, to)
	parcels := make(chan parcel, lineChunks)
	l.work.Go(func() { // ends with from
		defer close(parcels)
		for {
			buffer := make([]byte, lineChunk)
			n, err := from.Read(buffer)
			if n > 0 {
				parcels <- parcel{time.Now().Add(l.delay), buffer[:n]}
			}
			if err != nil {
				return
			}
		}
	})
	failed := false
	for p := range parcels {
		if failed {
			continue // until the reader has ended
		}
		time.Sleep(time.Until(p.due))
		if _, err := to.Write(p.bytes); err != nil {
			failed = true
			closeAll(from)
		}
	}
}

// close cuts all connections and returns when every goroutine has ended.
func (l *longLine) close() error {
	err := l.listener.Close()
	l.mu.Lock()
	l.ended = true
	for _, c := range l.conns {
		closeAll(c)
	}
	l.mu.Unlock()
	l.work.Wait()
	return err
}

// closeAll closes what is there. That it is closed already is no error: whoever ends first does it.
func closeAll(closers ...io.Closer) {
	for _, c := range closers {
		if c != nil {
			_ = c.Close()
		}
	}
}
