package leaf

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// dialTLS makes a handshake with the leaf port, and reads what comes first: under TLS 1.3 who
// dials learns only then that it was refused.
func dialTLS(t *testing.T, address string, c *tls.Config) (tls.ConnectionState, string, error) {
	t.Helper()
	c.InsecureSkipVerify = true
	conn := tls.Client(dialTCP(t, address), c)
	defer conn.Close()
	buffer := make([]byte, 512)
	n, err := conn.Read(buffer)
	return conn.ConnectionState(), string(buffer[:n]), err
}

// tlsOf dials with the certificate.
func tlsOf(c tls.Certificate) *tls.Config { return &tls.Config{Certificates: []tls.Certificate{c}} }

// cert is the certificate of a node.
func (n *node) cert(t *testing.T) tls.Certificate {
	t.Helper()
	p, err := newNkeyProof(n.seed)
	if err != nil {
		t.Fatal(err)
	}
	return p.own
}

// signed makes a certificate with the key, changed in some way.
func (n *node) signed(t *testing.T, change func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	own := n.cert(t)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{n.public}, NotBefore: time.Unix(0, 0), NotAfter: time.Now().Add(time.Hour)}
	change(template)
	private := own.PrivateKey.(ed25519.PrivateKey)
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}
}

// Nobody hears a byte of NATS from a leaf port but who proves the key of an importer.
func TestStrangersHearNothing(t *testing.T) {
	score, hunt, stranger := start(t, "score-1", nil), start(t, "hunt-1", nil), start(t, "stranger-1", nil)
	clue := start(t, "clue-1", func(s *Spec) { s.Importers = []Importer{score.importer(), hunt.importer()} })
	other, _ := url.Parse(score.public)
	stolen := score.cert(t)
	stolen.PrivateKey = stranger.cert(t).PrivateKey
	for what, c := range map[string]*tls.Config{
		"no certificate":              {},
		"a stranger":                  {Certificates: []tls.Certificate{stranger.cert(t)}},
		"a stranger as score-1":       {Certificates: []tls.Certificate{stranger.signed(t, func(c *x509.Certificate) { c.DNSNames = []string{score.public} })}},
		"hunt-1 as score-1":           {Certificates: []tls.Certificate{hunt.signed(t, func(c *x509.Certificate) { c.DNSNames = []string{score.public} })}},
		"hunt-1 and score-1":          {Certificates: []tls.Certificate{hunt.signed(t, func(c *x509.Certificate) { c.DNSNames = append(c.DNSNames, score.public) })}},
		"hunt-1, score-1 by email":    {Certificates: []tls.Certificate{hunt.signed(t, func(c *x509.Certificate) { c.EmailAddresses = []string{score.public} })}},
		"hunt-1, score-1 by URI":      {Certificates: []tls.Certificate{hunt.signed(t, func(c *x509.Certificate) { c.URIs = []*url.URL{other} })}},
		"hunt-1, score-1 as subject":  {Certificates: []tls.Certificate{hunt.signed(t, func(c *x509.Certificate) { c.Subject = pkix.Name{CommonName: score.public} })}},
		"score-1 without its private": {Certificates: []tls.Certificate{stolen}},
		"TLS 1.2":                     {Certificates: []tls.Certificate{score.cert(t)}, MaxVersion: tls.VersionTLS12},
	} {
		if _, heard, err := dialTLS(t, clue.ListenAddr(), c); heard != "" || err == nil {
			t.Errorf("%s: heard %q, error %v", what, heard, err)
		}
	}
	plain := dialTCP(t, clue.ListenAddr())
	_ = plain.SetDeadline(time.Now().Add(2 * handshakeTimeout))
	if n, err := plain.Read(make([]byte, 1)); n > 0 || err == nil {
		t.Errorf("who says nothing hears %d bytes, error %v", n, err)
	} else if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
		t.Error("who says nothing keeps its connection")
	}
	if _, heard, err := dialTLS(t, clue.ListenAddr(), tlsOf(score.cert(t))); !strings.HasPrefix(heard, "INFO ") {
		t.Errorf("score-1 hears %q, error %v", heard, err)
	}
}

// Whoever answers at an exporter's port without its key hears nothing, and is named.
func TestSquatter(t *testing.T) {
	score := start(t, "score-1", nil)
	_, clue := spec(t, "clue-1")
	squatter := start(t, "clue-1", func(s *Spec) { s.Importers = []Importer{score.importer()} })
	remote := squatter.remote()
	remote.Keys = []string{clue.public}
	if err := score.Link([]Remote{remote}, nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, "what is wrong", func() bool {
		return strings.Contains(score.Trouble("clue-1"), errOtherNode.Error()) && strings.Contains(score.Trouble("clue-1"), squatter.public)
	})
	eventually(t, "the remedy in the log", func() bool { return strings.Contains(score.log.String(), "correct the url or the key of the peer") })
	if _, up := score.toExporter(t, "clue-1").Link(); up || squatter.nats.NumLeafNodes() > 0 {
		t.Error("linked")
	}
	remote.Keys = []string{squatter.public} // the control
	if err := score.Link([]Remote{remote}, nil); err != nil {
		t.Fatal(err)
	}
	score.toExporter(t, "clue-1").linked(t)
}

// An exporter that is dialed gets nothing signed that opens another's port. On a plain link it
// would: there it says another's nonce, and signs in with the answer.
func TestNothingSignedIsRelayed(t *testing.T) {
	score := start(t, "score-1", nil)
	clue := start(t, "clue-1", func(s *Spec) { s.Importers = []Importer{score.importer()} })
	thief := startRogueExporter(t, "hunt-1", score)
	if err := score.Link([]Remote{clue.remote(), thief.remote()}, nil); err != nil {
		t.Fatal(err)
	}
	score.toExporter(t, "hunt-1").linked(t)
	leafs, err := thief.server.Leafz(nil)
	if err != nil {
		t.Fatal(err)
	}
	link := thief.server.GetLeafNode(leafs.Leafs[0].ID)
	if opts := link.GetOpts(); opts.Nkey != "" || opts.Sig != "" || opts.JWT != "" || opts.Password != "" {
		t.Errorf("score-1 gave %+v", opts)
	}
	// It hands the handshake's bytes on to clue-1, and gets in the way of nobody: score-1 does not
	// take clue-1 for hunt-1.
	relay, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = relay.Close() })
	go func() {
		for {
			c, err := relay.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial("tcp", clue.ListenAddr())
			if err != nil {
				return
			}
			go copyAndClose(c, to)
			go copyAndClose(to, c)
		}
	}()
	relayed := thief.remote()
	relayed.URL = "nats-leaf://" + relay.Addr().String()
	if err := score.Link([]Remote{relayed}, nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, "score-1 sees who it is", func() bool { return strings.Contains(score.Trouble("hunt-1"), clue.public) })
	if clue.nats.NumLeafNodes() > 0 {
		t.Error("the relay got in")
	}
}

func copyAndClose(to, from net.Conn) {
	buffer := make([]byte, 4096)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			_, _ = to.Write(buffer[:n])
		}
		if err != nil {
			_ = to.Close()
			return
		}
	}
}

// A session cannot be resumed, and so not with a key that was taken back meanwhile.
func TestNoSessionIsResumed(t *testing.T) {
	score := start(t, "score-1", nil)
	clue := start(t, "clue-1", func(s *Spec) { s.Importers = []Importer{score.importer()} })
	c := &tls.Config{Certificates: []tls.Certificate{score.cert(t)}, ClientSessionCache: tls.NewLRUClientSessionCache(8), ServerName: "clue-1"}
	for range 3 {
		state, heard, _ := dialTLS(t, clue.ListenAddr(), c)
		if state.DidResume || !strings.HasPrefix(heard, "INFO ") {
			t.Errorf("resumed: %v, heard %q", state.DidResume, heard)
		}
	}
	if err := clue.Link(nil, nil); err != nil {
		t.Fatal(err)
	}
	if state, heard, _ := dialTLS(t, clue.ListenAddr(), c); state.DidResume || heard != "" {
		t.Errorf("after the key was taken back: resumed %v, heard %q", state.DidResume, heard)
	}
}

// authority is a CA of an organisation.
type authority struct {
	certificate *x509.Certificate
	key         ed25519.PrivateKey
	dir         string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), Subject: pkix.Name{CommonName: "an organisation"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{key: key, dir: t.TempDir()}
	if a.certificate, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.write(t, "ca.pem", "CERTIFICATE", der)
	return a
}

func (a *authority) write(t *testing.T, name, kind string, der []byte) string {
	t.Helper()
	path := filepath.Join(a.dir, name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// issue makes the files of a node.
func (a *authority) issue(t *testing.T, file string, names ...string) *Certificates {
	t.Helper()
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(2), DNSNames: names, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, public, a.key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return &Certificates{CA: filepath.Join(a.dir, "ca.pem"), Certificate: a.write(t, file+".pem", "CERTIFICATE", der), Key: a.write(t, file+".key", "PRIVATE KEY", private)}
}

// Nodes with certificates of an organisation know each other by their names.
func TestOrganisation(t *testing.T) {
	ours, theirs := newAuthority(t), newAuthority(t)
	with := func(name string, c *Certificates) *node {
		return start(t, name, func(s *Spec) { s.Seed, s.Certificates = "", c })
	}
	clue := with("clue-1", ours.issue(t, "clue-1", "clue-1", "clue.example.org"))
	score := with("score-1", ours.issue(t, "score-1", "score-1"))
	for _, n := range []*node{clue, score} {
		n.public = "" // names are enough
	}
	both := ours.issue(t, "both", "score-1", "hunt-1")
	importers := []Importer{{Name: "score-1"}, {Name: "hunt-1"}}
	remotes := []Remote{{Name: "clue-1", URL: "nats-leaf://" + clue.ListenAddr()}}
	if err := clue.Link(nil, importers); err != nil {
		t.Fatal(err)
	}
	if err := score.Link(remotes, nil); err != nil {
		t.Fatal(err)
	}
	in, out := score.toExporter(t, "clue-1"), clue.toReader(t, score)
	box := in.hear(t, ToReader("score-1", "clue-1"))
	out.hears(t, ToReader("score-1", "clue-1"))
	out.send(t, ToReader("score-1", "clue-1"), "hello")
	box.await(t, ToReader("score-1", "clue-1")+" hello")

	for what, c := range map[string]*Certificates{
		"another CA":        theirs.issue(t, "score-1", "score-1"),
		"a name of nobody":  ours.issue(t, "nobody", "team-1"),
		"the names of two":  both,
		"a node's own nkey": nil,
	} {
		certificate := score.signed(t, func(c *x509.Certificate) { c.DNSNames = []string{"score-1"} })
		if c != nil {
			var err error
			if certificate, err = tls.LoadX509KeyPair(c.Certificate, c.Key); err != nil {
				t.Fatal(err)
			}
		}
		if _, heard, err := dialTLS(t, clue.ListenAddr(), &tls.Config{Certificates: []tls.Certificate{certificate}}); heard != "" || err == nil {
			t.Errorf("%s: heard %q, error %v", what, heard, err)
		}
	}
}

// Certificates that change are used for links that are made later. Bad ones are not.
func TestOrganisationRenews(t *testing.T) {
	ours := newAuthority(t)
	files := ours.issue(t, "clue-1", "clue-1")
	clue := start(t, "clue-1", func(s *Spec) { s.Seed, s.Certificates = "", files })
	serial := func() string {
		state, _, _ := dialTLS(t, clue.ListenAddr(), &tls.Config{})
		return string(state.PeerCertificates[0].Raw)
	}
	first := serial()
	if serial() != first {
		t.Fatal("another certificate of the same files")
	}
	if err := os.WriteFile(files.Certificate, []byte("half of it"), 0o600); err != nil {
		t.Fatal(err)
	}
	if serial() != first {
		t.Error("a bad file was used")
	}
	if !strings.Contains(clue.log.String(), "the changed certificates cannot be used") {
		t.Errorf("the log says nothing: %s", clue.log)
	}
	ours.issue(t, "clue-1", "clue-1")
	if serial() == first {
		t.Error("the changed files are not used")
	}
}

// Plain links are made if both ends say so, and by no other end.
func TestPlain(t *testing.T) {
	plain := func(s *Spec) { s.Plain = true }
	clue, score, hunt := start(t, "clue-1", plain), start(t, "score-1", plain), start(t, "hunt-1", nil)
	link(t, clue, score, hunt)
	score.toExporter(t, "clue-1").linked(t)
	eventually(t, "a node that wants TLS says what is wrong", func() bool { return hunt.Trouble("clue-1") != "" })
	if _, up := hunt.toExporter(t, "clue-1").Link(); up {
		t.Error("a node that wants TLS was linked without it")
	}
	if _, err := Start(t.Context(), Spec{Name: "a-1", Plain: true, Certificates: &Certificates{}}); err == nil || !strings.Contains(err.Error(), "choose one") {
		t.Errorf("plain with certificates: %v", err)
	}
}
