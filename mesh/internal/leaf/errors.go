package leaf

import (
	"errors"
	"fmt"
	"strings"
)

// Errors of Start, Connect, Link and Stop.
var (
	// ErrStopped: the server was stopped.
	ErrStopped = errors.New("leaf server is stopped")
)

// Errors of Ready. Waiting longer does not help.
var (
	// ErrNotExported: the peer does not export a subject. The error around it is
	// a *NotExportedError.
	ErrNotExported = errors.New("not exported")
	// ErrUnknownPeer: no Remote has that name.
	ErrUnknownPeer = errors.New("no such remote")
	// ErrPayloadLimit: the peer may send larger messages than we accept. One such
	// message would close the link.
	ErrPayloadLimit = errors.New("peer's max payload is above ours")
)

// NotExportedError names the peer and the subject it does not export.
type NotExportedError struct {
	Peer    string
	Subject string
	Exports []string // what it does export
}

// Error names both, and what the peer exports.
func (e *NotExportedError) Error() string {
	return fmt.Sprintf("%s is not exported by %s (it exports %s): declare the export there, or drop the import",
		e.Subject, e.Peer, orNothing(e.Exports))
}

// Is reports ErrNotExported.
func (e *NotExportedError) Is(target error) bool { return target == ErrNotExported }

// NotReadyError says what was missing when Ready's context ended.
type NotReadyError struct {
	Peer      string
	URL       string
	Connected bool     // the link is up
	Missing   []string // subjects the peer has not seen our interest in
	Hint      string   // what the server last logged about the peer, or ""
	Cause     error    // why Ready stopped waiting: the context's error, and its cause
}

// Error gives the state of the link and the subjects that are missing.
func (e *NotReadyError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "link to %s (%s): ", e.Peer, e.URL)
	switch {
	case e.Connected && len(e.Missing) == 0:
		b.WriteString("connected, and has not said anything yet")
	case e.Connected:
		fmt.Fprintf(&b, "connected, but it has not seen our interest in %s", strings.Join(e.Missing, ", "))
	default:
		b.WriteString("not connected")
	}
	if e.Hint != "" {
		fmt.Fprintf(&b, " (last: %s)", e.Hint)
	}
	fmt.Fprintf(&b, ": %v", e.Cause)
	return b.String()
}

// Unwrap gives the context's error.
func (e *NotReadyError) Unwrap() error { return e.Cause }

func orNothing(list []string) string {
	if len(list) == 0 {
		return "nothing"
	}
	return strings.Join(list, ", ")
}
