package leaf

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// Hub is a stock nats-server, or a cluster of them, that this server dials by one link. Nodes that
// have no direct link meet there. The hub lets each node publish and hear its own subjects alone,
// by its key; so it is trusted with all that passes.
type Hub struct {
	// URLs are those of all servers of the cluster: tls://host:port, or nats-leaf://host:port
	// without TLS. One of them is dialed.
	URLs []string
	// Seed is the nkey user seed that signs in. It is no proof elsewhere: a hub has signed
	// whatever it likes.
	Seed string `json:"-"`
	// Credentials are a file with the JWT and the seed of a user that sign in, in place of Seed. It
	// is read each time that the hub is dialed.
	Credentials string
	// Check says what is wrong with the credentials just now, and the remedy; its errors begin with
	// "hub.credentials: ". Needed with Credentials.
	Check func() error `json:"-"`
	// CA is a PEM file with who signed the hub's certificates; "" means those that the machine
	// trusts. It is read at each reload.
	CA string
}

// hubAccount is where the link to the hub ends. One account is enough: the hub tells nodes apart.
const hubAccount Account = "hub"

const (
	// HubAllowance is how many subscriptions one link to a hub may have there: a node needs one for
	// each node that it exports to, and one for each that it imports from and type of it.
	HubAllowance = maxSubscriptions
	// maxHubSubscriptions bounds what a hub can make this server remember. A hub passes on what its
	// nodes subscribe to that this one may publish on, whether they are its peers or not, and past
	// the bound a peer would not be found. So it has room for the allowances of so many links.
	maxHubSubscriptions = 64 * HubAllowance
)

// HubName is the name of the line to the hub.
const HubName = "hub"

// ToHub opens the line to the hub: see [Server.ToReader].
func (s *Server) ToHub() (*Line, error) { return s.line(HubName, hubAccount) }

// renderHub writes the account that the link to the hub ends in.
func (s Spec) renderHub(b *strings.Builder, own credentials) {
	if s.Hub == nil {
		return
	}
	fmt.Fprintf(b, "  %s {\n    users [\n", hubAccount)
	own.render(b, hubAccount)
	b.WriteString("    ]\n  }\n")
}

// renderHubRemote dials the hub: with one remote for all servers, as each of two remotes to one
// cluster would get everything.
func (s Spec) renderHubRemote(b *strings.Builder) {
	if s.Hub == nil {
		return
	}
	signIn := ""
	if s.Hub.Credentials == "" {
		signIn = "nkey: " + quote(s.Hub.Seed) + ", "
	} // else see signIn
	fmt.Fprintf(b, "    {urls: [%s], account: %s, %scompression: \"off\", ignore_discovered_servers: true}\n",
		quoteAll(s.Hub.URLs), hubAccount, signIn)
}

// secure reports whether TLS is spoken to the hub.
func (h *Hub) secure() bool { return strings.HasPrefix(h.URLs[0], "tls://") }

// dialing is the TLS configuration for the hub.
func (h *Hub) dialing() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12} // what stock servers may be bound to
	if h.CA == "" {
		return c, nil
	}
	data, err := os.ReadFile(h.CA)
	if err != nil {
		return nil, fmt.Errorf("read the hub's CA: %w", err)
	}
	if c.RootCAs = x509.NewCertPool(); !c.RootCAs.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("read the hub's CA %s: there is no certificate in it", h.CA)
	}
	return c, nil
}

func (h *Hub) validate() error {
	if h == nil {
		return nil
	}
	var problems []error
	if len(h.URLs) == 0 {
		problems = append(problems, errors.New("hub: has no URL"))
	}
	for _, text := range h.URLs {
		if secure, err := ParseHubURL(text); err != nil {
			problems = append(problems, fmt.Errorf("hub: %w", err))
		} else if secure != h.secure() {
			problems = append(problems, errors.New("hub: some of its URLs are tls:// and some are not"))
		}
	}
	if h.Credentials != "" {
		return errors.Join(append(problems, h.checkSignIn())...)
	}
	if prefix, _, err := nkeys.DecodeSeed([]byte(h.Seed)); err != nil || prefix != nkeys.PrefixByteUser {
		problems = append(problems, errors.New("hub: its seed is not an nkey user seed"))
	}
	return errors.Join(problems...)
}

// ParseHubURL checks one URL of a hub, and reports whether TLS is spoken there. The error does not
// quote a URL with credentials in it.
func ParseHubURL(text string) (secure bool, err error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return false, errors.New("it is no URL: want tls://host:port")
	case u.User != nil:
		return false, errors.New("it holds credentials: a node signs in with its hub seed or credentials, remove them")
	case u.Scheme != "tls" && u.Scheme != "nats-leaf":
		return false, fmt.Errorf("%q: want tls://host:port, or nats-leaf://host:port without TLS", text)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil || port < 1 || port > 65535 || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return false, fmt.Errorf("%q: want a host and a port and no more", text)
	}
	return u.Scheme == "tls", nil
}

// addresses are host:port of each URL, as the server logs them.
func (h *Hub) addresses() (all []string) {
	for _, text := range h.URLs {
		if u, err := url.Parse(text); err == nil {
			all = append(all, net.JoinHostPort(u.Hostname(), u.Port()))
		}
	}
	return all
}

// addresses are those of the remotes and of the hub, with the peers' names.
func (s Spec) addresses() map[string]string {
	all := map[string]string{}
	for _, remote := range s.Remotes {
		all[remote.address()] = remote.Name
	}
	if s.Hub != nil {
		for _, address := range s.Hub.addresses() {
			all[address] = HubName
		}
	}
	return all
}

// HearFrom is [Line.Hear] for a reader that comes by the hub. One that costs too much is not heard
// for some seconds: its link is the hub's.
func (l *Line) HearFrom(reader string, f func(*nats.Msg) (cost int)) (*nats.Subscription, error) {
	said := newMeter(l.told)
	var silent time.Time // until then
	subscription, err := l.Subscribe(FromReader(reader, l.server.Name()), func(m *nats.Msg) {
		now := time.Now()
		if now.Before(silent) {
			return
		}
		if said.exceeds(now, 1, len(m.Data)) || said.exceeds(now, f(m), 0) {
			silent = now.Add(expelledFor)
			l.server.log.tellOf(reader, slog.LevelError, "%s says too much, or what makes no sense, and is not heard for %v", []any{reader, expelledFor})
		}
	})
	if err == nil {
		err = subscription.SetPendingLimits(maxUnheardMessages, maxUnheardBytes)
	}
	return subscription, err
}

// Quote writes a string of a configuration of nats-server: no value can end its string, begin a
// comment or name a variable.
func Quote(value string) string { return quote(value) }
