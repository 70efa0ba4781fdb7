// Package changes is what operators and programs change on a running node: its rules, and which
// places are cut. A change is for good or for a time.
//
// # Guarantees
//
//   - A change is made whole, or not at all with an error that says why.
//   - What is changed for a time comes back at its end, unless somebody has changed the same since.
//     Then it comes back at the end of that change, or never if that is for good.
//   - Who changes two rules at once, or two numbers of one rule, gets both.
//   - A rule that is wrong is refused, also one that would be wrong only when what holds for a time
//     ends: nobody waits for the error of an end.
//   - Nothing ends after Close.
package changes
