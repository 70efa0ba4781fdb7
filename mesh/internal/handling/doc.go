// Package handling runs a handler for the events of its queues: past the rules at the handler,
// through its circuit breaker, and try after try.
//
// # Guarantees
//
//   - Each event ends in one of these: handled, given up, kept by a rule, or lost under a
//     name. So it does if the handler panics or ends its goroutine.
//   - A place that a rule with a concurrency gave is free again however the call ends.
package handling
