package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
)

// links checks how links are protected.
func (v *validation) links() {
	l := v.config.Links
	switch {
	case l.Plain && l.byCertificates():
		v.add("links.plain", "plain links use no certificates", "remove plain, or ca, certificate and key")
	case l.byCertificates():
		v.certificates()
	}
	if l.PlainBeyondLoopback && !l.Plain {
		v.add("links.plain_beyond_loopback", "no link is plain", "remove it", "links.plain")
	}
	if l.Plain && !l.PlainBeyondLoopback {
		v.plainAddresses()
	}
	v.plainSeed()
	if l.Ping != 0 && (l.Ping < minPing || l.Ping > maxPing) {
		v.add("links.ping", fmt.Sprintf("%v is out of range", l.Ping), fmt.Sprintf("choose from %v to %v, or leave it out for %v", minPing, maxPing, DefaultPing))
	}
}

// plainAddresses checks that what anybody on the way can read and rewrite stays on this machine.
func (v *validation) plainAddresses() {
	const remedy = "remove links.plain; or, where something else protects the way, add links.plain_beyond_loopback: true"
	if host, problem := checkAddress(v.config.Listen, false); v.config.Listen != "" && problem == "" && !loopback(host) {
		v.add("listen", "links are plain, and others than this machine reach this address", remedy)
	}
	for i, peer := range v.config.Peers {
		if host, _, problem := splitURL(peer.URL); peer.URL != "" && peer.URL != LaterURL && problem == "" && !loopback(host) {
			v.add(fmt.Sprintf("peers[%d].url", i), "links are plain, and it leads to another machine", remedy)
		}
	}
}

// plainSeed checks the seed for plain links. An exporter there has whatever it likes signed with
// it, so it must prove nothing else.
func (v *validation) plainSeed() {
	l := v.config.Links
	switch {
	case l.PlainSeed.IsZero():
		if l.Plain && len(v.config.Imports) > 0 {
			v.add("links.plain_seed", "there are imports over plain links but no seed to sign in with; the node's own seed is never used for that",
				"make one with: meshctl key FILE, then plain_seed: {file: FILE}")
		}
		return
	case !l.Plain:
		v.add("links.plain_seed", "no link is plain", "remove it", "links.plain")
		return
	}
	seed, err := l.PlainSeed.resolveSeed()
	if err != nil {
		v.addErr("links.plain_seed", err)
		return
	}
	public := publicKeyOf(seed)
	if public == v.publicKey {
		v.add("links.plain_seed", "it is the node's own seed: an exporter on a plain link has whatever it likes signed with it", "make another with: meshctl key FILE")
	}
	v.publicKey = public // what peers have as the key of this node
}

// certificates checks an organisation's files. What is wrong with what is in them is ErrSecret.
func (v *validation) certificates() {
	l := v.config.Links
	if l.CA == "" || l.Certificate == "" || l.Key == "" {
		v.add("links", "only some of ca, certificate and key are given", "name all three files, or none")
		return
	}
	if info, err := os.Stat(string(l.Key)); err == nil && runtime.GOOS != "windows" && info.Mode().IsRegular() && info.Mode().Perm()&0o007 != 0 {
		v.addErr("links.key", unreadable(fmt.Errorf("%s has mode %04o: every user of this machine can read or change it", l.Key, info.Mode().Perm()), "chmod 600 "+string(l.Key)))
	}
	own, err := readPair(string(l.Certificate), string(l.Key))
	switch {
	case err != nil:
		v.addErr("links.certificate", unreadable(err, "give a PEM file with this node's certificate, and one with its private key"))
	case !slices.Contains(own.Leaf.DNSNames, v.config.Name):
		v.addErr("links.certificate", unreadable(fmt.Errorf("the certificate is for %q, and not for this node", own.Leaf.DNSNames),
			"have one signed with the DNS name "+v.config.Name))
	}
	data, err := readRegular(string(l.CA), maxPEMBytes)
	if err == nil && !x509.NewCertPool().AppendCertsFromPEM(data) {
		err = errors.New("there is no certificate in it")
	}
	if err != nil {
		v.addErr("links.ca", unreadable(err, "give a PEM file with the certificate of who signed the nodes' ones"))
	}
}

// maxPEMBytes bounds a file of certificates.
const maxPEMBytes = 1 << 20

func readPair(certificate, key string) (tls.Certificate, error) {
	first, err := readRegular(certificate, maxPEMBytes)
	if err != nil {
		return tls.Certificate{}, err
	}
	second, err := readRegular(key, maxPEMBytes)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(first, second)
}
