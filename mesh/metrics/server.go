package metrics

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/config"
)

// Server gives out a node's metrics and health.
type Server struct {
	listener net.Listener
	http     *http.Server
	done     chan struct{} // closed when it serves no more
	err      error         // why, if not by Close; set before done is closed
}

// The bounds of a request. An answer may take longer where it is a profile of some seconds.
const (
	readTimeout  = 5 * time.Second
	writeTimeout = 15 * time.Second
	idleTimeout  = time.Minute
	maxHeader    = 16 << 10
)

// Serve gives out a node's metrics and health until Close. The node begins to measure: see
// mesh.Node.Measure. What the node can not know of its readiness is told by checks, such as one of a
// database. When Serve returns, connections are taken.
func Serve(c Config, node *mesh.Node, checks ...Check) (*Server, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("serve metrics: %w", config.InField("metrics", err))
	}
	handler, err := newHandler(c, node, checks)
	if err != nil {
		return nil, fmt.Errorf("serve metrics: %w", err)
	}
	host, port, _ := net.SplitHostPort(c.Listen) // Validate has looked
	if host == "" {
		host = "127.0.0.1"
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, fmt.Errorf("serve metrics: %w", err)
	}
	s := &Server{listener: listener, done: make(chan struct{}), http: &http.Server{
		Handler: handler, ReadTimeout: readTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
	}}
	go s.serve()
	return s, nil
}

// serve takes connections until Close.
func (s *Server) serve() {
	defer close(s.done)
	if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		s.err = fmt.Errorf("serve metrics: %w", err)
	}
}

// URL is where it is reached, "http://127.0.0.1:9101", without a slash at the end.
func (s *Server) URL() string { return "http://" + s.listener.Addr().String() }

// Close ends it, after the requests under way. When ctx ends first, they are cut and the error is
// ctx's. An error that ended the server before is returned here. A second call is harmless.
func (s *Server) Close(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("close metrics: %w", err), s.http.Close())
	}
	<-s.done
	return errors.Join(err, s.err)
}
