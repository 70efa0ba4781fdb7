package leaf

import (
	"context"
	"errors"
	"fmt"
	"io"
	"leafmesh/mesh/logs"
	"log/slog"
	"net"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"unicode"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// serverLog passes the server's warnings and errors to slog, without secrets,
// and remembers what went wrong last with each remote, for Ready to name. The logger collapses
// repeats: see package logs.
type serverLog struct {
	logger *slog.Logger
	// dialing is told the address of a connection that the server makes for an account, and closing
	// that of one that it closes. Nil: nobody is.
	dialing func(address string, account Account)
	closing func(address string)
	endings endings
	doubles doubles

	mu      sync.Mutex
	hub     *Hub              // guarded by mu; nil: there is none
	secrets []string          // guarded by mu; what must not be printed
	fatal   []string          // guarded by mu; what would have ended a stand-alone server
	peers   map[string]string // guarded by mu; by host:port of a remote, its node's name
	last    map[string]string // guarded by mu; by host:port of a remote, the last problem
	proved  map[string]bool   // guarded by mu; by host:port of a remote: whether it proved itself
	met     map[string]bool   // guarded by mu; by host:port of a remote: whether it ever proved itself
}

func newServerLog(logger *slog.Logger, secrets []string) *serverLog {
	l := &serverLog{logger: logger, peers: map[string]string{}, last: map[string]string{}, proved: map[string]bool{}, met: map[string]bool{}}
	for _, secret := range secrets {
		l.hide(secret)
	}
	return l
}

// hide keeps a further secret out of the log.
func (l *serverLog) hide(secret string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if secret != "" {
		l.secrets = append(l.secrets, secret)
	}
}

// follow sets the remotes, and the hub, whose problems are remembered.
func (l *serverLog) follow(s Spec) {
	l.mu.Lock()
	defer l.mu.Unlock()
	kept, peers := map[string]string{}, map[string]string{}
	for address, peer := range s.addresses() {
		kept[address], peers[address] = l.last[address], peer
	}
	l.last, l.peers, l.hub = kept, peers, s.Hub
	for address := range l.proved {
		if _, follows := kept[address]; !follows {
			delete(l.proved, address)
			delete(l.met, address)
		}
	}
}

// handshake notes how the handshake with a remote went, as far as this end knows.
func (l *serverLog) handshake(remote Remote, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	address := remote.address()
	if _, follows := l.last[address]; !follows {
		return
	}
	l.proved[address] = err == nil
	l.met[address] = l.met[address] || err == nil
	if err != nil {
		l.last[address] = l.cleanLocked(err.Error())
	}
}

// closed notes that a connection ended of which nothing but the handshake was heard. Under TLS
// 1.3 who dials is done before who listens has looked at the certificate: this is all that it
// sees of a refusal. And nats-server says nothing of who does not speak TLS.
//
// A link that was made ends by another cause, which endings remember.
func (l *serverLog) closed(format string, reason server.ClosedState, made bool) {
	var lines []entry
	defer func() {
		for _, line := range lines {
			l.write(line)
		}
	}()
	l.mu.Lock()
	defer l.mu.Unlock()
	from, _, _ := strings.Cut(format, " - ")
	for address := range l.last {
		proved, known := l.proved[address]
		if !samePort(from, address) {
			continue
		}
		delete(l.proved, address)
		var problem error
		switch {
		case made || strings.HasPrefix(l.last[address], strings.TrimSuffix(format, closedNotice)): // it was said why
			continue
		case proved && reason == server.ReadError:
			problem = errRefused
		case !known && reason == server.TLSHandshakeError && l.met[address]:
			problem = errNoAnswer // a node was there: more likely it hangs than that another program took its port
		case !known && reason == server.TLSHandshakeError && l.last[address] == "":
			problem = errNoHandshake
		default:
			continue
		}
		l.last[address] = problem.Error()
		line := lineOf(slog.LevelError, address+": "+problem.Error())
		line.cause, line.peer = problem.Error()+address, l.peers[address]
		lines = append(lines, line)
	}
}

// samePort reports whether an address that was dialed may be that of a connection: it has its
// port, and its host unless that is a name.
func samePort(connection, dialed string) bool {
	host, port, err := net.SplitHostPort(dialed)
	if err != nil {
		return false
	}
	_, err = netip.ParseAddr(host)
	return connection == dialed || err != nil && strings.HasSuffix(connection, ":"+port)
}

// forget forgets what was logged about remotes, by their addresses.
func (l *serverLog) forget(addresses ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, address := range addresses {
		if l.last[address] != "" {
			l.last[address] = ""
		}
	}
}

// problem returns what was last logged about the remote at an address.
func (l *serverLog) problem(address string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last[address]
}

// fatals returns what ended the start.
func (l *serverLog) fatals() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.fatal, "; ")
}

// clean takes secrets out of a text, and what a log or a terminal could take for anything but
// text, and shortens it: parts of it come from strangers.
func (l *serverLog) clean(text string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cleanLocked(text)
}

func (l *serverLog) cleanLocked(text string) string {
	for _, secret := range l.secrets {
		text = strings.ReplaceAll(text, secret, "[redacted]")
	}
	return cut(printable(text))
}

// printable replaces what is no visible character.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text)
}

// entry is a line of the log.
type entry struct {
	level        slog.Level
	text, remedy string
	cause        string // what is the same for all strangers
	peer         string // "": a stranger, or nobody
}

// whose is what nats-server begins a line about a connection with: its address and number, and what
// the peer says of itself.
var whose = regexp.MustCompile(`^\S+ - [a-z_]+:\d+(?: - "(?:[^"\\]|\\.)*")* - `)

// kindOf names the cause of a line: what is the same for all strangers. Addresses and numbers
// of connections stand in the format, and values hold what a stranger says.
func kindOf(format string, values []any) string {
	kind := whose.ReplaceAllString(format, "")
	for _, value := range values {
		err, ok := value.(error)
		if !ok {
			continue
		}
		for _, known := range []error{errNoCertificate, errStranger, errOtherNode, errExpelled, errAgain, errTooMany, errTooOften, errNotReady} {
			if errors.Is(err, known) {
				kind += known.Error()
			}
		}
	}
	return kind
}

// account is what nats-server ends a line with about a connection that has logged in, before its
// user. Accounts of links have the peer's name.
var account = regexp.MustCompile(` - Account:(?:` + readerPrefix + `|` + exporterPrefix + `)([A-Za-z0-9_-]+)(?: - \S+)?$`)

// tell writes a line.
func (l *serverLog) tell(level slog.Level, format string, values []any) {
	peer := ""
	if of := account.FindStringSubmatch(format); of != nil {
		peer = of[1]
	}
	l.tellOf(peer, level, format, values)
}

// tellOf writes a line about a peer.
func (l *serverLog) tellOf(peer string, level slog.Level, format string, values []any) {
	text, kind := fmt.Sprintf(format, values...), kindOf(format, values)
	l.write(l.note(peer, kind, level, text))
}

// note makes a line, and remembers it of the remotes that it is about.
func (l *serverLog) note(peer, kind string, level slog.Level, text string) entry {
	refused := l.refused(text)
	l.mu.Lock()
	defer l.mu.Unlock()
	line := lineOf(level, l.cleanLocked(text))
	if strings.Contains(kind, peerError) {
		l.endings.note(text, line.text)
	}
	from, _, _ := strings.Cut(text, " - ") // of a line about a connection, where it leads: no name
	for address := range l.last {
		if strings.Contains(text, address) || samePort(from, address) {
			l.last[address] = line.text
			l.doubles.note(l.peers[address], text)
			if refused != "" && l.peers[address] == HubName {
				line.level, line.remedy = min(level, slog.LevelError), refused
				l.last[address] = line.text + ": " + refused
			}
			if handshakeCut.MatchString(text) {
				line.level = slog.LevelDebug // as other dials that fail: the node says it of the link
			}
			kind += address
			peer = l.peers[address]
		}
	}
	line.cause, line.peer = kind, peer
	return line
}

// refused is [Hub.refused] of the hub that is followed. It reads a file, for which nobody waits.
func (l *serverLog) refused(text string) (remedy string) {
	l.mu.Lock()
	hub := l.hub
	l.mu.Unlock()
	return hub.refused(text)
}

// write writes a line, unless it is one more of its cause: whoever is refused comes back each
// second.
func (l *serverLog) write(line entry) {
	var attributes []any
	if line.peer != "" {
		attributes = append(attributes, "peer", line.peer)
	}
	if line.remedy != "" {
		attributes = append(attributes, "remedy", line.remedy)
	}
	l.logger.Log(logs.WithCause(context.Background(), line.cause), line.level, "nats: "+line.text, attributes...)
}

// remedies say what to do about a line that contains a text, and how grave it is.
var remedies = []struct {
	contains string
	level    slog.Level
	remedy   string
}{
	// That a peer went away while something was being written to it happens whenever one is
	// restarted, and the link's state tells.
	{contains: "Error flushing: ", level: slog.LevelDebug},
	// An importer looks whether somebody listens before it dials again: see Redial.
	{contains: "handshake error: " + io.EOF.Error(), level: slog.LevelDebug},
	// Whoever dials this node tries again, and says so.
	{contains: errNotReady.Error(), level: slog.LevelDebug},
	{contains: errStranger.Error(), level: slog.LevelError, remedy: "if it is a peer of this node, give its present key under peers"},
	{contains: errNoCertificate.Error(), level: slog.LevelError, remedy: "if it is a peer of this node, do not let it dial as plain"},
	{contains: errOtherNode.Error(), level: slog.LevelError, remedy: "correct the url or the key of the peer"},
	{contains: errNoHandshake.Error(), level: slog.LevelError, remedy: "see whether the exporter's links are plain, and whether it is a node that listens there"},
	{contains: errRefused.Error(), level: slog.LevelError, remedy: "give the exporter this node's present public key, and let it import (may_import)"},
	{contains: "Authorization Violation", level: slog.LevelError, remedy: "a peer's key is not the one that this node has under peers, or this node's is not the one that the peer or the hub has"},
	{contains: "failed to verify certificate", level: slog.LevelError, remedy: "give the CA that signed the certificate there (hub.ca, links.ca), and the url by a name that stands in it"},
	{contains: "Error trying to connect", level: slog.LevelDebug}, // the node says it of the link: see Line.Down
	{contains: errNoAnswer.Error(), level: slog.LevelDebug},
	{contains: duplicateLink, level: slog.LevelError, remedy: "another process runs with this node's name and seed: give each its own"},
}

// duplicateLink is what a server is told whose link another process took over.
const duplicateLink = "Duplicate Remote LeafNode Connection"

func lineOf(level slog.Level, text string) entry {
	for _, r := range remedies {
		if strings.Contains(text, r.contains) {
			return entry{level: min(level, r.level), text: text, remedy: r.remedy}
		}
	}
	return entry{level: level, text: text}
}

// closedNotice is that of a connection. More follows if its other end said its name.
const closedNotice = "%s connection closed: %s"

// dialedNotice is that of a connection that the server has dialed: its first value names the
// account.
const (
	dialedNotice  = "Leafnode connection created%s %s"
	dialedAccount = " for account: "
)

// Noticef is dropped but for two: an embedded server's notices are not the service's.
func (l *serverLog) Noticef(format string, values ...any) {
	if address, rest, _ := strings.Cut(format, " - "); strings.HasSuffix(rest, dialedNotice) && len(values) > 0 && l.dialing != nil {
		if account, dialed := strings.CutPrefix(fmt.Sprint(values[0]), dialedAccount); dialed {
			l.dialing(address, Account(account))
		}
	}
	if !strings.Contains(format, closedNotice) {
		return
	}
	if address, _, found := strings.Cut(format, " - "); found && l.closing != nil {
		l.closing(address)
	}
	if len(values) < 2 {
		return
	}
	if reason, ok := values[1].(server.ClosedState); ok {
		l.endings.note(format, reason.String())
		l.closed(format, reason, !strings.HasSuffix(format, closedNotice))
	}
}

// Debugf is dropped, and so never formatted by the server.
func (l *serverLog) Debugf(string, ...any) {}

// Tracef is dropped.
func (l *serverLog) Tracef(string, ...any) {}

// Warnf logs a warning. Two are left out: one is meant for passwords in a file, and those here are
// only in memory; the other for links that are not verified, and those here are, by
// VerifyConnection.
func (l *serverLog) Warnf(format string, values ...any) {
	if !strings.HasPrefix(format, "Plaintext passwords detected") && !strings.HasPrefix(format, "TLS certificate chain and hostname of solicited leafnodes") {
		l.tell(slog.LevelWarn, format, values)
	}
}

// Errorf logs an error.
func (l *serverLog) Errorf(format string, values ...any) { l.tell(slog.LevelError, format, values) }

// clientError logs what went wrong with a connection of ours. nats.go would print it to standard
// error.
func (l *serverLog) clientError(_ *nats.Conn, subscription *nats.Subscription, err error) {
	if subscription == nil {
		l.tell(slog.LevelWarn, "a connection of this process: %v", []any{err})
		return
	}
	l.tell(slog.LevelWarn, "a subscription of this process, %s: %v", []any{subscription.Subject, err})
}

// Fatalf keeps the line for Start to return. A stand-alone server would exit.
func (l *serverLog) Fatalf(format string, values ...any) {
	line := l.clean(fmt.Sprintf(format, values...))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fatal = append(l.fatal, line)
}
