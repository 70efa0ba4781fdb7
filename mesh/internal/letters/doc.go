// Package letters keeps the dead letters of a node: events that a handler gave up
// for good, until somebody replays or drops them. [Letters] is a folder of them.
// A node has one of durable imports, whose outbox does not send them again, and
// another, a [Local], of all other events if it is to keep those too. A [Box] is
// both, as operators see them.
//
// # Guarantees
//
//   - A letter for which Put returned nil is there after a crash of the process or
//     of the machine, whole; see package sealed. After a kill inside Put it is
//     there whole, or not at all.
//   - Writing a letter twice is one letter: its key is the event's id and the
//     handler's name. The later one takes the place of the earlier.
//   - Put drops nothing to make room: a new letter that does not fit is refused
//     with [ErrFull]. Whoever gives an event up must keep it until then.
//   - A Local cannot ask that of anybody. It writes later, so that a crash loses
//     what is still in memory, and drops the oldest letter to make room. Whoever
//     opened it is told of each that is lost, but for a crash. It drops none that is
//     being replayed.
//   - A damaged letter hides no other. It is told of by List, counts in Len, and
//     can be dropped.
//
// Each letter is a file of its own, in a folder that one process at a time uses.
package letters
