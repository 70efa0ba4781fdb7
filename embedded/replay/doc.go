// Package replay plays a guess log again, on the hunt derived from it, and compares each verdict
// with the log's own.
//
// # What happens to a row
//
//	log ─► pace ─► Target.Submit ─► clue's own entrance ─► verdict ─► compared with the row's letter
//
// A [Target] is where the hunt is played: three nodes in this process ([Local]) or three daemons
// ([Remote]).
//
// # Guarantees
//
//   - Rows are submitted in the order of the file, with their own time; those of one team are
//     judged in this order.
//   - [Run] returns a result only when every guess has its verdict and every solve has arrived at
//     score. If that does not happen, because an event was lost, it says so after 20 s without
//     progress, with what was lost by name.
//   - The leaderboard is what score's database holds at the end.
package replay
