package leaf

import (
	"crypto/tls"
	"slices"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// hostile strings try to end a string, a map or a line, or to be evaluated.
var hostile = []string{
	`" } #`, `' }`, "\n}\naccounts {}", `$HOME`, `$2x`, "include ./x", `\`, `\"`, `\x22`, "a\x00b",
	"snow ☃ \U0001F600", "\xff\xfe", "// comment", `{a: b}`, "[1]", "true", "1", "1k", "-1", " ", "\t", "(", "a,b;c", "^<<x>>",
}

func TestHostileTapCredentials(t *testing.T) {
	for _, text := range hostile {
		n := start(t, "clue-1", func(s *Spec) { s.Tap = &Tap{Listen: "127.0.0.1:0", User: text, Password: text} })
		c, err := nats.Connect("nats://"+n.TapAddr(), nats.UserInfo(text, text))
		if err != nil {
			// JSON can't carry what is not UTF-8, so no client can say it.
			if text != "\xff\xfe" {
				t.Errorf("%q: %v", text, err)
			}
			continue
		}
		c.Close()
	}
}

func FuzzQuote(f *testing.F) {
	for _, text := range hostile {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		text += "." // an empty credential is refused before
		s, _ := spec(t, "clue-1")
		s.Tap = &Tap{Listen: "127.0.0.1:0", User: "u" + text, Password: text}
		options, err := s.withDefaults().options(newCredentials())
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		i := slices.IndexFunc(options.Users, func(u *server.User) bool { return u.Username == "u"+text })
		if i < 0 || options.Users[i].Password != text || options.Users[i].Account.Name != "local" || len(options.Accounts) != 1 || len(options.Users) != 3 {
			t.Fatalf("%q came out as another configuration", text)
		}
	})
}

func TestOptions(t *testing.T) {
	s, n := spec(t, "clue-1")
	s.proof, _ = newNkeyProof(n.seed)
	s.Importers = []Importer{{Name: "score-1", Keys: []string{n.public}}}
	s.Remotes = []Remote{{Name: "hunt-1", URL: "nats-leaf://127.0.0.1:1", Keys: []string{n.public}}}
	o, err := s.withDefaults().options(newCredentials())
	if err != nil {
		t.Fatal(err)
	}
	remote := o.LeafNode.Remotes[0]
	if !o.NoSigs || !o.DontListen || !o.NoSystemAccount || !o.LeafNode.IsolateLeafnodeInterest || !o.LeafNode.NoAdvertise ||
		o.LeafNode.Compression.Mode != server.CompressionOff || remote.Compression.Mode != server.CompressionOff ||
		!remote.IgnoreDiscoveredServers || remote.LocalAccount != "exporter-hunt-1" || remote.Nkey != "" ||
		o.PingInterval != pingInterval || o.MaxPingsOut != 2 || o.MaxPayload != DefaultMaxPayload+HeaderRoom ||
		o.MaxSubs != maxSubscriptions || remote.DenyImports != nil || o.Cluster.Name != "" || o.JetStream {
		t.Errorf("%+v", o)
	}
	for _, u := range o.Users {
		if u.AllowedConnectionTypes == nil {
			t.Errorf("user %s may connect in any way", u.Username)
		}
	}
	at := slices.IndexFunc(o.Users, func(u *server.User) bool { return u.Username == n.public })
	if at < 0 || len(o.Nkeys) > 0 {
		t.Fatalf("the importer is none of %+v, %+v", o.Users, o.Nkeys)
	}
	if u := o.Users[at]; u.Account.Name != "reader-score-1" || u.Permissions.Publish.Allow == nil || u.Permissions.Subscribe.Allow == nil {
		t.Errorf("importer %+v", u)
	}
	for _, c := range []*tls.Config{o.LeafNode.TLSConfig, remote.TLSConfig} {
		if c.MinVersion != tls.VersionTLS13 || c.VerifyConnection == nil || !c.SessionTicketsDisabled {
			t.Errorf("%+v", c)
		}
	}
	if l := o.LeafNode; !l.TLSMap || l.WriteTimeout != server.WriteTimeoutPolicyClose || !l.TLSHandshakeFirst || !remote.TLSHandshakeFirst || !remote.TLS || l.TLSConfig.ClientAuth != tls.RequireAnyClientCert {
		t.Errorf("%+v", l)
	}
}
