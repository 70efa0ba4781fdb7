// Package outbox keeps the messages of a node's durable exports until the services
// they are kept for have taken them: one JetStream stream, OUTBOX, in account out of
// the node's own server, with files in the node's directory.
//
// # Guarantees
//
//   - What Wait returned nil for is in the stream, and stays there until each service
//     that Config names for its type has acknowledged it. A service that never
//     came has acknowledged nothing: it gets all from the beginning.
//   - Messages are stored in the order in which Store was called.
//   - Nothing is dropped at a bound: a full outbox refuses new messages with ErrFull.
//   - A second message of the same id within Config.Duplicates is not stored, and
//     Wait returns nil for it.
//   - A stream that lost messages is found at Open: a *DamagedError names what is
//     damaged and the remedy. Loss while it is open is counted and logged.
//   - On a full disk new messages are refused with ErrDisk, nothing that was stored is
//     lost, and storing goes on by itself when there is room: 2 MiB. A reserve of 1
//     MiB is kept in the directory, so that what was taken can be removed then.
//
// What a crash may lose. Before Wait returns nil each message was written to its file:
// a process that is killed loses none. A machine that crashes loses what was
// written since the last sync, at most Config.SyncInterval ago; with a server that syncs
// always, nothing. Acknowledgements of the last 0.1 s may be forgotten in both cases:
// then those messages are delivered again.
//
// # Not promised
//
//   - Exactly once: a service may get a message again, after a failure of its own or
//     of this node.
//   - That a directory which was removed, or restored from an older copy as a whole,
//     is noticed here. Importers can: see Identity.
package outbox
