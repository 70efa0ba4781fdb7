package hub_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"

	"leafmesh/mesh/hub"
)

// operator is who runs a hub with JWT accounts, and the account of the mesh there: what nsc would
// keep.
type operator struct {
	t       testing.TB
	folder  string
	signer  nkeys.KeyPair
	account nkeys.KeyPair
	claims  *jwt.AccountClaims // of the account
	config  string             // what nats-server needs to trust it
}

// newOperator makes an operator with an account, which any server takes that trusts the operator.
func newOperator(t testing.TB, folder string) *operator {
	t.Helper()
	key := func(pair nkeys.KeyPair, err error) (nkeys.KeyPair, string) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		public, err := pair.PublicKey()
		if err != nil {
			t.Fatal(err)
		}
		return pair, public
	}
	signer, operatorKey := key(nkeys.CreateOperator())
	account, accountKey := key(nkeys.CreateAccount())
	encode := func(claims jwt.Claims) string {
		t.Helper()
		text, err := claims.Encode(signer)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	claims := jwt.NewAccountClaims(accountKey)
	return &operator{t: t, folder: folder, signer: signer, account: account, claims: claims,
		config: fmt.Sprintf("operator: %s\nresolver: MEMORY\nresolver_preload: {%s: %s}\n", encode(jwt.NewOperatorClaims(operatorKey)), accountKey, encode(claims))}
}

// file is where the credentials of a node lie.
func (o *operator) file(node string) string { return filepath.Join(o.folder, node+".creds") }

// newUser makes a user with a new key, and the file with its credentials.
func (o *operator) newUser(node string, set func(*jwt.UserClaims)) {
	o.t.Helper()
	pair, err := nkeys.CreateUser()
	if err != nil {
		o.t.Fatal(err)
	}
	public, err := pair.PublicKey()
	if err != nil {
		o.t.Fatal(err)
	}
	seed, err := pair.Seed()
	if err != nil {
		o.t.Fatal(err)
	}
	user := jwt.NewUserClaims(public)
	user.Name = node
	set(user)
	token, err := user.Encode(o.account)
	if err != nil {
		o.t.Fatal(err)
	}
	text, err := jwt.FormatUserConfig(token, seed)
	if err != nil {
		o.t.Fatal(err)
	}
	// As nsc does it: a node that reads the file meanwhile gets one or the other.
	next := o.file(node) + ".next"
	if err := os.WriteFile(next, text, 0o600); err != nil {
		o.t.Fatal(err)
	}
	if err := os.Rename(next, o.file(node)); err != nil {
		o.t.Fatal(err)
	}
}

// user is what the credentials of a node say.
func (o *operator) user(node string) *jwt.UserClaims {
	o.t.Helper()
	text, err := os.ReadFile(o.file(node))
	if err != nil {
		o.t.Fatal(err)
	}
	token, err := jwt.ParseDecoratedJWT(text)
	if err != nil {
		o.t.Fatal(err)
	}
	user, err := jwt.DecodeUserClaims(token)
	if err != nil {
		o.t.Fatal(err)
	}
	return user
}

// revoke takes a node's user back, at a server of the hub.
func (o *operator) revoke(node string, hub *server.Server) {
	o.t.Helper()
	o.claims.Revoke(o.user(node).Subject)
	if _, err := o.claims.Encode(o.signer); err != nil {
		o.t.Fatal(err)
	}
	account, err := hub.LookupAccount(o.claims.Subject)
	if err != nil {
		o.t.Fatal(err)
	}
	hub.UpdateAccountClaims(account, o.claims)
}

// run does what nsc does with the commands that meshctl hub --jwt writes.
func (o *operator) run(commands string) {
	o.t.Helper()
	set := map[string]string{}
	text := strings.NewReplacer("\\\n", " ", "&&\n", "\n", "'", "").Replace(commands)
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		if len(words) < 3 || words[0] != "nsc" || len(words)%2 == 0 {
			o.t.Fatalf("it is no command of nsc: %s", line)
		}
		for i := 3; i < len(words); i += 2 {
			set[words[i]] = words[i+1]
		}
		if words[1] != "generate" {
			continue
		}
		o.newUser(set["--name"], o.rights(set))
		clear(set)
	}
}

// rights are those that flags of nsc give a user.
func (o *operator) rights(flags map[string]string) func(*jwt.UserClaims) {
	number := func(flag string) int64 {
		n, err := strconv.ParseInt(flags[flag], 10, 64)
		if err != nil {
			o.t.Fatal(err)
		}
		return n
	}
	publish, subscribe := strings.Split(flags["--allow-pub"], ","), strings.Split(flags["--allow-sub"], ",")
	kind, subscriptions, payload := flags["--conn-type"], number("--subs"), number("--payload")
	return func(user *jwt.UserClaims) {
		user.Pub.Allow.Add(publish...)
		user.Sub.Allow.Add(subscribe...)
		user.AllowedConnectionTypes.Add(kind)
		user.Limits.Subs, user.Limits.Payload = subscriptions, payload
	}
}

// newHostedSite prepares a hub of one server that has JWT accounts, and that meshctl hub does not
// configure.
func newHostedSite(t testing.TB) *site {
	s := newSite(t, 1)
	s.operator = newOperator(t, s.dir)
	return s
}

// openHosted makes the users and starts the server.
func (s *site) openHosted(h *hub.Hub) *server.Server {
	s.t.Helper()
	s.operator.run(h.Users("mesh"))
	return s.serveHosted()
}

// serveHosted starts the server.
func (s *site) serveHosted() *server.Server {
	s.t.Helper()
	file := filepath.Join(s.dir, "hub.conf")
	text := fmt.Sprintf("%slisten: \"127.0.0.1:-1\"\nleafnodes {\n  listen: %q\n  tls { cert_file: %q, key_file: %q, timeout: 2 }\n}\n",
		s.operator.config, s.urls[0][len("tls://"):], filepath.Join(s.dir, "hub.pem"), filepath.Join(s.dir, "key.pem"))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return s.start(file)
}

// until makes a user's rights end at a time.
func until(end time.Time, rights func(*jwt.UserClaims)) func(*jwt.UserClaims) {
	return func(user *jwt.UserClaims) {
		rights(user)
		user.Expires = end.Unix()
	}
}
