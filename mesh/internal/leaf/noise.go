package leaf

import (
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"golang.org/x/time/rate"
)

// A link may begin with its subscriptions, and makes little noise then: a ping in some seconds, and
// what changes of what it takes.
const (
	noiseBurst = 256 << 10 // bytes
	noiseEach  = 32 << 10  // bytes a second
)

// noise is what an importer sends beside messages: pings, subscriptions and whatever else NATS
// reads.
type noise struct {
	most  int64 // bytes; it may seem less while messages are read
	bound *rate.Limiter
}

// newNoise is for a link with messages of at most so many bytes: one that is half here is none yet.
func newNoise(message int) *noise {
	return &noise{bound: rate.NewLimiter(noiseEach, noiseBurst+message)}
}

// exceeds notes how much noise a link has made in all, and reports whether it is too much.
func (n *noise) exceeds(bytes int64, now time.Time) bool {
	more := bytes - n.most
	if more <= 0 {
		return false
	}
	n.most = bytes
	return !n.bound.AllowN(now, int(more))
}

// What is taken to belong to messages, at the most: an importer that says little may not seem
// noisy.
const (
	// tlsRecord is what TLS adds to a record, which has at least perTLSRecord bytes of a message
	// that is larger, and at most maxTLSRecord.
	tlsRecord    = 22
	perTLSRecord = 1024
	maxTLSRecord = 16 << 10
	// maxSubject is how long a subject of a link may be, in bytes.
	maxSubject = 256
)

// messageBytes is what the messages of a link may have taken on their way here.
func messageBytes(link *server.LeafInfo) int64 {
	each := int64(len("LMSG  1048576\r\n\r\n") + maxSubject + tlsRecord)
	return link.InBytes + link.InBytes/perTLSRecord*tlsRecord + link.InMsgs*each
}
