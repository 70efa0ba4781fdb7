// Package adapter carries watermill's messages over leafmesh, so that watermill's universal test
// suite can say whether leafmesh keeps what it promises. It uses the public API only.
//
// A [Bus] stands where watermill has a broker: a node, "bus-1", that emits each published message
// as an event. Subscribers are handlers of that node, or nodes of their own that import the events.
// A handler returns nil for an ack and an error for a nack. The [Kind] of the bus says which parts
// of leafmesh are used.
//
// It is made for tests: a bus has a fixed number of places for subscribers, and lives in one
// process.
package adapter
