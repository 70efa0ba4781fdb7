package leaf

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"leafmesh/mesh/internal/clock"
)

// Stop closes what Connect gave out, ends links and listeners, and waits until
// every goroutine is gone or ctx ends; then it returns an error, and the stop goes
// on. A further call waits for the same end. Nothing is flushed: what connections
// still hold is lost, so flush or drain them first.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	first := !s.stopping
	s.stopping = true
	name := s.spec.Name
	s.mu.Unlock()
	if first {
		go s.shutDown()
	}
	select {
	case <-s.stopped:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stop leaf server %s: still stopping: %w", name, clock.EndOf(ctx))
	}
}

// drainFor is how long Stop lets peers read what was sent to them.
const drainFor = time.Second

// shutDown runs once. The lock lets a Link or Connect that is under way end first;
// those that come later see that the server is stopping.
func (s *Server) shutDown() {
	defer close(s.stopped)
	close(s.ending)
	close(s.currentSpec().sockets.closing)
	s.watching.Wait()
	s.linking.Lock()
	defer s.linking.Unlock()
	// A server that has shut down leaves subscriptions in its accounts.
	s.local.Store(server.NewAccount(string(Local)))
	s.mu.Lock()
	for account, line := range s.lines {
		line.live.Store(server.NewAccount(string(account)))
	}
	connections := s.connections
	s.connections = nil
	s.mu.Unlock()
	for _, connection := range connections {
		connection.Close()
	}
	// The server would wait for the deadline of each write to a peer that does not read.
	open := s.currentSpec().sockets.all()
	impatient := time.AfterFunc(drainFor, func() {
		for _, conn := range open {
			_ = conn.Close() // it ends either way
		}
	})
	s.nats.Shutdown()
	s.nats.WaitForShutdown()
	impatient.Stop()
	s.unlock()
}
