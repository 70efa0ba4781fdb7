package outbox

import "github.com/nats-io/nats.go/jetstream"

// identityKey is where the stream's metadata has its identity.
const identityKey = "leafmesh.identity"

// identityOf is who the stream is; "" for one that is no outbox. The identity is made with the
// stream, at random, and a reader remembers it with the highest sequence that it has handled. So
// another identity means that the exporter was wiped, or accepted a loss: what it had not delivered
// is gone, and its sequences begin anew. The same identity under another exporter's name means that
// the exporter was renamed, or copied. The same identity with a last sequence below one that was
// received from it means that an old copy was restored: the messages in between are forgotten, and
// sequences are used again for other messages.
func identityOf(info *jetstream.StreamInfo) string { return info.Config.Metadata[identityKey] }
