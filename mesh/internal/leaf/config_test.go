package leaf

import (
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
		if i < 0 || options.Users[i].Password != text || options.Users[i].Account.Name != "local" || len(options.Accounts) != 1 || len(options.Users) != 2 {
			t.Fatalf("%q came out as another configuration", text)
		}
	})
}

func TestOptions(t *testing.T) {
	s, n := spec(t, "clue-1")
	s.Importers = []Importer{{Name: "score-1", PublicKey: n.public}}
	s.Remotes = []Remote{{Name: "hunt-1", URL: "nats-leaf://127.0.0.1:1"}}
	o, err := s.withDefaults().options(newCredentials())
	if err != nil {
		t.Fatal(err)
	}
	remote := o.LeafNode.Remotes[0]
	if !o.NoSigs || !o.DontListen || !o.NoSystemAccount || !o.LeafNode.IsolateLeafnodeInterest || !o.LeafNode.NoAdvertise ||
		o.LeafNode.Compression.Mode != server.CompressionOff || remote.Compression.Mode != server.CompressionOff ||
		!remote.IgnoreDiscoveredServers || remote.LocalAccount != "exporter-hunt-1" || remote.Nkey != n.seed ||
		o.PingInterval != pingInterval || o.MaxPingsOut != 2 || o.MaxPayload != DefaultMaxPayload+headerRoom ||
		o.MaxSubs != maxSubscriptions || remote.DenyImports != nil || o.Cluster.Name != "" || o.JetStream {
		t.Errorf("%+v", o)
	}
	for _, u := range o.Users {
		if u.AllowedConnectionTypes == nil {
			t.Errorf("user %s may connect in any way", u.Username)
		}
	}
	for _, u := range o.Nkeys {
		if u.AllowedConnectionTypes == nil || u.Account.Name != "reader-score-1" || u.Permissions.Publish.Allow == nil || u.Permissions.Subscribe.Allow == nil {
			t.Errorf("importer %+v", u)
		}
	}
}
