// Package inlet is where events enter a node over links: at most once, by a subscription, or at
// least once, out of the outboxes of peers.
//
// # Guarantees
//
//   - A message that is no event is counted and dropped. It never ends a subscription.
//   - An event passes the import rules and the cascade guard before a handler gets it.
//   - What a durable import takes is answered for once all handlers are done with it: handled, or
//     to come again for those that are not. What comes twice meanwhile is one event.
//   - A handler that has handled an event does not get it again, unless its node or the exporter
//     dies before both know.
package inlet
