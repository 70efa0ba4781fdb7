// Package transact keeps a service's events and its state in one SQL
// transaction, so that the two cannot disagree.
//
//	first, err := inbox.First(ctx, tx)                      // has this event been handled before?
//	…                                                       // change the state
//	err = transact.Emit(ctx, tx, PointsChanged, newPoints)  // goes out only after the COMMIT
//	err = tx.Commit()
//	relay.Wake()
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
// the event comes, within a stated time: see [Inbox].Window. That holds for one
// database: instances of a service that share an import share its database too, or each
// counts what the other has counted. What it emits directly,
// by [mesh.Event.Emit], is not in the transaction: it is lost if the process dies
// between the COMMIT and the handler's return, and First does not let it come again.
//
// Order. Events are relayed in the order of their rows' numbers, but for rows that
// were set aside. In SQLite, which has one writer, that is the order of the commits. In
// PostgreSQL, where transactions are committed side by side, events of two such
// transactions may go in either order; those of one transaction keep theirs. None is
// skipped: exactly the rows that were relayed are deleted, and a row with a lower number
// that is committed late is relayed late.
//
// One holds up no other. An event that cannot be relayed as things stand
// ([mesh.ErrUnrelayable]) is set aside: its row is damaged or was copied from another
// node, its type is not the node's, or it is larger than max_payload by now. The others
// pass. The log has one line for it, with the row and what to do, and [Stats] counts
// it. It is tried again each minute and at each start, and so comes later than others.
// With 1,000 rows set aside the next one stops the Relay: those before it are relayed,
// those behind it wait. What may pass by itself, such as an outbox of the node
// that is full, stops the Relay until it has passed.
//
// Blocking. Put and First wait for the database alone. Emit waits for a rule of the gate too, if it
// is one that waits, with the transaction open. A Relay waits as long as a handler's queue is full;
// the outbox grows meanwhile, and has no bound but the disk: watch [Relay.Stats].
//
// An older copy. A database that is put back from one, without the node's data directory, is
// noticed if the node's Config.State is made with [NewState].
//
// # Not promised
//
// Two Relays on one outbox relay some events twice, in no order. Run one. A Relay
// notices that another one has deleted what it has relayed too, counts it
// ([Stats].Twice) and says so in the log; by then it has happened.
//
// # Databases
//
// The package is written against database/sql, imports no driver, and is tested with
// SQLite and PostgreSQL. The statements are the same; the tables are made by
// [OutboxSchema] and [InboxSchema], or [PostgresOutboxSchema] and [PostgresInboxSchema].
// A service needs nothing but its *sql.DB.
//
// SQLite is opened with three settings, in the file's name, as each connection of
// the pool needs them:
//
//	file:state.db?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_txlock=immediate    modernc.org/sqlite
//	file:state.db?_busy_timeout=5000&_journal_mode=WAL&_txlock=immediate                    mattn/go-sqlite3
//
// Without a busy_timeout a transaction fails with SQLITE_BUSY whenever another
// connection writes, and the Relay writes: [Relay.Start] refuses such a database.
// In WAL mode readers and the writer do not meet; Start advises it in the log. With
// _txlock=immediate a transaction waits for its turn when it begins. Without, one that
// reads before it writes fails at once (SQLITE_BUSY_SNAPSHOT), whatever the
// busy_timeout, if somebody else wrote in between: what it has read is old.
//
// PostgreSQL needs no setting. At READ COMMITTED, its default, the inbox's primary key
// decides: a second First for an event waits for the end of the first one's
// transaction. At higher levels it may fail instead, and the handler is tried again.
// Instances of a service may share the database, its state and the inbox. Each has
// an outbox of its own, as each relays its own events: give each a schema of its
// own with an outbox, and put that first in the search_path of its connections.
//
// # Speed
//
// From Emit by way of COMMIT and Relay to a handler: 17,000 events a second with one
// event a transaction, 44,000 with 16, 54,000 with 256; a Relay alone empties an
// outbox at 150,000 a second. Measured with BenchmarkOutbox and BenchmarkRelay on two
// shared cores, SQLite in WAL mode with synchronous=NORMAL. A *sql.Tx prepares
// each statement anew.
package transact
