package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// timeouts of one connection; see net/http.Server for what each covers.
type timeouts struct {
	header, read, write, idle time.Duration
}

var defaultTimeouts = timeouts{
	header: 5 * time.Second,
	read:   10 * time.Second,
	write:  15 * time.Second,
	idle:   60 * time.Second,
}

// maxHeader is the most a request's line and headers may take, in bytes.
const maxHeader = 16 << 10

// Server is an HTTP server that listens.
type Server struct {
	listener net.Listener
	http     *http.Server
	cancel   context.CancelFunc // ends the contexts of all requests
	done     chan struct{}      // closed when serve has returned
}

// NewServer listens on addr ("host:port") and serves h. When it returns, connections are taken.
// Port 0 means any free one; URL tells which. An empty host means 127.0.0.1: all interfaces must be
// asked for, as "0.0.0.0". A request has to name the server by an address, as localhost, by the
// machine's name, the host in addr or one of hosts; any other one gets status 421. The context of
// each request derives from ctx, so ctx must live until Close has returned.
func NewServer(ctx context.Context, addr string, h http.Handler, hosts ...string) (*Server, error) {
	return newServer(ctx, addr, named(h, addrHost(addr), hosts), defaultTimeouts)
}

func newServer(ctx context.Context, addr string, h http.Handler, t timeouts) (*Server, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("listen for http on %q: %w", addr, err)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	socket, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, fmt.Errorf("listen for http on %q: %w", addr, err)
	}
	closing := make(chan struct{})
	base, cancel := context.WithCancel(context.WithValue(ctx, closingKey{}, closing))
	s := &Server{listener: socket, cancel: cancel, done: make(chan struct{})}
	s.http = &http.Server{
		Handler:           protect(traced(h)),
		ReadHeaderTimeout: t.header,
		ReadTimeout:       t.read,
		WriteTimeout:      t.write,
		IdleTimeout:       t.idle,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(slog.Default().Handler(), slog.LevelWarn),
		BaseContext:       func(net.Listener) context.Context { return base },
	}
	s.http.RegisterOnShutdown(sync.OnceFunc(func() { close(closing) })) // called at each Close
	go s.serve()
	return s, nil
}

// addrHost is the host in an address to listen on, "" if it is not of that form.
func addrHost(addr string) string {
	host, _, _ := net.SplitHostPort(addr)
	return host
}

// protect refuses what a browser sends on behalf of another origin's page, unless it changes
// nothing.
func protect(h http.Handler) http.Handler {
	p := http.NewCrossOriginProtection()
	p.SetDenyHandler(Handle(func(http.ResponseWriter, *http.Request) error {
		return NewProblem(http.StatusForbidden, "requests from pages of another origin may only read")
	}))
	return p.Handler(h)
}

// serve takes connections until Close.
func (s *Server) serve() {
	defer close(s.done)
	if err := s.http.Serve(listener{s.listener}); !errors.Is(err, http.ErrServerClosed) {
		slog.Error("http: server ended", "address", s.listener.Addr(), "error", err)
	}
}

// URL returns where the server is reached, "http://127.0.0.1:8080" for example, without a slash at
// the end.
func (s *Server) URL() string { return "http://" + s.listener.Addr().String() }

// Close takes no more connections, ends streams, and waits for the requests under way. When ctx
// ends first, their contexts are cancelled, their connections cut, and ctx's error is returned. A
// second call is harmless.
func (s *Server) Close(ctx context.Context) error {
	defer s.cancel()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("close http server: %w", err), s.http.Close())
	}
	<-s.done
	return err
}

// closingKey is the key of a channel that is closed when the server begins to close.
type closingKey struct{}

// closingOf returns that channel; nil, which never receives, outside a Server.
func closingOf(ctx context.Context) <-chan struct{} {
	closing, _ := ctx.Value(closingKey{}).(chan struct{})
	return closing
}
