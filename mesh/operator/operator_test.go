package operator

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

var now = time.Unix(1_800_000_000, 5)

func newPair(t *testing.T) (pair nkeys.KeyPair, key string) {
	t.Helper()
	pair, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	key, err = pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return pair, key
}

func sign(t *testing.T, pair nkeys.KeyPair, subject, body string) nats.Header {
	t.Helper()
	h, err := signAt(pair, subject, []byte(body), now)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestASignatureIsOfOneQuestion(t *testing.T) {
	pair, key := newPair(t)
	_, other := newPair(t)
	with := func(name, value string) func(nats.Header) { return func(h nats.Header) { h.Set(name, value) } }
	for name, test := range map[string]struct {
		subject, body string
		after         time.Duration
		change        func(nats.Header)
		want          error
	}{
		"as it is":          {},
		"at its end":        {after: 29 * time.Second},
		"expired":           {after: 30 * time.Second, want: ErrExpired},
		"too far ahead":     {after: -31 * time.Second, want: ErrExpired},
		"another subject":   {subject: "mesh.ops.all.cut", want: ErrForged},
		"another body":      {body: "1 ", want: ErrForged},
		"another key":       {change: with(KeyHeader, other), want: ErrForged},
		"no key":            {change: with(KeyHeader, ""), want: ErrForged},
		"another nonce":     {change: with(NonceHeader, strings.Repeat("a", 26)), want: ErrForged},
		"a short nonce":     {change: with(NonceHeader, "abc"), want: ErrForged},
		"a nonce of lines":  {change: with(NonceHeader, strings.Repeat("a\n", 13)), want: ErrForged},
		"another end":       {change: with(ExpiresHeader, fmt.Sprint(now.Unix()+31)), want: ErrForged},
		"no end":            {change: with(ExpiresHeader, "soon"), want: ErrForged},
		"no signature":      {change: with(SignatureHeader, ""), want: ErrUnsigned},
		"some signature":    {change: with(SignatureHeader, base64.RawURLEncoding.EncodeToString(make([]byte, 64))), want: ErrForged},
		"a short signature": {change: with(SignatureHeader, "AAAA"), want: ErrForged},
		"no base64":         {change: with(SignatureHeader, "!"), want: ErrForged},
	} {
		h := sign(t, pair, "mesh.ops.all.stats", "1")
		if test.change != nil {
			test.change(h)
		}
		subject, body := "mesh.ops.all.stats", "1"
		if test.subject != "" {
			subject = test.subject
		}
		if test.body != "" {
			body = test.body
		}
		got, err := Verify(subject, h, []byte(body), now.Add(test.after))
		if !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
		if err == nil && (got.Key != key || got.Nonce != h.Get(NonceHeader) || got.Expires != time.Unix(now.Unix()+30, 0)) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestWhoCanNotSign(t *testing.T) {
	_, key := newPair(t)
	public, err := nkeys.FromPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Sign(public, "mesh.ops.all.stats", nil); !errors.Is(err, nkeys.ErrCannotSign) {
		t.Errorf("a public key: %v", err)
	}
}

func TestAQuestionIsAskedOnce(t *testing.T) {
	var n Nonces
	one := Signed{Key: "A", Nonce: "1", Expires: now.Add(time.Minute)}
	for i, test := range []struct {
		question Signed
		after    time.Duration
		want     error
	}{
		{one, 0, nil},
		{one, 0, ErrReplayed},
		{Signed{Key: "A", Nonce: "2", Expires: one.Expires}, 0, nil},
		{Signed{Key: "B", Nonce: "1", Expires: one.Expires}, 0, nil},
		{one, 59 * time.Second, ErrReplayed},
		{Signed{Key: "A", Nonce: "3", Expires: one.Expires.Add(time.Hour)}, time.Hour, nil},
		{one, 0, ErrReplayed}, // the wall clock was set back
	} {
		if err := n.Spend(test.question, now.Add(test.after)); !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
			t.Errorf("%d: %v, want %v", i, err, test.want)
		}
	}
}

// However many questions are asked, what is remembered is bounded, and none can be asked twice.
func TestWhatIsRememberedIsBounded(t *testing.T) {
	var n Nonces
	asked := func(i int) Signed { return Signed{Nonce: fmt.Sprint(i), Expires: now.Add(time.Minute)} }
	for i := range maxNonces {
		if err := n.Spend(asked(i), now); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.Spend(asked(maxNonces), now); !errors.Is(err, ErrTooMany) {
		t.Errorf("one more: %v", err)
	}
	if err := n.Spend(asked(0), now); !errors.Is(err, ErrReplayed) {
		t.Errorf("the first again: %v", err)
	}
	later := now.Add(time.Minute)
	if err := n.Spend(Signed{Nonce: "new", Expires: later.Add(time.Minute)}, later); err != nil || len(n.spent) > keptNonces {
		t.Errorf("when all are over: %v, %d remembered", err, len(n.spent))
	}
	if err := n.Spend(asked(0), now); !errors.Is(err, ErrReplayed) {
		t.Errorf("one that is forgotten, when the wall clock was set back: %v", err)
	}
}

// A wall clock that was ahead and is set right locks nobody out, and lets nothing be asked twice.
func TestAWallClockThatIsSetRight(t *testing.T) {
	var n Nonces
	asked := func(i int, at time.Time) Signed {
		return Signed{Nonce: fmt.Sprint(i, at), Expires: at.Add(30 * time.Second)}
	}
	spend := func(s Signed, at time.Time) {
		t.Helper()
		if err := n.Spend(s, at); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 2 * keptNonces {
		at := now.Add(time.Duration(i) * time.Second)
		spend(asked(i, at), at)
	}
	right := now.Add(2 * keptNonces * time.Second)
	for i := range keptNonces / 4 { // two hours ahead
		at := right.Add(2*time.Hour + time.Duration(i)*time.Second)
		spend(asked(i, at), at)
	}
	early := asked(-1, right)
	spend(early, right)
	for i := range keptNonces / 4 {
		at := right.Add(2*time.Hour + time.Duration(i)*time.Second)
		if err := n.Spend(asked(i, at), at); !errors.Is(err, ErrReplayed) {
			t.Fatalf("one of when the clock was ahead: %v", err)
		}
	}
	if err := n.Spend(early, right.Add(time.Second)); !errors.Is(err, ErrReplayed) {
		t.Errorf("again: %v", err)
	}
}
