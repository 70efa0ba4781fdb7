package leaf

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gofrs/flock"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"leafmesh/mesh/internal/clock"
)

// startTimeout bounds the start when the context does not. A start takes 2 ms.
const startTimeout = 10 * time.Second

// Server is an embedded NATS server with its links. All methods may be called
// from several goroutines at once.
type Server struct {
	nats     *server.Server
	log      *serverLog
	own      credentials
	local    atomic.Pointer[server.Account]
	ownLocal atomic.Int64 // our own connections into Local that are open
	lock     *flock.Flock // of the outbox's directory; nil without an outbox

	// linking is held by Link and Stop, and for reading while Connect connects: the
	// server may refuse, wrongly, a client that logs in during a reload. Taken
	// before mu.
	linking sync.RWMutex

	mu          sync.Mutex
	spec        Spec              // guarded by mu; Remotes and Importers change by Link
	connections []*nats.Conn      // guarded by mu; what Connect gave out
	lines       map[Account]*Line // guarded by mu
	stopping    bool              // guarded by mu
	shunned     map[string]bool   // guarded by mu; exporters that are not dialed for a while

	watching sync.WaitGroup // a goroutine that looks at links, and one for each exporter that is shunned
	ending   chan struct{}  // closed when the server ends
	stopped  chan struct{}  // closed when everything is gone
}

// Start validates s, starts the server and the dialing of Remotes, and binds the leaf port. Nobody
// is answered at a port before [Server.Serve]; only plain links are made at once. Start waits for
// no link: see Line.Link. ctx bounds the start only. After an error nothing is left running.
func Start(ctx context.Context, s Spec) (*Server, error) {
	s = s.withDefaults()
	err := s.validate()
	if err == nil {
		s.proof, err = s.newProof()
	}
	if err != nil {
		return nil, fmt.Errorf("start leaf server %q: %w", s.Name, err)
	}
	leaf := &Server{spec: s, own: newCredentials(), lines: map[Account]*Line{}, shunned: map[string]bool{}, ending: make(chan struct{}), stopped: make(chan struct{})}
	leaf.log = newServerLog(s.Logger, append(s.secrets(), leaf.own.password))
	leaf.spec.seen = leaf.log.handshake
	leaf.log.dialing, leaf.log.closing = leaf.spec.sockets.dial, leaf.spec.sockets.leave
	leaf.log.follow(s)
	if err := leaf.start(ctx); err != nil {
		if leaf.nats != nil {
			err = errors.Join(err, leaf.Stop(context.WithoutCancel(ctx)))
		}
		leaf.unlock()
		return nil, fmt.Errorf("start leaf server %q: %w", s.Name, err)
	}
	return leaf, nil
}

// Serve lets the ports answer: call it once, when all that hears who comes in is ready. A handshake
// that has begun before goes on then. Errors: the tap's port cannot be opened.
func (s *Server) Serve() error {
	s.linking.Lock() // a reload takes the port that the tap got for the one it is to have
	defer s.linking.Unlock()
	if s.isStopping() {
		return fmt.Errorf("serve at the ports of %s: %w", s.Name(), ErrStopped)
	}
	spec := s.currentSpec()
	if spec.Tap != nil {
		s.nats.AcceptLoop(make(chan struct{})) // returns once the port is open, or has failed to be
		if problem := s.log.fatals(); problem != "" {
			return fmt.Errorf("serve at the tap of %s: %w", spec.Name, spec.refusal(problem))
		}
	}
	spec.sockets.serve()
	return nil
}

func (s *Server) start(ctx context.Context) error {
	options, err := s.spec.options(s.own)
	if err != nil {
		return s.clean(err)
	}
	if s.spec.Outbox != nil {
		if s.lock, err = s.spec.Outbox.prepare(); err != nil {
			return err
		}
	}
	s.nats, err = server.NewServer(options)
	if err != nil {
		return s.clean(err)
	}
	s.nats.SetLoggerV2(s.log, false, false, false)
	s.nats.Start()
	if err := s.awaitListeners(ctx); err != nil {
		return err
	}
	s.watching.Go(s.watchLinks)
	return s.lookupAccounts()
}

// clean takes secrets out of an error of nats-server, which quotes bad values.
func (s *Server) clean(err error) error {
	return errors.New(s.log.clean(err.Error()))
}

func (s *Server) awaitListeners(ctx context.Context) error {
	// Start has opened the listeners or failed to before it returns.
	if problem := s.log.fatals(); problem != "" {
		return s.spec.refusal(problem)
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	deadline, _ := ctx.Deadline()
	if ctx.Err() == nil && s.nats.ReadyForConnections(time.Until(deadline)) {
		return nil
	}
	return fmt.Errorf("the listeners are not ready: %w", cmp.Or(clock.EndOf(ctx), context.DeadlineExceeded))
}

// refusal is the error of a line that ended the start, with what to do about it.
func (s Spec) refusal(problem string) error {
	if s.Outbox != nil && strings.Contains(problem, "JetStream") {
		return fmt.Errorf("%s: see to it that this process may write to the outbox's directory %s", problem, s.Outbox.Dir)
	}
	return fmt.Errorf("%w: %s: choose another address or stop what uses it", ErrListen, problem)
}

// unlock gives the outbox's directory free.
func (s *Server) unlock() {
	if s.lock != nil {
		_ = s.lock.Close() // the end of the process would do it too
	}
}

// lookupAccounts finds the live accounts: a lookup for each event would cost more than the
// question it serves. A line to a peer that is no longer hears and reaches nobody.
func (s *Server) lookupAccounts() error {
	local, err := s.nats.LookupAccount(string(Local))
	if err != nil {
		return fmt.Errorf("look up account %s: %w", Local, err)
	}
	s.local.Store(local)
	s.mu.Lock()
	defer s.mu.Unlock()
	for account, line := range s.lines {
		live, err := s.nats.LookupAccount(string(account))
		if err != nil {
			live = server.NewAccount(string(account))
		}
		line.live.Store(live)
	}
	return nil
}

// Connect opens an in-process connection into the account. The user it
// connects with is random, known to this server only, and refused over TCP. The
// options are applied after ours; give none that changes server or credentials.
// Stop closes the connection. Errors: ErrStopped, what nats.go says, and that there is
// no such account: Store, without an Outbox.
func (s *Server) Connect(account Account, options ...nats.Option) (*nats.Conn, error) {
	return s.connect(account, s.own.user(account), options)
}

// ConnectToAnswer is Connect into Local, for a connection that may publish to inboxes only. There
// must be a tap.
func (s *Server) ConnectToAnswer(options ...nats.Option) (*nats.Conn, error) {
	return s.connect(Local, s.own.answering(), options)
}

func (s *Server) connect(account Account, user string, options []nats.Option) (*nats.Conn, error) {
	s.linking.RLock()
	defer s.linking.RUnlock()
	if s.isStopping() {
		return nil, fmt.Errorf("connect to account %s of %s: %w", account, s.Name(), ErrStopped)
	}
	if !slices.Contains(s.currentSpec().accounts(), account) {
		return nil, fmt.Errorf("connect to account %s of %s: it has none", account, s.Name())
	}
	all := append([]nats.Option{
		nats.InProcessServer(inProcess{server: s, account: account}),
		nats.UserInfo(user, s.own.password),
		nats.Name(string(account)),
		nats.ErrorHandler(s.log.clientError),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(50 * time.Millisecond),
	}, options...)
	connection, err := nats.Connect("", all...)
	if err != nil {
		return nil, fmt.Errorf("connect to account %s of %s: %w", account, s.Name(), err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.connections = slices.DeleteFunc(s.connections, (*nats.Conn).IsClosed)
	s.connections = append(s.connections, connection)
	return connection, nil
}

// Name is the Spec's name.
func (s *Server) Name() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.spec.Name
}

// String is the name. It keeps fmt from printing what the server holds.
func (s *Server) String() string { return "leaf server " + s.Name() }

// Format prints String for every verb, so that %+v prints no secret.
func (s *Server) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, s.String()) }

// ListenAddr is the host:port of the leaf port, or "" without one.
func (s *Server) ListenAddr() string {
	listen := s.currentSpec().Listen
	if listen == "" {
		return ""
	}
	varz, err := s.nats.Varz(nil)
	if err != nil {
		return ""
	}
	host, _, _ := net.SplitHostPort(listen)
	return net.JoinHostPort(host, fmt.Sprint(varz.LeafNode.Port))
}

// Interested reports whether a client at the tap listens to the literal subject. It costs 80 ns
// and no allocation: ask before each encoding. After Stop nobody is interested.
func (s *Server) Interested(subject string) bool {
	return s.local.Load().SubscriptionInterest(subject)
}

func (s *Server) currentSpec() Spec {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.spec
}

func (s *Server) isStopping() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopping
}

// inProcess makes nats.go's connections to the server, and counts those into
// Local, so that TapClients can tell ours from others.
type inProcess struct {
	server  *Server
	account Account
}

// InProcessConn is called by nats.go for each connect and reconnect.
func (p inProcess) InProcessConn() (net.Conn, error) {
	connection, err := p.server.nats.InProcessConn()
	if err != nil || p.account != Local {
		return connection, err
	}
	p.server.ownLocal.Add(1)
	return &counted{Conn: connection, release: sync.OnceFunc(func() { p.server.ownLocal.Add(-1) })}, nil
}

type counted struct {
	net.Conn
	release func()
}

// Close closes the connection and takes it out of the count.
func (c *counted) Close() error {
	c.release()
	return c.Conn.Close()
}
