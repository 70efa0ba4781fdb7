// Package peering is a node's peers and the lines to them: to those that read its exports, to those
// that it imports from, and to the hub by which it reaches the others. Lines are opened and closed
// as the configuration changes, and what becomes of their links is told.
//
// # Guarantees
//
//   - A peer has one way in and one way out: its direct line, or the hub. A reader may have both,
//     and then gets a message by one of them.
//   - Who may read follows from the configuration that is in force when it says hello, and what is
//     taken back ends before Set returns.
//   - What a peer has said is heard before its line is closed.
//   - A change that fails leaves the peers as they were.
package peering
