// Package central is the side of the story with a central bus, as such a bus is usually built: one
// stock nats-server with JetStream, one stream, and services that know nothing but the bus.
//
// Each handler is a durable pull consumer with explicit acknowledgements. It decodes JSON, does its
// work, publishes what follows, waits for the answer to each, and acknowledges. Nothing is limited.
//
// Tuned as the documentation of NATS says: one connection a service; Consume, which pulls ahead by
// 500 messages; as many workers for a handler as leafmesh has, each with teams of its own, so that
// the order of a team is kept; up to 4,096 unacknowledged messages a consumer; message ids against
// doubles where something is kept on disk. The server's options are its defaults: it forces its
// files to the disk every two minutes, and has neither TLS nor log-ins.
//
// It guarantees that each event is handled at least once by each handler, while the server lives if
// the stream is in memory, and after its death too if it is on disk; and nothing about state and
// events together: a service that dies between its COMMIT and its publishing does both again.
package central
