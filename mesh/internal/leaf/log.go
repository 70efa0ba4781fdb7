package leaf

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// duplicateLink is what a server is told whose link another process took over.
const duplicateLink = "Duplicate Remote LeafNode Connection"

// serverLog passes the server's warnings and errors to slog, without secrets,
// and remembers what went wrong last with each remote, for Ready to name.
type serverLog struct {
	logger *slog.Logger
	redact *strings.Replacer

	mu     sync.Mutex
	fatal  []string             // guarded by mu; what would have ended a stand-alone server
	logged map[string]time.Time // guarded by mu; when a kind of line was logged
	last   map[string]string    // guarded by mu; by host:port of a remote, the last problem
}

func newServerLog(logger *slog.Logger, secrets []string) *serverLog {
	var pairs []string
	for _, secret := range secrets {
		if secret != "" {
			pairs = append(pairs, secret, "[redacted]")
		}
	}
	return &serverLog{logger: logger, redact: strings.NewReplacer(pairs...), last: map[string]string{}, logged: map[string]time.Time{}}
}

// follow sets the remotes whose problems are remembered.
func (l *serverLog) follow(remotes []Remote) {
	l.mu.Lock()
	defer l.mu.Unlock()
	kept := map[string]string{}
	for _, remote := range remotes {
		address := remote.address()
		kept[address] = l.last[address]
	}
	l.last = kept
}

// problem returns what was last logged about the remote.
func (l *serverLog) problem(remote Remote) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last[remote.address()]
}

// fatals returns what ended the start.
func (l *serverLog) fatals() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.fatal, "; ")
}

func (l *serverLog) line(format string, values []any) string {
	line := l.redact.Replace(fmt.Sprintf(format, values...))
	l.mu.Lock()
	defer l.mu.Unlock()
	for address := range l.last {
		if strings.Contains(line, address) {
			l.last[address] = line
		}
	}
	return line
}

// Noticef is dropped: an embedded server's notices are not the service's.
func (l *serverLog) Noticef(string, ...any) {}

// Debugf is dropped, and so never formatted by the server.
func (l *serverLog) Debugf(string, ...any) {}

// Tracef is dropped.
func (l *serverLog) Tracef(string, ...any) {}

// Warnf logs a warning. One is left out: it is meant for passwords in a file, and
// those here are only in memory.
func (l *serverLog) Warnf(format string, values ...any) {
	if strings.HasPrefix(format, "Plaintext passwords detected") {
		return
	}
	line := l.line(format, values)
	if l.repeated(format) {
		l.logger.Debug("nats: " + line)
		return
	}
	l.logger.Warn("nats: " + line)
}

// repeatAfter is how often one kind of line is logged: a peer that is refused
// comes back each second.
const repeatAfter = 30 * time.Second

// repeated reports whether a line of this kind was logged just now.
func (l *serverLog) repeated(kind string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if now.Sub(l.logged[kind]) < repeatAfter {
		return true
	}
	l.logged[kind] = now
	return false
}

// Errorf logs an error. That a peer went away while something was being written
// to it is none: it happens whenever one is restarted, and the link's state tells.
func (l *serverLog) Errorf(format string, values ...any) {
	line := l.line(format, values)
	if strings.Contains(line, "Error flushing: ") {
		l.logger.Debug("nats: " + line)
		return
	}
	if l.repeated(format) {
		l.logger.Debug("nats: " + line)
		return
	}
	if strings.Contains(line, "Authorization Violation") {
		l.logger.Error("nats: "+line, "remedy", "a peer's key is not the one that this node has under peers, or this node's is not the one the peer has")
		return
	}
	if strings.Contains(line, "Error trying to connect") { // the peer may not be up yet
		l.logger.Warn("nats: " + line)
		return
	}
	if strings.Contains(line, duplicateLink) {
		l.logger.Error("nats: "+line, "remedy", "another process runs with this node's name and seed: give each its own")
		return
	}
	l.logger.Error("nats: " + line)
}

// Fatalf keeps the line for Start to return. A stand-alone server would exit.
func (l *serverLog) Fatalf(format string, values ...any) {
	line := l.line(format, values)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fatal = append(l.fatal, line)
}
