package mesh

import (
	"time"

	"leafmesh/mesh/internal/handling"
	"leafmesh/mesh/internal/inlet"
	"leafmesh/mesh/internal/leaf"
	"leafmesh/mesh/internal/letters"
	"leafmesh/mesh/internal/outbox"
	"leafmesh/mesh/internal/sealed"
	"leafmesh/mesh/internal/storage"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/stats"
)

// RefusedError says which rule refused an event, and where; CascadeError which bound of its cascade
// the event would have broken. Both are values: see stats.RefusedError.
type (
	RefusedError = stats.RefusedError
	CascadeError = stats.CascadeError
	// UncertainError says which durable event may be stored although Emit failed.
	UncertainError = stats.UncertainError
)

// Errors of events that were not admitted. A RefusedError wraps the reason it names.
var (
	// ErrClosed: the node is closing or closed.
	ErrClosed = stats.ErrClosed
	// ErrNotHere is what [Node.Cut] and [Node.Restore] return of a type or a place that the node
	// does not have, and [Node.SetLimit] of a rule.
	ErrNotHere = stats.ErrNotHere
	// ErrRefused: the event was not admitted. errors.As with a RefusedError tells why.
	ErrRefused = stats.ErrRefused
	// ErrNotOwner: the node emits only types of its own service, whose name is the first token of
	// the type's subject. The refusal names the owner.
	ErrNotOwner = stats.ErrNotOwner
	// ErrForeignTurn: the context was made by [Node.Context] of one node from that of a handler of
	// another. What crosses from node to node is exported and imported.
	ErrForeignTurn = stats.ErrForeignTurn
	// ErrCascade: the cascade guard refused the event. That is final: a handler that returns it is
	// not tried again. errors.As with a CascadeError tells the bound.
	ErrCascade = stats.ErrCascade
	// ErrTooLarge: the event's message is larger than max_payload, or than the wire allows.
	ErrTooLarge = wire.ErrTooLarge
)

// Final makes an error of a handler final: trying again would not help, and the event becomes a
// dead letter at once, whatever tries and deliveries are left. Other handlers of the event keep
// theirs. Final(nil) is nil, so that a handler can end with return mesh.Final(check(e)). The error
// may be wrapped, and errors.Is and errors.As find what it was made of.
func Final(err error) error { return handling.Final(err) }

// NotNow makes an error with which a handler says that it cannot handle the event now, and wants it
// again after a time. That is no try, however often it says so; it makes no dead letter, and a
// circuit breaker does not count it. An event of a durable import goes back to the outbox that it
// came from, and other events are handled meanwhile. For every other event the handler's worker
// waits, at least for the first pause of its [Retry], until the node closes. The error may be
// wrapped, to say why. What is [Final] too is final.
func NotNow(after time.Duration) error { return handling.NotNow(after) }

// Errors of storing an event of a durable export.
var (
	// ErrOutboxFull: the outbox is at one of its bounds. Nothing was stored.
	ErrOutboxFull = outbox.ErrFull
	// ErrOutboxDisk: the outbox cannot write, as on a full disk. Nothing was stored.
	ErrOutboxDisk = outbox.ErrDisk
	// ErrUncertain: the outbox gave no answer in time. The event may be stored nevertheless; it was
	// not handled on this node. errors.As with an *UncertainError tells its id: see [WithID].
	ErrUncertain = outbox.ErrUncertain
)

// Errors of [Open], beside those of the configuration, which are [config.FieldError]s.
var (
	// ErrListen: an address to listen at is taken, or is none of this machine.
	ErrListen = leaf.ErrListen
	// ErrDataInUse: another process has the node's data directory.
	ErrDataInUse = storage.ErrInUse
	// ErrForeignData: the data directory is that of a node of another service.
	ErrForeignData = storage.ErrForeign
	// ErrDamagedData: something in the data directory is not what was written there.
	ErrDamagedData = sealed.ErrDamaged
	// ErrOlderState: the database of Config.State is older than the data directory.
	ErrOlderState = storage.ErrOlder
)

// Errors of letters, and of links.
var (
	// ErrNoLetter: the node has no letter of that key.
	ErrNoLetter = letters.ErrNotFound
	// ErrLetterInUse: the letter is being replayed.
	ErrLetterInUse = letters.ErrInUse
	// ErrNotExported is what [Node.Ready] returns, with the peer and the type, when a peer does not
	// export what this node imports.
	ErrNotExported = inlet.ErrNotExported
	// ErrOtherWire is what [Node.Ready] returns when a peer speaks another version of the wire,
	// with who is to be upgraded.
	ErrOtherWire = inlet.ErrOtherWire
)
