// Package readers knows who reads the events that a node exports, and chooses who gets which of
// those that are exported at most once.
//
// A reader is one instance of a service that imports. It says hello with what it takes; nothing
// depends on what a link registers. What it takes out of the node's outbox the outbox gives it:
// this package passes on what is said about that.
//
// # Guarantees
//
//   - Of the instances of a service that share a type, one gets each event. A key stays with one of
//     them as long as the same are there: if one comes or goes, only its keys move. The choice
//     follows from the names of the instances and the key alone, so all exporters choose alike. An
//     event without a key goes to the instance with the fewest events on their way.
//   - A reader that takes each event gets each event.
//   - A reader gets nothing before it said hello, and nothing after goodbye or the loss of its
//     link, which is noticed when an event is to be sent.
//   - Readers that are told of do what they like with what they get, and cost others nothing: no
//     answer is waited for.
package readers
