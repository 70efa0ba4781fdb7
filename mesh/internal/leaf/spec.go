package leaf

import (
	"cmp"
	"fmt"
	"log/slog"
	"time"
)

// DefaultMaxPayload is the MaxPayload of a Spec that gives none: 64 KiB and
// 4 KiB of room for an envelope.
const DefaultMaxPayload = 64<<10 + 4<<10

// Importer is a peer that may link to this server and read its exports.
type Importer struct {
	// Name is the peer's server name. It decides the peer's subjects.
	Name string
	// Keys are the peer's public nkeys, "U" and 55 characters: one, or two while it changes from
	// one to the other. None is needed with Certificates.
	Keys []string
	// Shut leaves the importer its account, and no way into it.
	Shut bool
}

// Remote is an exporter that this server dials.
type Remote struct {
	// Name is the exporter's server name. Links know it by that.
	Name string
	// URL is nats-leaf://host:port, without credentials. Empty: it is not dialed yet, see
	// [Server.Link].
	URL string
	// Keys are as those of an Importer. None is needed if Plain or with Certificates.
	Keys []string
	// Shut leaves the remote its account, and it is not dialed any more; then it has no URL.
	Shut bool

	paused bool // not dialed just now: see Redial
}

// Tap is the optional listener for stock NATS clients, into account Local.
type Tap struct {
	Listen   string // host:port, loopback only; port 0 takes any free one
	User     string // not empty
	Password string // not empty; one that looks like a bcrypt hash ("$2a$…") is taken as the hash
}

// Spec says what a server is to be. It is not changed by the server.
type Spec struct {
	// Name is the server's name: unique in the mesh, stable over restarts, 1 to
	// 64 characters of A-Z a-z 0-9 - _. Importers of other nodes name it.
	Name string
	// Listen is the leaf port, host:port. Port 0 takes any free one. Empty: no
	// peer can import from this server.
	Listen string
	// Importers may link to us. Each needs a name, and keys of its own.
	Importers []Importer
	// Seed is the nkey user seed that proves who this server is, by a certificate that is made of
	// it. Needed for Listen and Remotes, but for Certificates.
	Seed string `json:"-"`
	// Certificates are an organisation's, instead of those made of nkeys. Nil: none.
	Certificates *Certificates
	// Plain makes links without TLS: everybody on the way reads and writes what passes, and an
	// exporter proves nothing. Seed then signs what an exporter sends, whatever that is: never
	// give a seed that is a proof elsewhere.
	Plain bool
	// Remotes are dialed, and dialed again when lost.
	Remotes []Remote
	// Hub is dialed besides the Remotes. Nil: none.
	Hub *Hub
	// Tap opens a listener for stock clients. Nil: none.
	Tap *Tap
	// Outbox turns JetStream on. Nil: off, and nothing is written to disk.
	Outbox *Outbox
	// MaxPayload is the largest message in bytes, envelope included and headers not, on every
	// connection and link. 0 means DefaultMaxPayload. Give all nodes the same.
	MaxPayload int
	// Ping is how often a link is pinged; 0 means 3.5 s. See the package comment for how it bounds
	// the time in which a dead peer is noticed.
	Ping time.Duration
	// Logger gets the server's warnings and errors. Nil discards them.
	Logger *slog.Logger `json:"-"`

	proof   proof                                // made by Start; nil: links are plain, or there are none
	seen    func(remote Remote, handshake error) // set by Start
	sockets *sockets                             // made with the defaults
	tuning  tuning
}

// tuning holds what only tests change.
type tuning struct {
	reconnect time.Duration // before a lost link is dialed again; 0: random
	strangers int           // handshakes of a host in a second; 0: strangersEach
	links     int           // that an importer may make at once; 0: linksBurst
	shun      time.Duration // how long an exporter is not dialed that costs too much; 0: expelledFor
}

// withDefaults fills in what a zero value stands for.
func (s Spec) withDefaults() Spec {
	if s.MaxPayload == 0 {
		s.MaxPayload = DefaultMaxPayload
	}
	if s.Logger == nil {
		s.Logger = slog.New(slog.DiscardHandler)
	}
	if s.Outbox != nil && s.Outbox.SyncInterval == 0 {
		outbox := *s.Outbox // the caller's is not changed
		outbox.SyncInterval = DefaultSyncInterval
		s.Outbox = &outbox
	}
	s.sockets = newSockets()
	t := &s.tuning
	s.Ping = orDuration(s.Ping, pingInterval)
	t.shun = orDuration(t.shun, expelledFor)
	t.links = cmp.Or(t.links, linksBurst)
	t.strangers = cmp.Or(t.strangers, strangersEach)
	t.reconnect = orDuration(t.reconnect, randomReconnect())
	return s
}

func orDuration(d, otherwise time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return otherwise
}

// secrets lists what must not be printed.
func (s Spec) secrets() []string {
	secrets := []string{s.Seed}
	if s.Hub != nil {
		secrets = append(secrets, s.Hub.Seed)
	}
	if s.Tap != nil {
		secrets = append(secrets, s.Tap.Password)
	}
	return secrets
}

// String leaves out the seed and the tap's password.
func (s Spec) String() string {
	return fmt.Sprintf("leaf %s listening on %q, %d importers, %d remotes",
		s.Name, s.Listen, len(s.Importers), len(s.Remotes))
}

// Format prints String for every verb, so that %+v and %#v give away no more.
func (s Spec) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, s.String()) }

// LogValue is String, for slog.
func (s Spec) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText is String: encoders that follow it, JSON too, get no secret.
func (s Spec) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// String leaves out the password.
func (t Tap) String() string { return fmt.Sprintf("tap of %q on %s", t.User, t.Listen) }

// Format prints String for every verb.
func (t Tap) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, t.String()) }

// LogValue is String, for slog.
func (t Tap) LogValue() slog.Value { return slog.StringValue(t.String()) }

// MarshalText is String.
func (t Tap) MarshalText() ([]byte, error) { return []byte(t.String()), nil }
