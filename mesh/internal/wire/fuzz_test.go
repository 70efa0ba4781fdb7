package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// FuzzDecodeEvent holds the hand-written decoder against the library and the text of docs/wire.md:
// both accept the same messages and find the same in them.
func FuzzDecodeEvent(f *testing.F) {
	for _, vector := range goldenVectors(f) {
		f.Add(vector.event)
	}
	for _, refused := range refusals() {
		f.Add(must(hex.DecodeString(refused.Event)))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		var e Envelope
		err := DecodeEvent(message, &e)
		want, libraryErr := libraryDecode(message)
		if (err == nil) != (libraryErr == nil) {
			t.Fatalf("%x\nby hand: %v\nby the library: %v", message, err, libraryErr)
		}
		if err != nil {
			if !errors.Is(err, ErrMalformed) || len(err.Error()) > 600 {
				t.Fatalf("%x: %v", message, err)
			}
			return
		}
		compareWithLibrary(t, &e, want)
		again, err := AppendEvent(nil, &e)
		if err != nil {
			t.Fatalf("%x decodes but does not encode: %v", message, err)
		}
		if library := must(libraryEncode(&e)); !bytes.Equal(again, library) {
			t.Fatalf("encoded %x; by the library %x", again, library)
		}
		if len(again) > len(message) {
			t.Fatalf("%x: the deterministic form is longer: %x", message, again)
		}
	})
}

func compareWithLibrary(t *testing.T, got *Envelope, want *libraryEnvelope) {
	t.Helper()
	same := string(got.ID[:]) == string(want.ID) && string(got.Root[:]) == string(want.Root) &&
		got.Parent.IsZero() == (want.Parent == nil) && (want.Parent == nil || string(got.Parent[:]) == string(want.Parent)) &&
		got.Time == want.Time && uint64(got.Age) == want.Age && got.Key == want.Key && bytes.Equal(got.Payload, want.Payload) && len(got.Path) == len(want.Path)
	for i := range want.Path {
		same = same && string(got.Path[i]) == want.Path[i]
	}
	if !same {
		t.Fatalf("by hand: %+v\nby the library: %+v", got, want)
	}
}

// FuzzDecodeLinked decodes an event of a link. What is taken can be lengthened, stays the same as a
// whole event, and is as short again.
func FuzzDecodeLinked(f *testing.F) {
	for _, vector := range goldenVectors(f) {
		f.Add(must(AppendShort(nil, vector.envelope, firstNumber, len(vector.envelope.Path))))
	}
	path := steps("clue-1:clue.answer.submitted", "clue-1:clue.answer.judged")
	d := told(f, path[:1], path)
	f.Fuzz(func(t *testing.T, event []byte) {
		var e, rooted Envelope
		err := DecodeLinked(event, &e, d, 0)
		if err != nil {
			if !errors.Is(err, ErrMalformed) || len(err.Error()) > 600 {
				t.Fatalf("%x: %v", event, err)
			}
			_ = Reroot(event, "clue.answer.judged", &rooted)
			return
		}
		whole, err := AppendEvent(nil, &e)
		if err != nil {
			t.Fatalf("%x decodes but does not encode: %v", event, err)
		}
		if long := Lengthen(event, d); e.IsShort && !bytes.Equal(long, whole) {
			t.Fatalf("%x is lengthened to %x, and encodes to %x", event, long, whole)
		}
		if !e.IsShort {
			return
		}
		short, err := AppendShort(nil, &e, e.Number, len(e.Path))
		if err != nil || len(short) > len(event) {
			t.Fatalf("%x is shorter than %x: %v", event, short, err)
		}
		if err := DecodeLinked(short, &rooted, d, 0); err != nil || !bytes.Equal(must(AppendEvent(nil, &rooted)), whole) {
			t.Fatalf("%x comes back otherwise: %v", short, err)
		}
	})
}

// FuzzDecodePayload decodes into a struct and into anything. What was accepted encodes again and
// stays the same; and what the check of encoding says of the bytes is what decoding says of them.
func FuzzDecodePayload(f *testing.F) {
	for _, vector := range goldenVectors(f) {
		f.Add(vector.envelope.Payload)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		var typed judged
		checkDecoded(t, payload, DecodePayload(payload, &typed), &typed, new(judged))
		var loose any
		err := DecodePayload(payload, &loose)
		checkDecoded(t, payload, err, loose, new(any))

		wellFormed := len(payload) <= MaxMessageBytes && refuseNull(payload) == nil && CheckLengths(payload) == nil && payloadDecoder.Wellformed(payload) == nil
		switch err := checkPayload(payload); {
		case err == nil && !wellFormed:
			t.Fatalf("%x: encoding would let it pass; the library: %v", payload, payloadDecoder.Wellformed(payload))
		case err != nil && wellFormed && !strings.Contains(err.Error(), "not valid UTF-8"):
			t.Fatalf("%x: encoding would refuse it: %v", payload, err)
		}
	})
}

// nan is the only form of it that is encoded.
var nan = []byte{0xF9, 0x7E, 0x00}

// checkDecoded checks what decoding payload gave: err, or value. into is where to decode it to once
// more.
func checkDecoded(t *testing.T, payload []byte, err error, value, into any) {
	t.Helper()
	if err != nil {
		if !errors.Is(err, ErrMalformed) {
			t.Fatalf("%x: %v", payload, err)
		}
		return
	}
	first, err := AppendPayload(nil, value)
	if err != nil {
		t.Fatalf("%x decodes to %#v, which does not encode: %v", payload, value, err)
	}
	if err := DecodePayload(first, into); err != nil {
		t.Fatalf("%x encodes to %x, which does not decode: %v", payload, first, err)
	}
	second, err := AppendPayload(nil, into)
	if bytes.Contains(first, nan) { // a Go map holds many keys that are NaN, and nothing orders them
		slices.Sort(first)
		slices.Sort(second)
	}
	if err != nil || !bytes.Equal(first, second) {
		t.Fatalf("%x encodes to %x, then to %x: %v", payload, first, second, err)
	}
}

// The committed seeds are there: without them a short fuzz run would begin from nothing.
func TestFuzzSeeds(t *testing.T) {
	for _, target := range []string{"FuzzDecodeEvent", "FuzzDecodeStored", "FuzzSplitContainer", "FuzzReroot", "FuzzDecodeLinked", "FuzzKey", "FuzzDecodePayload"} {
		seeds := must(filepath.Glob(filepath.Join("testdata", "fuzz", target, "*")))
		if len(seeds) == 0 {
			t.Errorf("testdata/fuzz/%s holds no seeds", target)
		}
		for _, seed := range seeds {
			if content := must(os.ReadFile(seed)); !bytes.HasPrefix(content, []byte("go test fuzz v1\n")) {
				t.Errorf("%s is no seed", seed)
			}
		}
	}
}
