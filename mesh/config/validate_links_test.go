package config

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"leafmesh/mesh/internal/configtest"
)

// organisation makes the files of a node's certificate that has these names.
func organisation(t *testing.T, names ...string) Links {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: names, NotAfter: time.Now().Add(time.Hour)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	file := func(name, kind string, der []byte) Path {
		path := filepath.Join(t.TempDir(), name)
		configtest.WriteFile(t, path, string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})), 0o600)
		return Path(path)
	}
	return Links{CA: file("ca.pem", "CERTIFICATE", certificate), Certificate: file("own.pem", "CERTIFICATE", certificate), Key: file("own.key", "PRIVATE KEY", private)}
}

// Without TLS it takes a word, a second one beyond this machine, and another seed.
func TestLinksThatAreNotTheUsualOnes(t *testing.T) {
	folder, seed := configtest.NewFolder(t)
	plainSeed := Secret{File: filepath.Join(folder, "plain.nk")}
	plain := Links{Plain: true, PlainSeed: plainSeed}
	reader := Peer{Name: "score-1", Key: configtest.KeyA, MayImport: AllExports()}
	good := func() Node {
		return Node{Name: "clue-1", Listen: "127.0.0.1:7401", Seed: NewSecret(seed), Links: plain,
			Exports: []Export{{Event: "clue.clue.solved"}}, Imports: []Import{{Event: "hunt.clue.unlocked"}},
			Peers: []Peer{reader, {Name: "hunt-1", URL: "nats-leaf://localhost:7402"}}}
	}
	certificates, other := organisation(t, "clue.example.org", "clue-1"), organisation(t, "hunt-1")
	open := organisation(t, "clue-1")
	configtest.WriteFile(t, string(open.Key), "x", 0o604)
	byName := []Peer{{Name: "score-1", MayImport: AllExports()}, {Name: "hunt-1", URL: "nats-leaf://10.0.0.1:7402"}}
	for what, test := range map[string]struct {
		change func(*Node)
		want   string // in each problem, one a line
	}{
		"plain on this machine":       {func(*Node) {}, ""},
		"plain on another one":        {func(c *Node) { c.Peers[1].URL = "nats-leaf://10.0.0.1:7402" }, "peers[1].url: links are plain, and it leads to another machine"},
		"plain for all":               {func(c *Node) { c.Listen = "0.0.0.0:7401" }, "listen: links are plain, and others than this machine reach this address"},
		"plain for all, by two words": {func(c *Node) { c.Listen, c.Links.PlainBeyondLoopback = "0.0.0.0:7401", true }, ""},
		"the second word alone":       {func(c *Node) { *c = Node{Name: "clue-1", Links: Links{PlainBeyondLoopback: true}} }, "links.plain_beyond_loopback: no link is plain"},
		"plain with the node's seed":  {func(c *Node) { c.Links.PlainSeed = NewSecret(seed) }, "links.plain_seed: it is the node's own seed"},
		"plain without a seed":        {func(c *Node) { c.Links.PlainSeed = Secret{} }, "links.plain_seed: there are imports over plain links but no seed to sign in with"},
		"plain seed by TLS":           {func(c *Node) { c.Links.Plain, c.Peers[1].Key = false, configtest.KeyB }, "links.plain_seed: no link is plain"},
		"plain, its key a peer's": {func(c *Node) {
			own, _ := plainSeed.Resolve()
			c.Peers[0].Key = publicKeyOf(own)
		}, "peers[0].key: the key is that of this node's own seed"},
		"certificates":                 {func(c *Node) { c.Links, c.Seed, c.Peers = certificates, Secret{}, byName }, ""},
		"certificates and plain":       {func(c *Node) { c.Links.CA = certificates.CA }, "links.plain: plain links use no certificates"},
		"only a CA":                    {func(c *Node) { c.Links, c.Peers = Links{CA: certificates.CA}, byName }, "links: only some of ca, certificate and key are given"},
		"a certificate of another":     {func(c *Node) { c.Links, c.Peers = other, byName }, "links.certificate: the certificate is for [\"hunt-1\"], and not for this node"},
		"a key of another certificate": {func(c *Node) { c.Links, c.Peers = certificates, byName; c.Links.Key = other.Key }, "links.certificate: tls: private key does not match public key"},
		"a CA that is none":            {func(c *Node) { c.Links, c.Peers = certificates, byName; c.Links.CA = certificates.Key }, "links.ca: there is no certificate in it"},
		"a private key open to all": {func(c *Node) { c.Links, c.Peers = open, byName },
			"links.key: " + string(open.Key) + " has mode 0604\nlinks.certificate: tls: failed to find any PEM data"},
		"a key beside certificates": {func(c *Node) { c.Links, c.Peers = certificates, append([]Peer{reader}, byName[1]) }, "peers[0].key: links are proved by certificates, so a key proves nothing"},
	} {
		t.Run(what, func(t *testing.T) {
			c := good()
			test.change(&c)
			var want []string
			if test.want != "" {
				want = strings.Split(test.want, "\n")
			}
			got := FieldErrors(c.Validate())
			if len(got) != len(want) {
				t.Fatalf("got %v\nwant %q", c.Validate(), want)
			}
			for i, problem := range got {
				if !strings.HasPrefix(problem.Error(), want[i]) || problem.Remedy == "" {
					t.Errorf("got %q\nwant %q, and a remedy", problem, want[i])
				}
			}
		})
	}
}

func TestMayImport(t *testing.T) {
	for _, test := range []struct {
		may      MayImport
		includes bool
	}{{nil, false}, {AllExports(), true}, {MayImport{"a.b.c"}, true}, {MayImport{"a.b.d"}, false}, {MayImport{"all", "a.b.d"}, false}} {
		if got := test.may.Includes("a.b.c"); got != test.includes {
			t.Errorf("%v includes a.b.c: %v", test.may, got)
		}
	}
}
