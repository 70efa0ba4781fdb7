package config

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Hub is a stock nats-server, or a cluster of them, where nodes meet that have no direct link:
// where there are many, or behind an address translation. Peers without a URL are reached there.
// The hub lets each node speak and hear as itself alone, by its key; so it is trusted with all that
// passes. What it needs for that, meshctl hub writes.
type Hub struct {
	// URLs are those of all servers of one cluster: tls://host:port, or nats-leaf://host:port
	// without TLS. The node dials one of them, and another when that one is gone.
	URLs []string `yaml:"urls,omitempty" reload:"restart" remedy:"give the leaf ports of the hub's servers, as in [tls://hub-a.example.com:7422, tls://hub-b.example.com:7422]"`
	// Seed is the nkey user seed with which the node signs in, at a hub whose configuration meshctl
	// hub writes. It is never that of the node: a hub has signed whatever it likes.
	Seed Secret `yaml:"seed,omitempty" reload:"restart"`
	// Credentials are a file with the JWT and the seed of a user, in place of Seed: for a hub that
	// has JWT accounts, as a hosted NATS has. The path is relative to the YAML file. The file is
	// bounded as that of a [Secret] is, and is read each time that the node dials.
	Credentials Path `yaml:"credentials,omitempty" reload:"restart" contents:"live"`
	// CA is a PEM file with who signed the hub's certificates; relative to the YAML file. Left out:
	// those that the machine trusts.
	CA Path `yaml:"ca,omitempty" reload:"restart" contents:"live"`
}

// ByHub reports whether a peer that the node imports from is reached by the hub.
func (n Node) ByHub(p Peer) bool { return n.Hub != nil && p.URL == "" }

// hub checks how the hub is dialed.
func (v *validation) hub() {
	h := v.config.Hub
	if h == nil {
		return
	}
	if len(h.URLs) == 0 {
		v.add("hub.urls", "the hub has no url", "give the leaf ports of its servers, as in [tls://hub-a.example.com:7422]")
	}
	for i, text := range h.URLs {
		v.hubURL(fmt.Sprintf("hub.urls[%d]", i), text, h)
	}
	v.hubSignIn(h)
	if h.CA == "" {
		return
	}
	data, err := readRegular(string(h.CA), maxPEMBytes)
	if err == nil && !x509.NewCertPool().AppendCertsFromPEM(data) {
		err = errors.New("there is no certificate in it")
	}
	if err != nil {
		v.addErr("hub.ca", unreadable(err, "give a PEM file with the certificate of who signed the hub's ones"))
	}
}

func (v *validation) hubURL(field, text string, h *Hub) {
	scheme, rest, _ := strings.Cut(text, "://")
	u, err := url.Parse(text)
	switch {
	case err != nil || scheme != "tls" && scheme != leafScheme:
		v.add(field, "it is not a tls:// or nats-leaf:// URL", "give tls://host:port, as in tls://hub-a.example.com:7422")
		return
	case u.User != nil:
		v.add(field, "a URL may not hold a user or a password; nodes sign in with hub.seed or hub.credentials", "remove it")
		return
	case scheme != schemeOf(h.URLs[0]):
		v.add(field, "some of the hub's servers speak TLS and some do not", "use the same scheme for all")
	}
	if _, problem := checkAddress(rest, true); problem != "" {
		v.add(field, problem, "give tls://host:port, as in tls://hub-a.example.com:7422")
		return
	}
	if scheme == leafScheme && !v.config.Links.PlainBeyondLoopback && !loopback(u.Hostname()) {
		v.add(field, "without TLS, whoever is on the way reads and rewrites what passes, and it leads to another machine",
			"use tls://; or, where something else protects the way, add links.plain_beyond_loopback: true")
	}
}

func schemeOf(text string) string {
	scheme, _, _ := strings.Cut(text, "://")
	return scheme
}

// hubSignIn checks what signs in: a seed or credentials.
func (v *validation) hubSignIn(h *Hub) {
	switch {
	case h.Seed.IsZero() && h.Credentials == "":
		v.add("hub.seed", "there is no seed to sign in with, and there are no credentials",
			"make one with: meshctl key FILE, then seed: {file: FILE}; or, where the hub has JWT accounts, credentials: FILE")
	case h.Credentials == "":
		v.hubSeed(h)
	case h.Seed.IsZero():
		v.hubCredentials(h)
	default:
		v.add("hub.credentials", "there are a seed and credentials, and the node signs in with one of the two",
			"remove hub.seed if the hub has JWT accounts, and hub.credentials if meshctl hub wrote its configuration")
	}
}

// hubSeed checks the seed that signs in. The hub may have whatever it likes signed with it.
func (v *validation) hubSeed(h *Hub) {
	seed, err := h.Seed.resolveSeed()
	if err != nil {
		v.addErr("hub.seed", err)
		return
	}
	if public := publicKeyOf(seed); public != "" && public == v.publicKey {
		v.add("hub.seed", "it is the node's own seed: a hub has whatever it likes signed with it", "make another with: meshctl key FILE")
	}
}
