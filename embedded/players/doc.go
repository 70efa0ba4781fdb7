// Package players is a crowd of simulated teams that play a hunt over the HTTP APIs, as real ones
// do.
//
// Each team joins, reads the clues that are open to it, thinks, guesses wrong in plausible ways,
// takes hints when it is stuck, is locked out if it guesses too much, and finds the answer in the
// end. A team stops when each clue is solved or shut to it for good. A team makes about one guess a
// second; real ones make one in some minutes.
//
// # Guarantees
//
//   - [Crowd.Run] returns when ctx has ended or every team has stopped, and leaves no goroutine
//     behind.
//   - A call that fails is tried again after a second. It costs the other teams nothing.
package players
