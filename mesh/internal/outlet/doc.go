// Package outlet is where events leave a node's memory: over links to other nodes, to clients at
// the tap, and into the node's outbox.
//
// # Guarantees
//
//   - An event that is exported comes encoded, and is not encoded again. Another one is encoded
//     once, and only if somebody listens at the tap.
//   - An event that is not sent is counted: as unheard, or lost under a rule.
package outlet
