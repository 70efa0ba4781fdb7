package hub_test

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"

	"leafmesh/mesh"
	"leafmesh/mesh/hub"
)

// book keeps the log of a node.
type book struct {
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
}

func (b *book) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(line)
}

func (b *book) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func (b *book) logger() *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }

// secrets are the JWT and the seed in credentials.
var secrets = regexp.MustCompile(`(?m)^[\w.-]{50,}$`)

// notReady waits until a node says why it is not.
func notReady(t *testing.T, n *mesh.Node, want string) {
	t.Helper()
	var last error
	defer func() {
		if t.Failed() {
			t.Log("last:", last)
		}
	}()
	await(t, "the node to say "+want, func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		defer cancel()
		last = n.Ready(ctx)
		return last != nil && strings.Contains(last.Error(), want)
	})
}

// Credentials that a hub does not take are told with the remedy, in the log and by Ready. The node
// takes others from the same file, and need not be started again.
func TestCredentialsThatAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(t *testing.T, o *operator, good []byte)
		want  string
	}{
		"missing": {func(t *testing.T, o *operator, _ []byte) {
			if err := os.Remove(o.file("score-1")); err != nil {
				t.Fatal(err)
			}
		}, "no such file or directory; create it"},
		"not whole": {func(t *testing.T, o *operator, good []byte) {
			if err := os.WriteFile(o.file("score-1"), good[:len(good)/2], 0o600); err != nil {
				t.Fatal(err)
			}
		}, "holds no JWT of a user; make it with: nsc generate creds"},
		"expired": {func(t *testing.T, o *operator, _ []byte) {
			o.newUser("score-1", until(time.Now().Add(-time.Hour), func(*jwt.UserClaims) {}))
		}, "expired at "},
		"not valid yet": {func(t *testing.T, o *operator, _ []byte) {
			o.newUser("score-1", func(user *jwt.UserClaims) { user.NotBefore = time.Now().Add(time.Hour).Unix() })
		}, "is not valid before "},
		"of another account": {func(t *testing.T, o *operator, _ []byte) {
			other := newOperator(t, o.folder)
			other.newUser("score-1", func(*jwt.UserClaims) {})
		}, "is not taken: the user was revoked"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newHostedSite(t)
			var plain, durable seen
			var log book
			configs := []mesh.Config{s.add(clue(t, "score-1")), s.add(score(t, "score-1", &plain, &durable))}
			configs[1].Logger = log.logger()
			h, err := hub.Nodes(s.nodes)
			if err != nil {
				t.Fatal(err)
			}
			s.operator.run(h.Users("mesh")) // before there is a hub
			file := s.operator.file("score-1")
			good, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			importer := run(t, configs[1])
			test.spoil(t, s.operator, good)
			s.serveHosted()
			notReady(t, importer, "hub.credentials: ")
			notReady(t, importer, test.want)
			await(t, "a line of the log", func() bool { return strings.Contains(log.String(), test.want) })
			for _, secret := range secrets.FindAllString(string(good), -1) {
				if strings.Contains(log.String(), secret) {
					t.Errorf("the log has what the credentials hold: %s", secret)
				}
			}
			if err := os.WriteFile(file+".next", good, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(file+".next", file); err != nil {
				t.Fatal(err)
			}
			ready(t, run(t, configs[0]), importer)
		})
	}
}

// Credentials that expire while the link stands end it; new ones are taken from the file.
func TestCredentialsThatExpire(t *testing.T) {
	s := newHostedSite(t)
	var plain, durable seen
	var log book
	configs := []mesh.Config{s.add(clue(t, "score-1")), s.add(score(t, "score-1", &plain, &durable))}
	configs[1].Logger = log.logger()
	s.open()
	rights := s.operator.user("score-1").UserPermissionLimits
	as := func(user *jwt.UserClaims) { user.UserPermissionLimits = rights }
	s.operator.newUser("score-1", until(time.Now().Add(4*time.Second), as))
	exporter, importer := run(t, configs[0]), run(t, configs[1])
	ready(t, exporter, importer)
	notReady(t, importer, "expired at ")
	await(t, "a line of the log", func() bool { return strings.Contains(log.String(), "hub.credentials: ") })
	s.operator.newUser("score-1", as)
	ready(t, importer)
	emit(t, exporter, clueSolved, 1)
	await(t, "an event after it", func() bool { _, all := plain.counts(); return all == 1 })
}

// A user that the account revokes is put out at once, while others stay; with another user the node
// takes part again.
func TestAUserIsRevoked(t *testing.T) {
	s := newHostedSite(t)
	var plain, durable seen
	configs := []mesh.Config{s.add(clue(t, "score-1")), s.add(score(t, "score-1", &plain, &durable))}
	s.open()
	exporter, importer := run(t, configs[0]), run(t, configs[1])
	ready(t, exporter, importer)
	rights := s.operator.user("score-1").UserPermissionLimits
	s.operator.revoke("score-1", s.servers[0])
	notReady(t, importer, "is not taken: the user was revoked")
	ready(t, exporter)
	s.operator.newUser("score-1", func(user *jwt.UserClaims) { user.UserPermissionLimits = rights })
	ready(t, importer)
}
