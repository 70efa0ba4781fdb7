package config

import (
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/nats-io/nkeys"
)

const leafScheme = "nats-leaf"

// peers checks each peer, and that no two are one.
func (v *validation) peers() {
	names, urls, keys := firsts{}, firsts{}, firsts{}
	for i, peer := range v.config.Peers {
		field := fmt.Sprintf("peers[%d]", i)
		v.peerName(field+".name", peer.Name, names)
		if peer.URL == "" && peer.Key == "" && peer.KeyFile == "" {
			v.add(field, "the peer has neither url nor key", "give url to import from it, key or key_file to let it import from this node")
		}
		if peer.URL != "" {
			v.peerURL(field+".url", peer.URL, urls)
		}
		if peer.Key != "" || peer.KeyFile != "" {
			v.peerKey(field, peer, keys)
		}
	}
}

func (v *validation) peerName(field, name string, seen firsts) {
	problem, remedy := checkName(name)
	if problem != "" {
		v.add(field, problem, remedy)
		return
	}
	if name == v.config.Name {
		v.add(field, fmt.Sprintf("%q is this node itself", name), "remove it from the peers")
	}
	if first := seen.twice(name, field); first != "" {
		v.add(field, fmt.Sprintf("%q is already named in %s", name, first), "keep one of the two, with url and key in it")
	}
}

func (v *validation) peerURL(field, text string, seen firsts) {
	if text == LaterURL && v.config.OneProcess {
		return
	}
	host, port, problem := splitURL(text)
	if problem != "" {
		v.add(field, problem, "give nats-leaf://host:port, as in nats-leaf://127.0.0.1:7402")
		return
	}
	if first := seen.twice(net.JoinHostPort(strings.ToLower(host), port), field); first != "" {
		v.add(field, "the url is the same as in "+first, "two nodes have two ports: give each its own")
	}
}

// splitURL takes a peer's URL apart. The problem never repeats the URL, as it may hold a password.
func splitURL(text string) (host, port, problem string) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != leafScheme:
		return "", "", "it is not a nats-leaf:// URL"
	case u.User != nil:
		return "", "", "a URL may not hold a user or a password; nodes log in with their seeds"
	case u.Path != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.Opaque != "":
		return "", "", "there is something after the port"
	}
	if _, problem := checkAddress(u.Host, true); problem != "" {
		return "", "", problem
	}
	return u.Hostname(), u.Port(), ""
}

func (v *validation) peerKey(field string, peer Peer, seen firsts) {
	at := field + ".key"
	if peer.KeyFile != "" {
		at = field + ".key_file"
	}
	key, err := peer.PublicKey()
	if err != nil {
		v.addErr(field, err)
		return
	}
	if v.publicKey != "" && key == v.publicKey {
		v.add(at, "the key is that of this node's own seed", "give the peer a seed of its own, and its public key here")
	}
	if first := seen.twice(key, at); first != "" {
		v.add(at, "the key is the same as in "+first, "give each node a seed of its own: a key says which node it is")
	}
}

// PublicKey returns the peer's key from Key or from its file, "" if it has neither. Errors are
// FieldErrors relative to the peer.
func (p Peer) PublicKey() (string, error) {
	switch {
	case p.Key != "" && p.KeyFile != "":
		return "", &FieldError{Field: "key_file", Problem: "the peer has both key and key_file", Remedy: "keep one of the two"}
	case p.Key != "":
		return p.Key, InField("key", checkKey(p.Key))
	case p.KeyFile == "":
		return "", nil
	}
	key, err := readPublicKey(p.KeyFile)
	return key, InField("key_file", err)
}

// checkKey reports what is wrong with a public user key. It does not repeat it: what stands there
// may be a secret.
func checkKey(key string) error {
	if nkeys.IsValidPublicUserKey(key) {
		return nil
	}
	if isKeyFile(key) {
		return &FieldError{Problem: "this is a file's name, and not a public key", Remedy: "write key_file: PATH"}
	}
	if _, _, err := nkeys.DecodeSeed([]byte(key)); err == nil {
		return &FieldError{Problem: "this is a seed, which is secret, and not a public key",
			Remedy: "make a new pair with: meshctl key FILE, and give what is in its .pub file"}
	}
	return &FieldError{Problem: "this is not the public key of an nkey user (U…)", Remedy: "give what is in the peer's .pub file, made by: meshctl key FILE"}
}

// publicKeyOf gives the public key of a user seed, "" if it is none.
func publicKeyOf(seed string) string {
	pair, err := nkeys.FromSeed([]byte(seed))
	if err != nil {
		return ""
	}
	defer pair.Wipe()
	key, err := pair.PublicKey()
	if err != nil {
		return ""
	}
	return key
}
