// Package recorder is the flight recorder of a node: headers of what lately happened to events, in
// rings of a bounded size.
//
// # Guarantees
//
//   - Recording never waits for a reader or for another writer of what is usual, takes no lock, and
//     allocates nothing but the texts of errors.
//   - The rings take no more bytes than they were given, whatever ids, keys and types peers make
//     up.
//   - What falls out is counted, and so is what found no ring free.
//   - Much of one kind does not wash out another: what went wrong, refusals, and what belongs to
//     cascades that are kept have rings of their own. Of a storm of refusals one in so many is
//     recorded, with their number.
package recorder
