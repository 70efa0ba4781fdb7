// Package wire is the format in which events travel between nodes: one CBOR array a message, which
// contains one or more events, and the NATS subject it is sent on. docs/wire.md describes the same
// for somebody who implements it in another language.
//
// What it guarantees:
//
//   - Encoding is deterministic (RFC 8949, 4.2.1): the same event gives the same bytes on every
//     node.
//   - What encodes, decodes: encoding applies every limit and rule that decoding applies, so an
//     event that every receiver would drop is refused where it is emitted, with an error that says
//     why.
//   - Decoding is strict: an event is accepted whole or refused with an error that is
//     [ErrMalformed] and says which field at which byte is wrong. The other events of its message
//     are not concerned.
//   - An event stands in a message as bytes of its own, so that who has a message can give out a
//     single event of it without encoding anything again.
//   - Nor is an event lost for a damaged record of its causes: [Reroot] makes a root of it.
//   - A hostile message never panics. A container costs [MaxContainerEvents] slice headers at most.
//     An event costs its decoder the key, at most [MaxKeyBytes], and [MaxPathSteps] slice headers.
//     A payload costs memory in proportion to its bytes; [DecodePayload] has the figure.
//   - A key survives the subject: every valid UTF-8 string of at most [MaxKeyBytes] becomes one
//     token and comes back the same.
//
// What it does not: it knows nothing of connections, of event types or of limits on rates, and it
// proves nothing about who sent a message. That is the link's permissions' work.
//
// Everything here is a pure function, safe for concurrent use as long as two calls share no buffer.
package wire
