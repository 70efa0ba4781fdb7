// Package delivery hands an event to all who take its type on a node: handlers, an export, the tap.
//
// # Guarantees
//
//   - All or none: a place is reserved at every taker, then all are filled. A taker that
//     sheds, or is cut, does not count.
//   - Filling never blocks. Reserving waits only for an event that may wait, and holds no
//     place meanwhile.
//   - A value goes to takers of its own Go type as it is: no encoding, no copy to the
//     heap. For takers of another Go type it is encoded once.
package delivery
