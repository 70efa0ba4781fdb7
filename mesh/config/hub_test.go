package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"leafmesh/mesh/internal/configtest"
)

// What is wrong with a hub is said with its field and the remedy.
func TestHubIsChecked(t *testing.T) {
	_, seed := configtest.NewFolder(t)
	_, other := configtest.NewFolder(t)
	for name, test := range map[string]struct {
		change func(*Node)
		want   string // "" for none
	}{
		"good":                   {func(*Node) {}, ""},
		"no url":                 {func(n *Node) { n.Hub.URLs = nil }, "hub.urls: the hub has no url"},
		"no TLS, this machine":   {func(n *Node) { n.Hub.URLs = []string{"nats-leaf://127.0.0.1:7422"} }, ""},
		"no TLS, beyond":         {func(n *Node) { n.Hub.URLs = []string{"nats-leaf://hub.example.com:7422"} }, "hub.urls[0]: without TLS"},
		"some without TLS":       {func(n *Node) { n.Hub.URLs = append(n.Hub.URLs, "nats-leaf://127.0.0.1:7422") }, "hub.urls[1]: some of the hub's servers"},
		"a password":             {func(n *Node) { n.Hub.URLs = []string{"tls://a:b@hub.example.com:7422"} }, "hub.urls[0]: a URL may not hold"},
		"another scheme":         {func(n *Node) { n.Hub.URLs = []string{"http://hub.example.com:7422"} }, "hub.urls[0]: it is not a tls://"},
		"no port":                {func(n *Node) { n.Hub.URLs = []string{"tls://hub.example.com"} }, "hub.urls[0]: "},
		"a path":                 {func(n *Node) { n.Hub.URLs = []string{"tls://hub.example.com:7422/x"} }, "hub.urls[0]: "},
		"no seed":                {func(n *Node) { n.Hub.Seed = Secret{} }, "hub.seed: there is no seed to sign in with, and there are no credentials"},
		"two to sign in with":    {func(n *Node) { n.Hub.Credentials = "score-1.creds" }, "hub.credentials: there are a seed and credentials"},
		"the node's seed":        {func(n *Node) { n.Hub.Seed = n.Seed }, "hub.seed: it is the node's own seed"},
		"a CA that is not there": {func(n *Node) { n.Hub.CA = "none.pem" }, "hub.ca: "},
		"no peer to import from": {func(n *Node) { n.Peers = nil }, "no peer of service clue"},
		"no hub":                 {func(n *Node) { n.Hub = nil }, "no peer of service clue has a url"},
	} {
		t.Run(name, func(t *testing.T) {
			n := Node{Name: "score-1", Seed: NewSecret(seed), Peers: []Peer{{Name: "clue-1"}}, Imports: []Import{{Event: "clue.clue.solved"}},
				Hub: &Hub{URLs: []string{"tls://hub.example.com:7422"}, Seed: NewSecret(other)}}
			test.change(&n)
			err := n.WithDefaults().Validate()
			if test.want == "" && err != nil {
				t.Error(err)
			}
			if test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("%v lacks %q", err, test.want)
			}
		})
	}
}

// What is wrong with the file of credentials is said with the remedy, before the node dials; that
// they have expired is for the node that runs.
func TestCredentialsAreChecked(t *testing.T) {
	pair := func(pair nkeys.KeyPair, err error) nkeys.KeyPair {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return pair
	}
	account, own, other := pair(nkeys.CreateAccount()), pair(nkeys.CreateUser()), pair(nkeys.CreateUser())
	text := func(subject, holder nkeys.KeyPair, begin, end time.Time) string {
		t.Helper()
		key, err := subject.PublicKey()
		if err != nil {
			t.Fatal(err)
		}
		user := jwt.NewUserClaims(key)
		user.NotBefore, user.Expires = begin.Unix(), end.Unix()
		token, err := user.Encode(account)
		if err != nil {
			t.Fatal(err)
		}
		seed, err := holder.Seed()
		if err != nil {
			t.Fatal(err)
		}
		return "-----BEGIN NATS USER JWT-----\n" + token + "\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n" + string(seed) + "\n------END USER NKEY SEED------\n"
	}
	now := time.Now()
	began, ends := now.Add(-time.Hour), now.Add(time.Hour)
	good := text(other, other, began, ends)
	seed, err := own.Seed()
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		text        string
		mode        os.FileMode
		refuses     string // by Validate; "" for nothing
		doesNotTake string // by CheckCredentials
	}{
		"good":                        {good, 0o600, "", ""},
		"expired":                     {text(other, other, began, now), 0o600, "", "credentials: FILE expired at " + now.UTC().Format(time.RFC3339) + "; have the hub's account renew them"},
		"not valid yet":               {text(other, other, ends, ends), 0o600, "", "credentials: FILE is not valid before"},
		"the node's own key":          {text(own, own, began, ends), 0o600, "the seed in it is the node's own", ""},
		"the seed of another user":    {text(other, own, began, ends), 0o600, "holds a seed that is not that of its JWT", "holds a seed that is not"},
		"no seed":                     {good[:strings.Index(good, "-----BEGIN USER")], 0o600, "holds no seed of a user", "holds no seed"},
		"a seed alone":                {string(seed), 0o600, "holds no JWT of a user; make it with: nsc generate creds", "holds no JWT"},
		"a file that others may read": {good, 0o644, "every user of this machine can read or change", "every user"},
		"empty":                       {"", 0o600, "holds no JWT of a user", "holds no JWT"},
		"much too long":               {good + strings.Repeat("x", maxSecretBytes), 0o600, "has more than 4096 bytes", "has more than"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "score-1.creds")
			configtest.WriteFile(t, file, test.text, test.mode)
			n := Node{Name: "score-1", Seed: NewSecret(string(seed)), Peers: []Peer{{Name: "clue-1"}}, Imports: []Import{{Event: "clue.clue.solved"}},
				Hub: &Hub{URLs: []string{"tls://hub.example.com:7422"}, Credentials: Path(file)}}
			for what, check := range map[string]struct {
				err  error
				want string
			}{"Validate": {n.WithDefaults().Validate(), test.refuses}, "CheckCredentials": {n.Hub.CheckCredentials(now), test.doesNotTake}} {
				want := strings.ReplaceAll(check.want, "FILE", file)
				if (check.err == nil) != (want == "") || check.err != nil && !strings.Contains(check.err.Error(), want) {
					t.Errorf("%s: %v, want %q", what, check.err, want)
				}
				if check.err != nil && (!errors.Is(check.err, ErrSecret) || strings.Contains(check.err.Error(), "eyJ")) {
					t.Errorf("%s: %v is no ErrSecret, or holds the JWT", what, check.err)
				}
			}
		})
	}
}
