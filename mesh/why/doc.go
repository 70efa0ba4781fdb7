// Package why explains what became of an event: records of what happened in, the cascade as a tree
// and as text out. It is pure: no clock, no file and no network.
//
//	explanation, err := node.Why(ctx, id) // asks all nodes that can be reached
//	fmt.Println(explanation)              // the tree, as meshctl why prints it
//
// A node's flight recorder makes a [Record] of each step of each event that says something: where
// it was admitted, handled, tried in vain, refused or lost, when, and for how long. Records have
// headers only, never values. A [Report] is what one node has of some cascades, and [Explain] makes
// one tree of the reports of all nodes that were asked.
//
// # Guarantees
//
//   - What is missing is shown as missing, with the reason, and never left out: a node that was not
//     asked, a recorder that no longer reaches back so far, a node that was started later.
//   - Reports may overlap, and come in any order: the explanation is the same.
//   - Times of one node are compared with each other only. Where two nodes' clocks meet, in the
//     offsets of events, the text says whose clock it is.
package why
