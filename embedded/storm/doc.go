// Package storm drives three nodes with handlers that nobody should write, once with the cascade
// guard off and once with it on, and measures what that does to a well-behaved event type on the
// same nodes.
//
// # The bad handlers
//
//	a.storm.started ─► a.ring.passed ─► b.ring.passed ─► c.ring.passed ─► a.ring.passed ─► …   in a circle, over the links
//	                                │                │                │                │
//	                           a tree on b      a tree on c      a tree on a      a tree on b …  4 wide, 8 deep: 87,380 events
//
//	a tree on b:  4 × b.branch1.grown ─► 4 × b.branch2.grown each ─► … ─► 4 × b.branch8.grown each
//
// Each event has one handler. It looks at no error, and goes on to emit whatever it was told
// before. Without a guard a root event is followed by 2,038,887 events: the circle ends where the
// wire format holds no longer path, 31 events after the root. The root itself begins no tree, as a
// tree would use up the budget of node a before the circle comes back and is refused as a loop.
//
// # What is measured
//
// Beside the storm each node has readings: a type with a handler of its own, which works for some
// 40 µs, local, emitted at a steady rate. The handling time of a reading is that from before Emit
// until its handler has run; a reading that is emitted late, because the machine is busy, is
// measured from when it is emitted. Readings and root events come at random times within their
// slots, so that the two keep no fixed distance. Each run has nodes of its own, and begins with a
// quiet time on them as long as the storm.
//
// # Guarantees
//
//   - A storm ends: by itself, by its time, or when the safety cap of handled events is reached. In
//     the latter cases the handlers emit nothing any more, and the result says so. Queues bound the
//     memory: some 300 MB were seen with the guard off.
//   - The counts are the nodes' own, read after the nodes have closed: nothing is on its way then.
//   - When [Run] returns, nothing that it started is running.
package storm
