// Package steps is the one place that learns what becomes of events. Every step of every event on a
// node (admitted, delivered, begun, handled, refused, lost, …) passes it, with the event's header,
// its place and the rule. It counts steps, learns which event types lead to which, and tells
// whoever listens.
//
// A step passes a [Point], which is found once and kept. Counting it is one atomic addition; that
// somebody might listen costs one pointer load more.
//
// # Guarantees
//
//   - A step that is counted is also told, to every [Listener] that was there before
//     it, in the goroutine that takes the step.
//   - Counts only grow. They are read one after the other, so they agree only when
//     the node is at rest.
//   - Nothing here blocks or allocates while nobody listens.
package steps
