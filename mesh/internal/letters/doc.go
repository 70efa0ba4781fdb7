// Package letters keeps the durable dead letters of a node: events from other
// nodes' outboxes that a handler gave up for good. An outbox does not send them
// again, so here they are kept until somebody replays or drops them.
//
// # Guarantees
//
//   - A letter for which Put returned nil is there after a crash of the process or
//     of the machine, whole; see package sealed. After a kill inside Put it is
//     there whole, or not at all.
//   - Writing a letter twice is one letter: its key is the event's id and the
//     handler's name. The later one takes the place of the earlier.
//   - Nothing is dropped to make room: a new letter that does not fit is refused
//     with [ErrFull]. Whoever gives an event up must keep it until then.
//   - A damaged letter hides no other. It is told of by List, counts in Len, and
//     can be dropped.
//
// Each letter is a file of its own, in a folder that one process at a time uses.
package letters
