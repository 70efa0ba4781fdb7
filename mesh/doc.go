// Package mesh lets services talk by events that stay local unless their export is declared.
//
//	var Rung = mesh.NewEvent[Visit]("porter.bell.rung")
//
//	open := Rung.Handle("open", func(ctx context.Context, v Visit) error { return Opened.Emit(ctx, v) })
//	node, err := mesh.Open(ctx, mesh.Config{Name: "porter-1", Handlers: []mesh.Handler{open}})
//	…
//	err = Rung.Emit(node.Context(ctx), Visit{Door: "front"})
//
// Each process opens a [Node]: an embedded NATS leaf server, a router and a gate. An [Event] is a
// Go type bound to a subject. A [Handler] is a function for its events. A [Header] says how an
// event came about. Emit hands the value to the handlers on the same node. The event leaves the
// node only if its export is declared, and enters another one only if its import is.
//
// Package config has what a node is told, package stats what became of events, and package graph
// which types lead to which. docs/cookbook.md has short programs that run.
//
// # Guarantees
//
// Delivery. An event that Emit admitted reaches each matching handler of its node once. Exceptions
// are handlers that shed, that are cut, that have an open breaker, or whose Go type cannot take the
// value. A node tries a handler that fails a finite number of times; then the event becomes a dead
// letter ([DeadLetters]).
//
// Over a link an event arrives at most once: events are lost while a link is down and when a
// process dies. Durable exports are the exception (docs/durable.md). Emit returns when such an
// event is stored, and the event reaches the handlers of each service that it is kept for at least
// once.
//
// A live node counts what it loses under a type, a place and a rule (see [Stats]). It cannot count
// what dies with a process or inside a broken connection.
//
// Order. A handler gets the events of one type and one key in the order in which one goroutine
// emitted them, if all of them are root events or all are emitted in handler calls. Events of a
// handler call take effect when the call returns. Nothing is promised between types, between keys,
// between emitters, between two Go types of one subject, or between the instances that share an
// import.
//
// Effects. A node holds the events that a handler emits until the handler returns nil, and drops
// them if it does not. So a handler that is tried again does not emit twice. An event can also be
// staged in the SQL transaction that changes a service's state, and relayed after the COMMIT
// ([Event.Stage], [Node.Relay]; package transact does it). Then state and event cannot disagree.
//
// Backpressure. Emit of a root event waits while a handler's queue is full, until its context ends.
// It looks at the context only when it has to wait. Emit with a handler's own context, or with
// [NewRoot] of it, never waits for a queue, so that a cycle of handlers cannot deadlock. It may
// overfill a queue up to a hard cap, and is refused past it. It may wait for a limit whose policy
// is [Wait]. A handler that makes a context of its own by [Node.Context] emits root events, and
// those wait. A refused event reached no handler.
//
// Values. An event is immutable once it is emitted. All its handlers share its value, without a
// copy and without encoding. A handler that changes the value breaks the others;
// [Config].CodecCheck finds such handlers in tests.
//
// Not promised: exactly-once over links (see package mesh/transact for exactly one effect), a
// global order.
package mesh
