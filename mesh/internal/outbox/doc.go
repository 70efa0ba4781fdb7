// Package outbox keeps the events of a node's durable exports until the services they are kept
// for have handled them, and hands them out: one JetStream stream, OUTBOX, in account store of the
// node's own server, with files in the node's directory. Only the node's process reads it.
//
// A reader is an instance of a service. It says hello with the types that it takes and how much at
// once, gets batches, and answers what became of each event; package wire has the messages. Which
// event goes to which reader package handout decides.
//
// # Guarantees
//
//   - What Wait returned nil for is in the stream, and stays there until each service
//     that Config names for its type has handled it. A service that never
//     came has handled nothing: it gets all from the beginning.
//   - Events of a type are stored in the order in which Store was called. Those that wait for the
//     disk anyway share a message of the stream, which is stored as a whole or not at all; nobody
//     waits for more to come.
//   - Nothing is dropped at a bound: a full outbox refuses new events with ErrFull. Only where a
//     service has a Bound that says so, the oldest that waits is lost, for that service alone; the
//     bound of another refuses new events of its type, and is never exceeded.
//   - A second event of the same id within Config.Duplicates is not stored, and Wait returns nil
//     for it. Where no answer came, the stream is asked what became of the event before more is
//     stored.
//   - A reader gets only what is kept for its service, and is believed only about what it has under
//     way. What it says beside that is counted.
//   - A reader that is slow, hangs, floods or lies holds up no other: each has a queue and a sender
//     of its own. A batch has what there is to give, and never waits for more.
//   - No more is on its way to a reader than its link takes in about a second, so that no ping
//     waits behind it. An event that is larger goes in parts, and those of other keys between them.
//   - An event that is larger than a reader takes is not sent to it. If no other reader of its
//     service takes it, it is lost for that service, counted, and in the log.
//   - A service that is not named any more, and for which events wait, is a *WaitingError at Open,
//     unless Type.Drop names it.
//   - A stream that lost messages is found at Open, and so is a damaged file of what was handled: a
//     *DamagedError names what is damaged and the remedy. Loss while it is open is counted and
//     logged.
//   - On a full disk new messages are refused with ErrDisk, nothing that was stored is
//     lost, and storing goes on by itself when there is room: 2 MiB. A reserve of 1
//     MiB is kept in the directory, so that what was handled can be removed then.
//   - Memory does not grow with the backlog. Beside the readers' credits a type takes at most 4 MiB
//     for its newest events, and each service of it 5 MiB; the ids that are known take at most 20
//     MiB.
//
// What a crash may lose. Before Wait returns nil each message was written to its file:
// a process that is killed loses none. A machine that crashes loses what was
// written since the last sync, at most Config.SyncInterval ago; with a server that syncs
// always, nothing. What was handled in the last 0.1 s may be forgotten in both cases:
// then those messages are handed out again.
//
// # Files
//
// Beside the stream's files there are outbox.mark, which tells whether the stream is what it was,
// outbox.floors, which tells what each service has handled, and outbox.reserve. What former
// versions of this program kept in JetStream's consumers instead of outbox.floors is taken over at
// Open, and so are their messages of one event each.
//
// # Not promised
//
//   - Exactly once: a service may get a message again, after a failure of its own or
//     of this node.
//   - That a directory which was removed, or restored from an older copy as a whole,
//     is noticed here. Readers can: they are told who the stream is, and its last sequence.
package outbox
