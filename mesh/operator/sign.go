package operator

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// The headers of a signed question.
const (
	// KeyHeader has the operator's public nkey.
	KeyHeader = "Mesh-Operator"
	// NonceHeader has a text that no other question has: 16 to 64 letters, digits, dashes and
	// underscores.
	NonceHeader = "Mesh-Nonce"
	// ExpiresHeader is when the question ends, in seconds since 1970.
	ExpiresHeader = "Mesh-Expires"
	// SignatureHeader has the signature, in base64url without padding.
	SignatureHeader = "Mesh-Signature"
	// SkipHeader is how many nodes' answers to leave out, as they came before: see Answers.More. It
	// is not signed.
	SkipHeader = "Mesh-Skip"
)

// MaxLife is how far ahead a question may end. A node remembers nonces for so long.
const MaxLife = 60 * time.Second

// life is how long questions of Sign live: half of what they may, so that clocks may differ by as
// much.
const life = MaxLife / 2

// Sign makes the headers of a question that is asked once, within 30 seconds. Subject is what it is
// asked on, "mesh.ops.all.stats", and body the request's data. The error says that pair cannot
// sign: it was wiped, or has no seed.
func Sign(pair nkeys.KeyPair, subject string, body []byte) (nats.Header, error) {
	return signAt(pair, subject, body, time.Now())
}

func signAt(pair nkeys.KeyPair, subject string, body []byte, now time.Time) (nats.Header, error) {
	key, err := pair.PublicKey()
	if err != nil {
		return nil, fmt.Errorf("sign a question on %s: %w", subject, err)
	}
	nonce, expires := rand.Text(), strconv.FormatInt(now.Add(life).Unix(), 10)
	signature, err := pair.Sign(signed(subject, nonce, expires, body))
	if err != nil {
		return nil, fmt.Errorf("sign a question on %s: %w", subject, err)
	}
	return nats.Header{KeyHeader: {key}, NonceHeader: {nonce}, ExpiresHeader: {expires},
		SignatureHeader: {base64.RawURLEncoding.EncodeToString(signature)}}, nil
}

// signed is what is signed of a question: four lines, the last one the hash of the body in hex.
func signed(subject, nonce, expires string, body []byte) []byte {
	hash := sha256.Sum256(body)
	return []byte(strings.Join([]string{subject, nonce, expires, hex.EncodeToString(hash[:])}, "\n"))
}
