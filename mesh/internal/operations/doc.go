// Package operations is what a node answers operators: at the tap, where stock NATS clients read
// events, emit by request and ask what the node does, and over its links, where operators sign what
// they ask.
//
// # Guarantees
//
//   - Questions pass no rule, no guard and no queue: a node at its limits still answers.
//   - The requests of one question are answered one after the other. One that does not end in time
//     is told so.
//   - Who asks all nodes, or over a link, has signed that. Each node checks it by its own file.
//   - An answer goes to an inbox, and nowhere else.
//   - Who changed what is in the log.
package operations
