package door

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// Server is a port that listens.
type Server struct {
	listener net.Listener
	http     *http.Server
	closing  context.CancelFunc // ends the contexts of requests that are not bounded
	cancel   context.CancelFunc // ends the contexts of all requests
	done     chan struct{}      // closed when it serves no more
	err      error              // why, if not by Close; set before done is closed
}

// The bounds of a request.
const (
	readTimeout = 5 * time.Second
	idleTimeout = time.Minute
	maxHeader   = 16 << 10
)

// Serve listens, and lets h answer those who get in. When it returns, connections are taken.
//
// The token of the configuration comes as "Authorization: Bearer TOKEN", or as the password of any
// user, which is what browsers ask for. How long an answer takes is for h to bound: see [Bounded].
// Errors are those of Validate and of listening.
func Serve(c Config, h http.Handler) (*Server, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	guarded, err := guard(c, h)
	if err != nil {
		return nil, err
	}
	host, port, _ := net.SplitHostPort(c.Listen) // Validate has looked
	if host == "" {
		host = "127.0.0.1"
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, err
	}
	base, cancel := context.WithCancel(context.Background())
	open, closing := context.WithCancel(base)
	s := &Server{listener: listener, closing: closing, cancel: cancel, done: make(chan struct{}), http: &http.Server{
		Handler: endless(open, guarded), ReadTimeout: readTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		BaseContext: func(net.Listener) context.Context { return base },
	}}
	go s.serve()
	return s, nil
}

// serve takes connections until Close.
func (s *Server) serve() {
	defer close(s.done)
	if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		s.err = fmt.Errorf("serve %s: %w", s.listener.Addr(), err)
	}
}

// URL is where it is reached, "http://127.0.0.1:9101", without a slash at the end.
func (s *Server) URL() string { return "http://" + s.listener.Addr().String() }

// OnClose has f called once when Close begins: it ends what would not end by itself.
func (s *Server) OnClose(f func()) { s.http.RegisterOnShutdown(sync.OnceFunc(f)) }

// Close ends it, after the requests under way. The contexts of those that are not [Bounded], such
// as streams, end at once. When ctx ends first, all are cut and the error is ctx's. An error that
// ended the server before is returned here. A second call is harmless.
func (s *Server) Close(ctx context.Context) error {
	defer s.cancel()
	s.closing()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("close %s: %w", s.URL(), err), s.http.Close())
	}
	<-s.done
	return errors.Join(err, s.err)
}
