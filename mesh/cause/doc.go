// Package cause tells how an event came about: its identity, its root, its parent, and the path of
// steps that led from the root to it, over all nodes.
//
// Services read a [Header] in a handler:
//
//	header, _ := mesh.HeaderOf(ctx)
//	log.Print(header.ID, header.Root, header.Path())
//
// The rest of the package is what the mesh makes headers of.
//
// # Guarantees
//
//   - A header never changes once its event was emitted, and it travels with
//     the event over links.
//   - Ids sort by time: see [ID].
//   - A [Path] is interned: an event carries one pointer, and what the cascade
//     guard asks of a path is computed once for each distinct path. A [Tree]
//     keeps a bounded number of paths.
package cause
