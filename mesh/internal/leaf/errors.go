package leaf

import "errors"

// Errors of Start, Connect, Link, Redial, lines and Stop.
var (
	// ErrStopped: the server was stopped.
	ErrStopped = errors.New("leaf server is stopped")
	// ErrUnknownPeer: no Importer or Remote has that name.
	ErrUnknownPeer = errors.New("no such peer")
	// ErrListen: an address to listen at is taken, or is none of this machine.
	ErrListen = errors.New("cannot listen")
	// ErrNotListening: nobody listens at a Remote's URL.
	ErrNotListening = errors.New("nobody listens there")
	// ErrShunned: the exporter cost too much, and is not dialed for some seconds.
	ErrShunned = errors.New("it is not dialed for some seconds")
)
