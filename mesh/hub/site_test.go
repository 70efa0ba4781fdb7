package hub_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"
	"go.uber.org/goleak"

	"leafmesh/mesh"
	"leafmesh/mesh/hub"
	"leafmesh/mesh/internal/leaf"
	"leafmesh/mesh/meshtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 60 * time.Second

func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// await waits until a condition holds.
func await(t testing.TB, what string, condition func() bool) {
	t.Helper()
	ctx := within(t)
	for !condition() {
		select {
		case <-ctx.Done():
			t.Fatalf("waited in vain: %s", what)
		case <-time.After(time.Millisecond):
		}
	}
}

type solved struct {
	Team   string `cbor:"1,keyasint"`
	Number int    `cbor:"2,keyasint"`
}

func teamOf(s solved) string { return s.Team }

var (
	clueSolved = mesh.NewEvent[solved]("clue.clue.solved", mesh.Key(teamOf)) // exported at most once
	clueOpened = mesh.NewEvent[solved]("clue.clue.opened", mesh.Key(teamOf)) // exported durably, to score
)

// seen notes what a node handled.
type seen struct {
	mu      sync.Mutex
	numbers map[int]int // guarded by mu: how often each
}

func (s *seen) add(_ context.Context, e solved) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.numbers == nil {
		s.numbers = map[int]int{}
	}
	s.numbers[e.Number]++
	return nil
}

// counts are of the different numbers, and of all.
func (s *seen) counts() (different, all int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.numbers {
		all += n
	}
	return len(s.numbers), all
}

// keyPair makes a key.
func keyPair(t testing.TB) (seed mesh.Secret, public string) {
	t.Helper()
	pair, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	text, err := pair.Seed()
	if err != nil {
		t.Fatal(err)
	}
	if public, err = pair.PublicKey(); err != nil {
		t.Fatal(err)
	}
	return mesh.NewSecret(string(text)), public
}

// site is a cluster of hub servers and the nodes at it.
type site struct {
	t       testing.TB
	dir     string
	ca      string
	urls    []string
	servers []*server.Server
	nodes   []hub.Node
	// operator runs the hub, which has JWT accounts then. Nil: the hub has what Render writes.
	operator *operator
}

// authority makes a CA, and a certificate of it for servers on this machine.
func (s *site) authority() {
	s.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	root := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	own := &x509.Certificate{SerialNumber: big.NewInt(2), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		s.t.Fatal(err)
	}
	s.write("key.pem", "PRIVATE KEY", private)
	for name, template := range map[string]*x509.Certificate{"ca.pem": root, "hub.pem": own} {
		der, err := x509.CreateCertificate(rand.Reader, template, root, key.Public(), key)
		if err != nil {
			s.t.Fatal(err)
		}
		s.write(name, "CERTIFICATE", der)
	}
	s.ca = filepath.Join(s.dir, "ca.pem")
}

func (s *site) write(name, kind string, der []byte) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// newSite prepares a hub of so many servers. Nodes are added before it is opened.
func newSite(t testing.TB, servers int) *site {
	s := &site{t: t, dir: t.TempDir()}
	s.authority()
	for range servers {
		s.urls = append(s.urls, "tls://"+meshtest.FreeAddress(t))
	}
	return s
}

// add gives a node its hub.
func (s *site) add(c mesh.Config) mesh.Config {
	if s.operator != nil {
		c.Hub = &mesh.Hub{URLs: s.urls, Credentials: mesh.Path(s.operator.file(c.Name)), CA: mesh.Path(s.ca)}
		s.nodes = append(s.nodes, hub.Node{Config: c.WithDefaults()})
		return c
	}
	seed, public := keyPair(s.t)
	c.Hub = &mesh.Hub{URLs: s.urls, Seed: seed, CA: mesh.Path(s.ca)}
	s.nodes = append(s.nodes, hub.Node{Config: c.WithDefaults(), Key: public})
	return c
}

// open starts the servers with what Render writes, or that of an operator.
func (s *site) open() {
	s.t.Helper()
	h, err := hub.Nodes(s.nodes)
	if err != nil {
		s.t.Fatal(err)
	}
	if s.operator != nil {
		s.servers = append(s.servers, s.openHosted(h))
		return
	}
	var routes []string
	if len(s.urls) > 1 {
		for range s.urls {
			routes = append(routes, meshtest.FreeAddress(s.t))
		}
	}
	for i, url := range s.urls {
		spec := hub.Server{Name: fmt.Sprintf("hub-%d", i), Listen: url[len("tls://"):],
			Certificate: filepath.Join(s.dir, "hub.pem"), Key: filepath.Join(s.dir, "key.pem"), CA: s.ca, Routes: routes}
		if len(routes) > 0 {
			spec.Cluster = routes[i]
		}
		file := filepath.Join(s.dir, spec.Name+".conf")
		if err := os.WriteFile(file, []byte(h.Render(spec)), 0o600); err != nil {
			s.t.Fatal(err)
		}
		s.servers = append(s.servers, s.start(file))
	}
}

func (s *site) start(file string) *server.Server {
	s.t.Helper()
	options := &server.Options{}
	if err := options.ProcessConfigFile(file); err != nil {
		s.t.Fatal(err)
	}
	options.NoSigs, options.NoLog = true, true
	hub, err := server.NewServer(options)
	if err != nil {
		s.t.Fatal(err)
	}
	hub.Start()
	s.t.Cleanup(func() { stop(hub) })
	if !hub.ReadyForConnections(patience) {
		s.t.Fatal("the hub is not ready")
	}
	return hub
}

func stop(hub *server.Server) { hub.Shutdown(); hub.WaitForShutdown() }

// attacker links to the hub with a node's key and does as it likes.
func (s *site) attacker(c mesh.Config) *leaf.Line {
	s.t.Helper()
	own := leaf.Hub{URLs: c.Hub.URLs, CA: s.ca, Credentials: string(c.Hub.Credentials), Check: func() error { return nil }}
	if s.operator == nil {
		var err error
		if own.Seed, err = c.Hub.Seed.Resolve(); err != nil {
			s.t.Fatal(err)
		}
	}
	node, err := leaf.Start(within(s.t), leaf.Spec{Name: c.Name, Hub: &own})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		if err := node.Stop(within(s.t)); err != nil {
			s.t.Error(err)
		}
	})
	line, err := node.ToHub()
	if err != nil {
		s.t.Fatal(err)
	}
	await(s.t, "the attacker to be linked", func() bool { _, up := line.Link(); return up })
	return line
}

// run opens a node, and closes it at the end.
func run(t testing.TB, c mesh.Config) *mesh.Node {
	t.Helper()
	node, err := mesh.Open(within(t), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := node.Close(within(t)); err != nil {
			t.Error(err)
		}
	})
	return node
}

// ready waits until a node is.
func ready(t testing.TB, nodes ...*mesh.Node) {
	t.Helper()
	for _, n := range nodes {
		if err := n.Ready(within(t)); err != nil {
			t.Fatal(err)
		}
	}
}

func emit(t testing.TB, n *mesh.Node, e *mesh.Event[solved], number int) {
	t.Helper()
	if err := e.Emit(n.Context(context.Background()), solved{Team: fmt.Sprint("team-", number%7), Number: number}); err != nil {
		t.Fatal(err)
	}
}

// clue exports both types to all that are named.
func clue(t testing.TB, readers ...string) mesh.Config {
	c := mesh.Config{Name: "clue-1", Data: mesh.Path(t.TempDir()), Exports: []mesh.Export{clueSolved.Export(mesh.Limit{}), {Event: clueOpened.Subject(), KeptFor: []string{"score"}}}}
	for _, name := range readers {
		c.Peers = append(c.Peers, mesh.Peer{Name: name, MayImport: mesh.AllExports()})
	}
	return c
}

// score imports both types.
func score(t testing.TB, name string, plain, durable *seen) mesh.Config {
	return mesh.Config{Name: name, Data: mesh.Path(t.TempDir()), Peers: []mesh.Peer{{Name: "clue-1"}},
		Imports:  []mesh.Import{clueSolved.Import(mesh.Limit{}, mesh.Shared), {Event: clueOpened.Subject(), Durable: true}},
		Handlers: []mesh.Handler{clueSolved.Handle("count", plain.add), clueOpened.Handle("keep", durable.add)}}
}
