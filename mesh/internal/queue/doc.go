// Package queue has the bounded queues that events wait in, and the workers that take them out. It
// knows no event, no rule and no handler: an item is whatever its user says, with a value beside
// it.
//
// # Guarantees
//
//   - A place is reserved first and filled later, so that an event for several queues
//     gets into all of them or into none. Filling a place never blocks.
//   - A queue holds at most its hard cap. Who may not overfill waits at the capacity.
//   - Items come out in the order in which they were put in. Those that were put back
//     come before all others.
//   - Each shard of a consumer has one worker goroutine. [Group] owns the consumers: it
//     starts their workers, ends them, and waits for them.
//
// Items and values lie in pages of their own. So only [Queue.Put] and a few lines of the worker are
// compiled again for each type of value, and the queues of all types share the pages of items.
//
// # Memory
//
// A queue where nothing waits has no pages. One with items has, beside room for those that wait, up
// to three pages that are empty in part or wholly. A page has room for 32 values of up to 256 bytes
// each, for 4 of up to 2 KiB, and for 1 of more. So what is not in use is at most 24 KiB, or three
// values, for each queue, and as much for its items.
package queue
