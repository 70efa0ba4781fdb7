package config

import (
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/nats-io/nkeys"
)

const leafScheme = "nats-leaf"

// CheckPeers returns the problems of the peers alone. That nobody may read an export any more, or
// use the port, is none: what a peer had can be taken back while a node runs.
func (n Node) CheckPeers() error {
	var own []*FieldError
	for _, e := range FieldErrors(n.Validate()) {
		if within(e.Field, "peers") {
			own = append(own, e)
		}
	}
	return joined(own)
}

// peers checks each peer, and that no two are one.
func (v *validation) peers() {
	names, urls, keys := firsts{}, firsts{}, firsts{}
	for i, peer := range v.config.Peers {
		field := fmt.Sprintf("peers[%d]", i)
		v.peerName(field+".name", peer.Name, names)
		v.peerRights(field, peer)
		if peer.URL != "" {
			v.peerURL(field+".url", peer.URL, urls)
		}
		v.peerKeys(field, peer, keys)
	}
}

// peerRights checks that a peer is of some use, and that who may import can prove who it is.
func (v *validation) peerRights(field string, peer Peer) {
	links, proves := v.config.Links, peer.named() || v.config.Links.byCertificates()
	switch {
	case v.config.Hub != nil && peer.URL == "" && (len(peer.MayImport) == 0 || !peer.named()): // it comes by the hub alone
	case peer.URL == "" && len(peer.MayImport) == 0:
		v.add(field, "the peer has neither url nor may_import", "give url and key to import from it, may_import and key to let it import from this node: all, or a list of event types")
	case len(peer.MayImport) > 0 && !proves:
		v.add(field, "the peer may import, and there is no key by which it is known", "add key or key_file: what meshctl key made on the peer's machine", field+".key", field+".key_file")
	case peer.URL != "" && !proves && !links.Plain:
		v.add(field, "the peer is dialed, and there is no key by which it is known: whoever answers at its url would be believed",
			"add key or key_file: what meshctl key made on the peer's machine", field+".key", field+".key_file")
	}
	if links.byCertificates() && !links.Plain && peer.named() {
		v.add(field+".key", "links are proved by certificates, so a key proves nothing", "remove it: the peer is known by the name in its certificate")
	}
	if len(peer.MayImport) == 0 || peer.MayImport.all() {
		return
	}
	seen := firsts{}
	for i, subject := range peer.MayImport {
		at := fmt.Sprintf("%s.may_import[%d]", field, i)
		switch first := seen.twice(subject, at); {
		case first != "":
			v.add(at, fmt.Sprintf("%.200q already stands in %s", subject, first), "keep one of the two")
		case v.config.Export(subject) == nil:
			v.add(at, fmt.Sprintf("%.200q is no export of this node", subject), "name event types that stand under exports, or write may_import: all", "exports")
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

// peerKeys checks the present key and the next one.
func (v *validation) peerKeys(field string, peer Peer, seen firsts) {
	present, next := peer.keys()
	if next.given() && !present.given() {
		v.add(field+"."+next.at(), "there is a next key and no present one", "write key, and next_key only while the peer changes its key", field+".key", field+".key_file")
	}
	for _, key := range []keySource{present, next} {
		if key.given() {
			v.peerKey(field, key, seen)
		}
	}
}

func (v *validation) peerKey(field string, source keySource, seen firsts) {
	at := field + "." + source.at()
	key, err := source.read()
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

// keySource is where a key stands: in the file itself, or in one of its own.
type keySource struct{ field, key, file string }

// keys are where the present key and the next one stand.
func (p Peer) keys() (present, next keySource) {
	return keySource{"key", p.Key, p.KeyFile}, keySource{"next_key", p.NextKey, p.NextKeyFile}
}

func (s keySource) given() bool { return s.key != "" || s.file != "" }

// at is the field that holds it.
func (s keySource) at() string {
	if s.file != "" {
		return s.field + "_file"
	}
	return s.field
}

func (s keySource) read() (string, error) {
	switch {
	case s.key != "" && s.file != "":
		return "", &FieldError{Field: s.at(), Problem: fmt.Sprintf("the peer has both %s and %s_file", s.field, s.field), Remedy: "keep one of the two"}
	case s.key != "":
		return s.key, InField(s.at(), checkKey(s.key))
	}
	key, err := readPublicKey(s.file)
	return key, InField(s.at(), err)
}

// PublicKeys returns what the peer may prove: the present key, and the next one if there is one.
// Errors are FieldErrors relative to the peer.
func (p Peer) PublicKeys() (keys []string, err error) {
	present, next := p.keys()
	for _, source := range []keySource{present, next} {
		if !source.given() {
			continue
		}
		key, err := source.read()
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
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

// publicKeyOf returns the public key of a user seed, "" if it is none.
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
