package leaf

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
)

// Certificates are those of an organisation, in PEM files. A node's own has the node's name
// among its DNS names; by that name its peers know it. The files are read again when they
// change: links stay, and those that are made later use what is in the files then.
type Certificates struct {
	CA          string // whoever signed a node's certificate
	Certificate string // this node's own, with those between it and the CA
	Key         string // its private key
}

// Check reports whether the files can be used.
func (c Certificates) Check() error {
	_, _, err := c.read()
	return err
}

func (c Certificates) read() (*tls.Certificate, *x509.CertPool, error) {
	own, err := tls.LoadX509KeyPair(c.Certificate, c.Key)
	if err != nil {
		return nil, nil, fmt.Errorf("read the certificate %s and its key %s: %w", c.Certificate, c.Key, err)
	}
	data, err := os.ReadFile(c.CA)
	if err != nil {
		return nil, nil, fmt.Errorf("read the CA: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(data) {
		return nil, nil, fmt.Errorf("read the CA %s: there is no certificate in it", c.CA)
	}
	return &own, roots, nil
}

// version tells one state of a file from another.
type version struct {
	size, modified int64
	mode           fs.FileMode
}

// versions are of the three files, zero for one that is not there.
func (c Certificates) versions() (all [3]version) {
	for i, path := range []string{c.CA, c.Certificate, c.Key} {
		if info, err := os.Stat(path); err == nil {
			all[i] = version{info.Size(), info.ModTime().UnixNano(), info.Mode()}
		}
	}
	return all
}

// organisation is the proof by the certificates of an organisation.
type organisation struct {
	files  Certificates
	logger *slog.Logger

	mu       sync.Mutex
	versions [3]version       // guarded by mu: of what was read last
	own      *tls.Certificate // guarded by mu
	roots    *x509.CertPool   // guarded by mu
}

func newOrganisation(files Certificates, logger *slog.Logger) (*organisation, error) {
	o := &organisation{files: files, logger: logger, versions: files.versions()}
	var err error
	if o.own, o.roots, err = files.read(); err != nil {
		return nil, err
	}
	return o, nil
}

// current reads the files if they have changed. While they cannot be read, as between the
// writing of the certificate and that of its key, what was read before holds.
func (o *organisation) current() (*tls.Certificate, *x509.CertPool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.files.versions()
	if now == o.versions {
		return o.own, o.roots
	}
	o.versions = now // else a bad file would be read for each handshake
	own, roots, err := o.files.read()
	if err != nil {
		o.logger.Warn("the changed certificates cannot be used, and the former ones are", "error", err)
		return o.own, o.roots
	}
	o.own, o.roots = own, roots
	return own, roots
}

func (o *organisation) certificate() (*tls.Certificate, error) {
	own, _ := o.current()
	return own, nil
}

func (*organisation) identities(name string, _ []string) []string { return []string{name} }

func (o *organisation) check(peer []*x509.Certificate, use x509.ExtKeyUsage) ([]string, error) {
	_, roots := o.current()
	between := x509.NewCertPool()
	for _, c := range peer[1:] {
		between.AddCert(c)
	}
	if len(peer[0].EmailAddresses) > 0 { // NATS takes those for names of users too
		return nil, errors.New("the certificate has email addresses")
	}
	_, err := peer[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{use}})
	if err != nil {
		return nil, fmt.Errorf("the certificate is not of the CA: %w", err)
	}
	return peer[0].DNSNames, nil
}
