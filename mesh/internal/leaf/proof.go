package leaf

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/nats-io/nkeys"
)

// handshakeTimeout bounds a TLS handshake, and how long a stranger who sends nothing keeps a
// connection. One takes 2 ms.
const handshakeTimeout = 2 * time.Second

// curves has none with ML-KEM, which would take half as much again of the processor for a
// handshake: see BenchmarkHandshake.
var curves = []tls.CurveID{tls.X25519}

// proof is how the two ends of a link prove who they are.
type proof interface {
	// certificate is this node's own.
	certificate() (*tls.Certificate, error)
	// identities are what a peer may prove to be.
	identities(name string, keys []string) []string
	// check gives what the peer's certificate proves, once it is found to be good for that
	// use. The handshake has proved that the peer has the certificate's private key.
	check(peer []*x509.Certificate, use x509.ExtKeyUsage) ([]string, error)
}

// newProof makes the proof of a server, nil if its links are plain.
func (s Spec) newProof() (proof, error) {
	switch {
	case s.Plain || s.Seed == "" && s.Certificates == nil:
		return nil, nil
	case s.Certificates != nil:
		return newOrganisation(*s.Certificates, s.Logger)
	default:
		return newNkeyProof(s.Seed)
	}
}

// nkeyProof is a certificate that the node signs itself with its Ed25519 nkey. It says
// nothing but the public nkey, which the peer's configuration names.
type nkeyProof struct{ own tls.Certificate }

func newNkeyProof(seed string) (*nkeyProof, error) {
	_, raw, err := nkeys.DecodeSeed([]byte(seed)) // a copy: it is decoded in place
	if err != nil {
		return nil, errors.New("the seed is no nkey") // its own error could show the seed
	}
	private := ed25519.NewKeyFromSeed(raw)
	public, ok := private.Public().(ed25519.PublicKey)
	if !ok {
		return nil, errors.New("the seed has no Ed25519 key")
	}
	name, err := publicNkey(public)
	if err != nil {
		return nil, err
	}
	// A node's key does not expire, and neither does what says no more than the key.
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{name},
		NotBefore: time.Unix(0, 0), NotAfter: time.Date(9999, time.December, 31, 23, 59, 59, 0, time.UTC)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		return nil, fmt.Errorf("make a certificate of the seed: %w", err)
	}
	return &nkeyProof{tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}}, nil
}

func publicNkey(key ed25519.PublicKey) (string, error) {
	text, err := nkeys.Encode(nkeys.PrefixByteUser, key)
	if err != nil {
		return "", fmt.Errorf("write a public key as nkey: %w", err)
	}
	return string(text), nil
}

func (p *nkeyProof) certificate() (*tls.Certificate, error) { return &p.own, nil }

func (*nkeyProof) identities(_ string, keys []string) []string { return keys }

// check wants the one name to be the key: NATS looks for its user among all names of a
// certificate.
func (*nkeyProof) check(peer []*x509.Certificate, _ x509.ExtKeyUsage) ([]string, error) {
	key, ok := peer[0].PublicKey.(ed25519.PublicKey)
	if !ok {
		return nil, errors.New("the certificate is not one that a node made of its nkey")
	}
	name, err := publicNkey(key)
	if err != nil {
		return nil, err
	}
	c := peer[0]
	if len(c.DNSNames) != 1 || c.DNSNames[0] != name || len(c.EmailAddresses)+len(c.URIs)+len(c.IPAddresses) > 0 || len(c.Subject.Names) > 0 {
		return nil, fmt.Errorf("the certificate of key %s says more than its key", name)
	}
	return []string{name}, nil
}

// Errors of a handshake, for the log and for [Server.Trouble].
var (
	errNoCertificate = errors.New("the peer has no certificate")
	errStranger      = errors.New("no peer here has what the certificate proves")
	errOtherNode     = errors.New("another node answers there")
	errAgain         = errors.New("the peer links again and again, and stays out for some seconds")
	errExpelled      = errors.New("the peer was put out, and stays out for some seconds")
	errNoHandshake   = errors.New("nothing there speaks TLS")
	errNoAnswer      = errors.New("it takes a connection and answers nothing: it may hang")
	errRefused       = errors.New("the exporter closes the connection without a word: it does not know this node's key, or does not let it import")
)

// mayBe is what an importer may prove to be.
func (s Spec) mayBe(i Importer) []string {
	switch {
	case i.Shut:
		return nil
	case s.proof == nil:
		return i.Keys
	default:
		return s.proof.identities(i.Name, i.Keys)
	}
}

// shouldBe is what a remote has to prove to be. On a plain link it proves nothing.
func (s Spec) shouldBe(r Remote) []string {
	if s.proof == nil || r.URL == "" {
		return nil
	}
	return s.proof.identities(r.Name, r.Keys)
}

// only finds the peer, by what it proves, and refuses all others. It is asked for each connection:
// a resumed session would pass VerifyPeerCertificate by.
func only(p proof, allowed map[string]string, state tls.ConnectionState, use x509.ExtKeyUsage, refusal error) (name string, err error) {
	if len(state.PeerCertificates) == 0 {
		return "", errNoCertificate
	}
	proved, err := p.check(state.PeerCertificates, use)
	if err != nil {
		return "", err
	}
	matches := 0
	for _, identity := range proved {
		if peer, known := allowed[identity]; known {
			name, matches = peer, matches+1
		}
	}
	if matches != 1 { // with two it would be open which of them it is
		return "", fmt.Errorf("%w: it is of %s", refusal, cut(strings.Join(proved, ", ")))
	}
	return name, nil
}

// listening is the TLS configuration of the leaf port.
func (s Spec) listening() *tls.Config {
	p, allowed := s.proof, map[string]string{} // the importer by what it proves
	for _, importer := range s.Importers {
		for _, identity := range s.mayBe(importer) {
			allowed[identity] = importer.Name
		}
	}
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		SessionTicketsDisabled: true,
		CurvePreferences:       curves,
		ClientAuth:             tls.RequireAnyClientCert,
		GetConfigForClient:     func(hello *tls.ClientHelloInfo) (*tls.Config, error) { return nil, s.sockets.enter(hello) },
		GetCertificate:         func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return p.certificate() },
		VerifyConnection: func(state tls.ConnectionState) error {
			name, err := only(p, allowed, state, x509.ExtKeyUsageClientAuth, errStranger)
			if err == nil {
				err = s.sockets.link(name, time.Now())
			}
			return err
		},
	}
}

// dialing is the TLS configuration for a remote. It tells how each handshake went.
func (s Spec) dialing(remote Remote) *tls.Config {
	p := s.proof
	allowed := map[string]string{}
	for _, identity := range s.shouldBe(remote) {
		allowed[identity] = remote.Name
	}
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		SessionTicketsDisabled: true,
		CurvePreferences:       curves,
		InsecureSkipVerify:     true, // #nosec G402 -- VerifyConnection verifies, and says what
		GetClientCertificate:   func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return p.certificate() },
		VerifyConnection: func(state tls.ConnectionState) error {
			_, err := only(p, allowed, state, x509.ExtKeyUsageServerAuth, errOtherNode)
			s.seen(remote, err)
			return err
		},
	}
}

// maxOutside bounds what a log line or an error has of a text from outside, in bytes.
const maxOutside = 300

// cut shortens a text from outside.
func cut(text string) string {
	if len(text) <= maxOutside {
		return text
	}
	return text[:maxOutside] + "…"
}
