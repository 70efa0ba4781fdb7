package wire

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Whatever encodes decodes to the same, and the library would have written the same bytes.
func TestEnvelopeRoundTrip(t *testing.T) {
	var into Envelope // one for all: decoding overwrites whatever was there
	rapid.Check(t, func(t *rapid.T) {
		e := drawEnvelope(t)
		message, err := AppendEvent([]byte("before"), e)
		if err != nil {
			t.Fatalf("encode: %v", err)
		}
		if !bytes.HasPrefix(message, []byte("before")) {
			t.Fatal("encoding did not append")
		}
		message = message[len("before"):]
		if want := must(libraryEncode(e)); !bytes.Equal(message, want) {
			t.Fatalf("encoded %x\nthe library %x", message, want)
		}
		if err := DecodeEvent(message, &into); err != nil {
			t.Fatalf("decode: %v", err)
		}
		if !reflect.DeepEqual(&into, e) {
			t.Fatalf("decoded %+v\nwant %+v", into, e)
		}
		if _, err := libraryDecode(message); err != nil {
			t.Fatalf("library: %v", err)
		}
	})
}

func TestEnvelopeDerived(t *testing.T) {
	e := typical()
	if e.IsRoot() || e.Depth() != 2 || string(e.Origin()) != "hunt-1" || string(e.Subject()) != "hunt.clue.unlocked" {
		t.Errorf("root %v, depth %d, origin %q, subject %q", e.IsRoot(), e.Depth(), e.Origin(), e.Subject())
	}
	if got := e.ID.String(); got != strings.Repeat("03", 16) {
		t.Errorf("ID.String() = %q", got)
	}
	if err := e.MatchSubject("hunt.clue.unlocked.Team%20%C5%81%C3%B3d%C5%BA"); err != nil {
		t.Errorf("its own subject: %v", err)
	}
	for _, other := range []string{"", "hunt.clue.unlocked", "hunt.clue.unlocked.Team", "clue.answer.judged.Team%20%C5%81%C3%B3d%C5%BA"} {
		if err := e.MatchSubject(other); !errors.Is(err, ErrMalformed) {
			t.Errorf("subject %q: %v", other, err)
		}
	}
	var none Envelope
	if none.Origin() != nil || none.Subject() != nil {
		t.Error("an envelope without a path has an origin")
	}
}

// What every receiver would drop is refused where it is emitted.
func TestAppendEventRefuses(t *testing.T) {
	tests := []struct {
		name   string
		change func(e *Envelope)
		is     error
		says   string
	}{
		{"zero id", func(e *Envelope) { e.ID = ID{} }, nil, "id is all zeros"},
		{"zero root", func(e *Envelope) { e.Root = ID{} }, nil, "root is all zeros"},
		{"root is id", func(e *Envelope) { e.Root = e.ID }, nil, "path must be one step"},
		{"parent is id", func(e *Envelope) { e.Parent = e.ID }, nil, "its own parent"},
		{"no parent", func(e *Envelope) { e.Parent = ID{} }, nil, "must have a parent"},
		{"root that is its own parent", func(e *Envelope) { e.Root, e.Parent, e.Path = e.ID, e.ID, e.Path[:1] }, nil, "its own parent"},
		{"root with two steps", func(e *Envelope) { e.Root, e.Parent = e.ID, ID{} }, nil, "one step"},
		{"child with one step", func(e *Envelope) { e.Path = e.Path[:1] }, nil, "two steps"},
		{"no path", func(e *Envelope) { e.Path = nil }, nil, "path is empty"},
		{"33 steps", func(e *Envelope) { e.Path = steps(strings.Fields(strings.Repeat("a:a.b.c ", 33))...) }, nil, "33 steps"},
		{"bad step", func(e *Envelope) { e.Path[1] = []byte("clue-1:clue.answer") }, nil, "step 2: subject"},
		{"negative age", func(e *Envelope) { e.Age = -1 }, nil, "age is negative"},
		{"root with an age", func(e *Envelope) { e.Root, e.Parent, e.Path, e.Age = e.ID, ID{}, e.Path[:1], 1 }, nil, "no age"},
		{"no payload", func(e *Envelope) { e.Payload = nil }, nil, "payload is empty"},
		{"long key", func(e *Envelope) { e.Key = strings.Repeat("k", MaxKeyBytes+1) }, ErrKeyTooLong, "it has 1025"},
		{"bad key", func(e *Envelope) { e.Key = "team\xFF" }, ErrKeyNotUTF8, `team\xff`},
		{"large", func(e *Envelope) { e.Payload = make([]byte, MaxEventBytes) }, nil, "at most 1048567"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := typical()
			e.Payload = []byte{0xA0}
			test.change(e)
			out, err := AppendEvent([]byte("before"), e)
			if !errors.Is(err, ErrInvalid) || (test.is != nil && !errors.Is(err, test.is)) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("error %v; want one that says %q", err, test.says)
			}
			if string(out) != "before" {
				t.Errorf("dst changed to %q", out)
			}
		})
	}
}

// The cap holds to the byte, in both directions.
func TestMessageAtTheCap(t *testing.T) {
	e := typical()
	e.Payload = make([]byte, 70_000) // the payload's head has its four-byte form from here on
	rest := len(must(AppendEvent(nil, e))) - len(e.Payload)
	e.Payload = make([]byte, MaxEventBytes-rest)
	message, err := AppendEvent([]byte("before"), e) // the cap is on the message, not on dst
	if err != nil || len(message) != len("before")+MaxEventBytes {
		t.Fatalf("%d bytes: %v", len(message), err)
	}
	message = message[len("before"):]
	var into Envelope
	if err := DecodeEvent(message, &into); err != nil {
		t.Errorf("decode at the cap: %v", err)
	}
	if size := len(AppendContainer(nil, message)); size != MaxMessageBytes {
		t.Errorf("it makes a message of %d bytes", size)
	}
	e.Payload = append(e.Payload, 0)
	if _, err := AppendEvent(nil, e); !errors.Is(err, ErrInvalid) {
		t.Errorf("encode over the cap: %v", err)
	}
	if err := DecodeEvent(must(libraryEncode(e)), &into); !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), "1048568 bytes") {
		t.Errorf("decode over the cap: %v", err)
	}
}

func TestEnvelopeAllocates(t *testing.T) {
	e, into := typical(), Envelope{}
	e.Payload = []byte{0xA0}
	buffer := make([]byte, 0, 512)
	message := must(AppendEvent(nil, e))
	subject := string(AppendSubject(nil, string(e.Subject()), e.Key))
	if n := testing.AllocsPerRun(100, func() { _, _ = AppendEvent(buffer, e) }); n != 0 {
		t.Errorf("AppendEvent: %v allocations; want 0", n)
	}
	if n := testing.AllocsPerRun(100, func() { _ = DecodeEvent(message, &into) }); n > 1 {
		t.Errorf("DecodeEvent: %v allocations; want the key only", n)
	}
	if n := testing.AllocsPerRun(100, func() { _ = DecodeEvent(message, &Envelope{}) }); n > 3 {
		t.Errorf("DecodeEvent into a new envelope: %v allocations; want the key, the path and the envelope", n)
	}
	if n := testing.AllocsPerRun(100, func() { _ = into.MatchSubject(subject) }); n != 0 {
		t.Errorf("MatchSubject: %v allocations; want 0", n)
	}
}
