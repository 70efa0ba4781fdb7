// Package operations is what a node answers operators: at the tap, where stock NATS clients read
// events, emit by request and ask what the node does.
//
// # Guarantees
//
//   - Questions pass no rule, no guard and no queue: a node at its limits still answers.
//   - Requests are answered one after the other. One that does not end in time is told so.
package operations
