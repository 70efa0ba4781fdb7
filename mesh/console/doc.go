// Package console serves a page that shows a mesh while it runs: its nodes, links and event types
// with their rates, what stops events, and how cascades went.
//
//	server, err := console.Serve(console.Config{Listen: "127.0.0.1:9201"}, console.Options{Source: console.Nodes{node}})
//
// The page is HTML, CSS and JavaScript modules, embedded in the program as they were written. It
// needs no other server.
//
// # Guarantees
//
//   - Nobody who emits or handles events waits for a console. While nobody looks it asks nothing.
//   - Each node is asked for its counters every 0.4 s at most, and for each list about as often as
//     one page asks, however many look.
//   - The page runs no script and loads nothing but what the console serves.
//   - A request that changes something comes from a page of this console, and from one who may: see
//     [Options].
package console
