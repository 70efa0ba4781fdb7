// Package transact keeps a service's events and its state in one SQL
// transaction, so that the two can not disagree.
//
// The outbox: [Emit] writes an event into the transaction that changes the state, or
// [Put] one that was staged before it began; a [Relay] gives it to the node after the
// COMMIT. The inbox: [Inbox.First] tells
// a handler, within its own transaction, whether it has handled the event before.
//
// # Guarantees
//
// State and event. An event of Emit is relayed if the transaction was committed,
// and never if it was rolled back, whenever the process dies. When the machine dies,
// this holds as far as the database keeps its commits: SQLite in WAL mode with
// synchronous=NORMAL may lose the newest ones, whose events may have left already.
// And it holds as far as the outbox of a durable export keeps what it took: its
// row is deleted then. Where that matters use synchronous=FULL, and sync: always.
//
// At least once. A relayed row is deleted after [mesh.Node.Relay] has taken the
// event. A process that dies between the two relays it again when it is back, under
// the same id. A Relay that lives relays each row once, also when a deletion fails,
// but for rows behind one that the node's outbox refused, such as a full one: some of
// them may be stored already (see [mesh.Node.Relay]) and are relayed again. The outbox
// drops what it has stored in the last two minutes; after a longer refusal it stores
// them again, and importers get them twice under one id.
//
// What "taken" means. An event of a durable export is in the node's outbox on disk,
// which keeps it until each importing service has handled it. It was put into
// the queues of this node's handlers, and any other event into that of its export.
// Those queues are in memory and die with the process: what must survive that
// belongs into a durable export, or into the database of the service that emits it.
//
// Same id. What a handler emits has an id that follows from the event it handles
// (see [mesh.Event.Stage]). A handler that runs again for its event, in a retry
// or after a crash, does not make a second event of it; whoever drops repeated
// ids, as First does, sees one.
//
// Once in effect. A handler that asks First and changes its state and emits in the
// same transaction takes effect exactly once for each event, however often
// the event comes, within a stated time: see [Inbox].Window. What it emits directly,
// by [mesh.Event.Emit], is not in the transaction: it is lost if the process dies
// between the COMMIT and the handler's return, and First does not let it come again.
//
// Order. Events are relayed in the order of their rows' numbers. In SQLite, which
// has one writer, that is the order of the commits. In a database where
// transactions are committed side by side, events of two such transactions may go
// in either order; those of one transaction keep theirs. None is skipped: exactly
// the rows that were relayed are deleted.
//
// Nothing is skipped. An event that can not be relayed, as its row is damaged or
// was copied from another node, stops the Relay there: it says so in the log and
// in its [Stats], with the row and what to do, and tries again. The events before it
// are relayed, those behind it wait.
//
// Blocking. Put and First wait for the database alone. Emit waits for a rule of the
// gate too, if it is one that waits, with the transaction open. A Relay waits as long as a handler's queue is full; the outbox grows
// meanwhile, and has no bound but the disk: watch [Relay.Stats].
//
// # Not promised
//
// Two Relays on one outbox would relay each event twice, in no order. Run one.
//
// # Databases
//
// The package is written against database/sql and imports no driver. The schemas
// are SQLite's. The statements use question marks for parameters; they are tested
// with SQLite, and hold nothing that is SQLite's own. A service that keeps its
// state in SQLite has everything it needs in a *sql.DB.
//
// # Speed
//
// From Emit by way of COMMIT and Relay to a handler: 17,000 events a second with one
// event a transaction, 44,000 with 16, 54,000 with 256; a Relay alone empties an
// outbox at 150,000 a second. Measured with BenchmarkOutbox and BenchmarkRelay on two
// shared cores, SQLite in WAL mode with synchronous=NORMAL. A *sql.Tx prepares
// each statement anew.
package transact
