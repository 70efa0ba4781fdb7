// Package guesslog reads the log of a played puzzle hunt, and derives the hunt from it.
//
// A log is CSV without a header, UTF-8, one row for each guess:
//
//	2018-03-16 19:22:01,Killer Chicken Bones,Try and Eat,SKINNY,Y
//
// the time in UTC, the team, the puzzle's title, the guess, and Y or N: what the hunt's own judge
// said.
//
// # Guarantees
//
//   - A row that cannot be used is skipped and counted, never guessed at; the first ten are kept
//     with their line. It costs no other row: a quote that is never closed spoils its own line
//     only.
//   - [Derive] is pure: the same rows give the same hunt.
//   - In the derived hunt each puzzle is worth one point, opens at the start and has no limit of
//     guesses. Its answers are the guesses of its Y rows; a puzzle without one has an answer that
//     nobody in the log gave.
package guesslog
