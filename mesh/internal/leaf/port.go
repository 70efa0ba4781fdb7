package leaf

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"leafmesh/mesh/internal/clock"
)

// Port is the way to the clients at the tap: what is published in account Local, on one
// connection.
type Port struct {
	server *Server
	conn   *nats.Conn
}

// Port makes a port of a connection into account Local: see Connect.
func (s *Server) Port(conn *nats.Conn) Port { return Port{s, conn} }

// Open reports, at little cost, whether a client is at the tap.
func (p Port) Open() bool { return p.server.TapClients() > 0 }

// Interested is [Server.Interested].
func (p Port) Interested(subject string) bool { return p.server.Interested(subject) }

// Publish sends a message, which may be changed afterwards.
func (p Port) Publish(subject string, message []byte) error { return p.conn.Publish(subject, message) }

// flushTimeout bounds a flush when the context does not: the server is in this process
// and takes milliseconds.
const flushTimeout = 10 * time.Second

// Flush waits until the server has taken all that was published on a connection, which
// may be nil or closed.
func Flush(ctx context.Context, conn *nats.Conn) error {
	if conn == nil || conn.IsClosed() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	if err := conn.FlushWithContext(ctx); err != nil {
		return fmt.Errorf("flush: %w", cmp.Or(clock.EndOf(ctx), err))
	}
	return nil
}
