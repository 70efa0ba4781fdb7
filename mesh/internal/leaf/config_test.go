package leaf

import (
	"leafmesh/mesh/config"
	"slices"
	"strings"
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
		options, err := s.withDefaults().options(newCredentials(s.accounts()))
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		i := slices.IndexFunc(options.Users, func(u *server.User) bool { return u.Username == "u"+text })
		if i < 0 || options.Users[i].Password != text || options.Users[i].Account.Name != "local" || len(options.Accounts) != 3 || len(options.Users) != 4 {
			t.Fatalf("%q came out as another configuration", text)
		}
	})
}

func TestOptions(t *testing.T) {
	s, n := spec(t, "clue-1")
	s.Exports = []string{solved}
	s.Importers = []Importer{{Name: "score-1", PublicKey: n.public}}
	s.Remotes = []Remote{{Name: "hunt-1", URL: "nats-leaf://127.0.0.1:1", Deny: []string{"clue.>"}}}
	o, err := s.withDefaults().options(newCredentials(s.accounts()))
	if err != nil {
		t.Fatal(err)
	}
	remote := o.LeafNode.Remotes[0]
	if !o.NoSigs || !o.DontListen || !o.NoSystemAccount || !o.LeafNode.IsolateLeafnodeInterest || !o.LeafNode.NoAdvertise ||
		o.LeafNode.Compression.Mode != server.CompressionOff || remote.Compression.Mode != server.CompressionOff ||
		!remote.IgnoreDiscoveredServers || remote.LocalAccount != "in" || remote.Nkey != n.seed ||
		o.PingInterval != pingInterval || o.MaxPingsOut != 2 || o.MaxPayload != DefaultMaxPayload+headerRoom ||
		o.MaxSubs != maxSubscriptions || o.Cluster.Name != "" || o.JetStream {
		t.Errorf("%+v", o)
	}
	for _, u := range o.Users {
		if u.AllowedConnectionTypes == nil {
			t.Errorf("user %s may connect in any way", u.Username)
		}
	}
	for _, u := range o.Nkeys {
		if u.AllowedConnectionTypes == nil || u.Account.Name != "out" || u.Permissions.Publish.Allow == nil || u.Permissions.Subscribe.Allow == nil {
			t.Errorf("importer %+v", u)
		}
	}
}

func TestCovers(t *testing.T) {
	for _, test := range []struct {
		pattern, subject string
		covers, collide  bool
	}{
		{"a.b", "a.b", true, true},
		{"a.b", "a.c", false, false},
		{"a.*", "a.b", true, true},
		{"a.*", "a.*", true, true},
		{"a.b", "a.*", false, true},
		{"a.*", "a.>", false, true},
		{"a.>", "a.>", true, true},
		{"a.>", "a.*.c", true, true},
		{"a.>", "a", false, false},
		{"a.*", "a", false, false},
		{"a", "a.b", false, false},
		{">", "a.b", true, true},
		{">", ">", true, true},
		{"*.b", "a.*", false, true},
		{"*.b.c", "a.*", false, false},
	} {
		if got := config.Match(test.pattern, test.subject); got != test.covers {
			t.Errorf("covers(%q, %q) = %v", test.pattern, test.subject, got)
		}
		for _, pair := range [][2]string{{test.pattern, test.subject}, {test.subject, test.pattern}} {
			if got := config.Overlap(pair[0], pair[1]); got != test.collide {
				t.Errorf("collide(%q) = %v", pair, got)
			}
			if want := server.SubjectsCollide(pair[0], pair[1]); want != test.collide {
				t.Errorf("the server says collide(%q) = %v", pair, want)
			}
		}
	}
}

func TestBeaconIsBounded(t *testing.T) {
	var many []string
	for range 5000 {
		many = append(many, "clue.clue.solved."+strings.Repeat("x", 40))
	}
	cut := fit(many, 30<<10)
	size := 0
	for _, subject := range cut {
		size += wireSize(subject)
	}
	if size > 30<<10 || size < 29<<10 {
		t.Errorf("%d subjects of %d bytes", len(cut), size)
	}
	if got := fit(many[:3], 30<<10); len(got) != 3 {
		t.Errorf("%d of 3", len(got))
	}
}
