package outbox

import "github.com/nats-io/nats.go/jetstream"

// identityKey is where the stream's metadata has its identity.
const identityKey = "leafmesh.identity"

// Identity is what an importer has to remember of a peer's outbox, from the stream's
// info fetched over the link: who the stream is, and its last sequence. The identity is
// made with the stream, at random. So another identity means that the peer was wiped,
// or accepted a loss: what it had not delivered is gone, and its sequences begin anew. The
// same identity under another peer's name means that the peer was renamed, or copied.
// The same identity with a last sequence below one that was received from it
// means that an old copy was restored: the messages in between, and with them what
// the importer has acknowledged, are forgotten by it, and sequences are used again for
// other messages. "" is the identity of a stream that is no outbox.
func Identity(info *jetstream.StreamInfo) (identity string, last uint64) {
	return info.Config.Metadata[identityKey], info.State.LastSeq
}
