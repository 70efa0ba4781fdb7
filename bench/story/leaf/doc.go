// Package leaf is leafmesh's side of the story: the same three services, each in a process of its
// own with a node in it, linked by mutual TLS, with the default configuration. Two types are
// exported: clue.clue.solved and hunt.clue.unlocked. All others stay in their process.
//
// All three may share a process too, each with its node and links as before: leafmesh leaves it to
// whoever starts the services.
//
// It guarantees, without anything kept: at most once over links, and exactly once for each handler
// in a process. With kept exports: at least once to the importing service's handlers, after its
// death too; what was stored is forced to the disk each second. With state: state and exported
// events in one transaction, relayed after the COMMIT.
package leaf
