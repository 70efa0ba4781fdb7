package leaf

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

const (
	// pingInterval is the Ping of a Spec that gives none.
	pingInterval = 3500 * time.Millisecond
	// maxPingsOut is how many pings may be unanswered.
	maxPingsOut = 2
	// HeaderRoom is what a message may have beyond MaxPayload: the id that one in an
	// outbox has in a header takes 58 bytes.
	HeaderRoom = 128
	// maxSubscriptions bounds what one connection makes the server remember, but for the link to a
	// hub: see maxHubSubscriptions.
	maxSubscriptions = 4096
	// maxClosed is how many connections the server remembers that are closed: of 10,000, as it
	// would by itself, a peer that dials again and again makes 5 MB.
	maxClosed = 16
	// maxLocalConnections bounds taps, our own connections included.
	maxLocalConnections = 100
)

// randomReconnect is 0.5 to 1.5 s, so that the importers of a node that came
// back don't all dial at one time.
func randomReconnect() time.Duration {
	return 500*time.Millisecond + rand.N(time.Second)
}

// options renders s as configuration text and parses it. Text, because options
// built in Go lose parts of accounts on reload, and an operator can read it.
// Every call makes new options: the server changes those it was given.
func (s Spec) options(own credentials) (*server.Options, error) {
	options := &server.Options{}
	if err := options.ProcessConfigString(s.render(own)); err != nil {
		return nil, fmt.Errorf("configuration of embedded server %s: %w", s.Name, err)
	}
	options.NoSigs = true     // else a SIGTERM makes the server call os.Exit
	options.DontListen = true // see Serve
	options.MaxClosedClients = maxClosed
	if s.proof != nil {
		s.secure(&options.LeafNode)
	}
	if s.Hub == nil {
		return options, nil
	}
	r := options.LeafNode.Remotes[len(options.LeafNode.Remotes)-1] // see renderLinks
	s.Hub.signIn(r)
	if s.Hub.secure() {
		var err error
		if r.TLSConfig, err = s.Hub.dialing(); err != nil {
			return nil, err
		}
		r.TLS, r.TLSTimeout = true, handshakeTimeout.Seconds()
	}
	return options, nil
}

// secure adds TLS to the links, which configuration text could only take from files. Nothing of
// NATS is said before the handshake.
func (s Spec) secure(leafs *server.LeafNodeOpts) {
	if s.Listen != "" {
		s.sockets.admit(len(s.Importers), s.tuning.strangers, s.tuning.links)
		leafs.TLSConfig = s.listening()
		leafs.TLSMap, leafs.TLSHandshakeFirst, leafs.TLSTimeout = true, true, handshakeTimeout.Seconds()
	}
	dialed := 0
	for _, remote := range s.Remotes {
		if remote.URL == "" {
			continue // see renderLinks
		}
		r := leafs.Remotes[dialed]
		r.TLS, r.TLSHandshakeFirst, r.TLSTimeout = true, true, handshakeTimeout.Seconds()
		r.TLSConfig = s.dialing(remote)
		dialed++
	}
}

// maxSubscriptions bounds those of any connection; accounts have lower bounds of their own.
func (s Spec) maxSubscriptions() int {
	if s.Hub != nil {
		return maxHubSubscriptions
	}
	return maxSubscriptions
}

func (s Spec) render(own credentials) string {
	var b strings.Builder
	set := func(key, value string) { fmt.Fprintf(&b, "%s: %s\n", key, value) }
	set("server_name", quote(s.Name))
	if s.Tap != nil {
		set("listen", quote(anyPort(s.Tap.Listen)))
	}
	set("max_payload", strconv.Itoa(s.MaxPayload+HeaderRoom))
	set("max_subscriptions", strconv.Itoa(s.maxSubscriptions()))
	set("ping_interval", quote(s.Ping.String()))
	set("ping_max", strconv.Itoa(maxPingsOut))
	// Each dial that fails tells why. By default only the first one does, for an hour.
	set("connect_error_reports", "1")
	// The system account would put its services into every account, and offer
	// them to peers, who may not use them. JetStream makes one nevertheless.
	set("no_system_account", "true")
	s.renderJetStream(&b)
	s.renderAccounts(&b, own)
	s.renderLinks(&b)
	return b.String()
}

func (s Spec) renderLinks(b *strings.Builder) {
	b.WriteString("leafnodes {\n")
	if s.Listen != "" {
		fmt.Fprintf(b, "  listen: %s\n", quote(anyPort(s.Listen)))
	}
	fmt.Fprintf(b, "  no_advertise: true\n  compression: \"off\"\n  isolate_leafnode_interest: true\n")
	fmt.Fprintf(b, "  reconnect: %s\n", quote(s.tuning.reconnect.String()))
	// By default a link that takes a little of each write keeps what waits for it for ever.
	b.WriteString("  write_timeout: close\n")
	b.WriteString("  remotes [\n")
	for _, remote := range s.Remotes {
		if remote.URL != "" {
			s.renderRemote(b, remote)
		}
	}
	s.renderHubRemote(b)
	b.WriteString("  ]\n")
	b.WriteString("}\n")
}

// renderRemote also tells the server not to follow an exporter that names other
// servers to dial. A remote whose URL is not known yet has an account and no more.
func (s Spec) renderRemote(b *strings.Builder, remote Remote) {
	login := ""
	if s.Plain {
		login = "nkey: " + quote(s.Seed) + ", "
	}
	fmt.Fprintf(b, "    {url: %s, account: %s, %scompression: \"off\", ignore_discovered_servers: true, disabled: %t}\n",
		quote(remote.URL), exporterAccount(remote.Name), login, remote.paused)
}

// anyPort turns port 0, which NATS takes for "no listener", into -1.
func anyPort(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err == nil && port == "0" {
		return net.JoinHostPort(host, "-1")
	}
	return listen
}

// quote writes a configuration string. Every byte that is not a plain letter,
// digit, dot, dash, colon, slash or underscore, or a wildcard, is written as \xHH: no value can end
// its string, begin a comment or name a variable.
func quote(value string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(value) {
		c := value[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte(".-:/_>*", c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, `\x%02x`, c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func quoteAll(values []string) string {
	quoted := make([]string, len(values))
	for i, value := range values {
		quoted[i] = quote(value)
	}
	return strings.Join(quoted, ", ")
}
