package leaf

import (
	"log/slog"
	"time"
)

// shunned is why an exporter is not dialed. It ends in notDialed.
const (
	shunned   = "%s at %s sends too much that is no message" + notDialed + "%v"
	notDialed = ", and is not dialed for "
)

// shun closes the link to an exporter, and dials it again after a while. It is for the goroutine
// that watches links, and does not wait: a reload may.
func (s *Server) shun(exporter string) {
	remote, known := s.remote(exporter)
	stays := s.currentSpec().tuning.shun
	if !known || !s.setShunned(exporter, true) {
		return
	}
	s.log.tellOf(exporter, slog.LevelError, shunned, []any{exporter, remote.address(), stays})
	s.cut(exporterAccount(exporter)) // a reload waits for handshakes
	sockets := s.currentSpec().sockets
	for address, dialed := range sockets.dialed() { // what is no link yet
		if _, found := sockets.at(address); dialed == exporter {
			found.end()
		}
	}
	s.watching.Go(func() {
		_ = s.pause(exporter, true) // an error means that it is dialed no more
		over := time.NewTimer(stays)
		defer over.Stop()
		select {
		case <-over.C:
		case <-s.ending:
		}
		s.setShunned(exporter, false)
		_ = s.resume(exporter) // as before
	})
}

// setShunned returns false if it is so already.
func (s *Server) setShunned(exporter string, yes bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shunned[exporter] == yes {
		return false
	}
	s.shunned[exporter] = yes
	if !yes {
		delete(s.shunned, exporter)
	}
	return true
}

func (s *Server) isShunned(exporter string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shunned[exporter]
}
