// Package mesh lets services talk by events that stay local unless told otherwise.
//
// Each process opens a [Node]: an embedded NATS leaf server, a router and a gate. An [Event] is a
// Go type bound to a subject. Emitting one hands the value to the handlers on the same node; it
// leaves the node only if its export is declared, and enters another only if its import is.
//
// There are only a few types. An [Event] is a Go type with a subject, a [Handler] is a function for
// its events, a [Node] is one process's part of the mesh, and a [Header] says how an event came
// about. The rest is vocabulary: package config is what a node is told, stats is what became of
// events, graph is what leads to what.
//
// # Guarantees
//
// Delivery. An event that Emit admitted reaches each matching handler of its node once, but for
// handlers that shed, are cut or have an open breaker, and for those whose Go type cannot take the
// value. A handler that fails is tried again a finite number of times; then the event becomes a
// dead letter ([DeadLetters]). Over a link an event arrives at most once: while a link is down, or
// when a process dies, events are lost. Durable exports are not: see docs/durable.md. Emit returns
// when such an event is stored, and it reaches the handlers of each service that it is kept for at
// least once. What a live node loses it counts under a type, a place and a rule (see [Stats]); what
// dies with a process or inside a broken connection cannot be counted by it.
//
// Order. A handler gets the events of one type and one key in the order one goroutine emitted them,
// if all of them are root events or all are emitted in handler calls, whose events take effect when
// the call returns. Nothing is promised between types, between keys, between emitters, between two
// Go types of one subject, or between the instances that share an import.
//
// Effects. Events emitted in a handler are held until it returns nil and dropped if it does not: a
// handler that is tried again does not emit twice. An event can also be staged in the SQL
// transaction that changes a service's state, and relayed after the COMMIT ([Event.Stage],
// [Node.Relay]; package transact does it): then state and event cannot disagree.
//
// Backpressure. Emit of a root event waits while a handler's queue is full, until its context ends;
// it looks at the context only when it has to wait. Emit with a handler's own context, or with
// [NewRoot] of it, never waits for a queue, so that a cycle of handlers cannot deadlock; it may
// overfill a queue up to a hard cap and is refused past it. It may wait for a limit whose policy is
// [Wait]. A handler that makes a context of its own by [Node.Context] emits root events, and those
// wait. All or nothing: a refused event reached no handler.
//
// Values. An event is immutable once emitted. Its value is shared by all its handlers, without a
// copy and without encoding; who changes it breaks the others. [Config].CodecCheck finds such
// handlers in tests.
//
// Not promised: exactly-once over links (see package mesh/transact for exactly one effect), a
// global order.
package mesh
