package operator

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// Why a question is not taken for an operator's.
var (
	// ErrUnsigned: it has no signature.
	ErrUnsigned = errors.New("the question is not signed")
	// ErrForged: the signature is not that of the key, or of another subject or body.
	ErrForged = errors.New("the signature of the question is wrong")
	// ErrExpired: its time is over, or too far ahead.
	ErrExpired = errors.New("the question is out of its time")
	// ErrReplayed: it was asked before.
	ErrReplayed = errors.New("the question was asked before")
	// ErrTooMany: too many questions were asked lately.
	ErrTooMany = errors.New("too many questions were asked within a minute")
)

// Signed is what a signature proves: who asks, once, until when.
type Signed struct {
	Key     string // the operator's public nkey
	Nonce   string
	Expires time.Time
}

// IsSigned reports whether a question has a signature, be it a wrong one.
func IsSigned(header nats.Header) bool { return header.Get(SignatureHeader) != "" }

// Verify checks the signature of a question with a body that was asked on a subject, at a time. It
// does not know who is an operator, and not whether the question was asked before: see [Nonces].
// Errors: ErrUnsigned, ErrExpired, ErrForged.
func Verify(subject string, header nats.Header, body []byte, now time.Time) (Signed, error) {
	if !IsSigned(header) {
		return Signed{}, ErrUnsigned
	}
	key, nonce, expires := header.Get(KeyHeader), header.Get(NonceHeader), header.Get(ExpiresHeader)
	seconds, err := strconv.ParseInt(expires, 10, 64)
	if err != nil || !isNonce(nonce) || strings.Contains(subject, "\n") {
		return Signed{}, fmt.Errorf("%w: a header cannot be read", ErrForged)
	}
	s := Signed{Key: key, Nonce: nonce, Expires: time.Unix(seconds, 0)}
	switch left := s.Expires.Sub(now); {
	case left <= 0:
		return Signed{}, fmt.Errorf("%w: it ended %v ago; compare the clocks, and ask again", ErrExpired, (-left).Round(time.Second))
	case left > MaxLife:
		return Signed{}, fmt.Errorf("%w: it ends in %v, and may last %v; compare the clocks, and ask again", ErrExpired, left.Round(time.Second), MaxLife)
	}
	signature, err := base64.RawURLEncoding.DecodeString(header.Get(SignatureHeader))
	if err != nil {
		return Signed{}, fmt.Errorf("%w: it is not base64url without padding", ErrForged)
	}
	if !nkeys.IsValidPublicUserKey(key) {
		return Signed{}, fmt.Errorf("%w: the key is not the public key of an nkey user (U…)", ErrForged)
	}
	pair, err := nkeys.FromPublicKey(key)
	if err != nil || pair.Verify(signed(subject, nonce, expires, body), signature) != nil {
		return Signed{}, fmt.Errorf("%w: it is not that of the key, for this subject and data", ErrForged)
	}
	return s, nil
}

const minNonce, maxNonce = 16, 64

func isNonce(text string) bool {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return len(text) >= minNonce && len(text) <= maxNonce && strings.Trim(text, letters) == ""
}
