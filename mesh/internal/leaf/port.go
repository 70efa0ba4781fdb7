package leaf

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"leafmesh/mesh/internal/clock"
)

// Port is a way out of the process: what is published in an account, on one connection.
type Port struct {
	server  *Server
	account Account
	conn    *nats.Conn
}

// Port makes a port of a connection into the account: see Connect.
func (s *Server) Port(account Account, conn *nats.Conn) Port { return Port{s, account, conn} }

// Open reports, at little cost, whether anybody might listen at all: at a tap, whether a
// client is there.
func (p Port) Open() bool { return p.account != Local || p.server.TapClients() > 0 }

// Interested is Server.Interested.
func (p Port) Interested(subject string) bool { return p.server.Interested(p.account, subject) }

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
