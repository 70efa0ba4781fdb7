package cause

import (
	"encoding/hex"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The ids of staged events are kept in databases and streams: they are part of
// the format.
func TestChildIDIsTheSameForEver(t *testing.T) {
	parent, err := ParseID("0199b2c4-1234-7abc-8def-0123456789ab")
	if err != nil {
		t.Fatal(err)
	}
	payload, err := hex.DecodeString("a10163616263")
	if err != nil {
		t.Fatal(err)
	}
	const want = "0199b2c4-1234-724d-9e4b-f909795737bf"
	if got := ChildID(parent, "handler count", "score.points.awarded", "otters", payload, 0).String(); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestChildIDTellsApartAllItIsMadeOf(t *testing.T) {
	type parts struct {
		Parent              ID
		Place, Subject, Key string
		Payload             string
		Ordinal             uint64
	}
	few := rapid.StringMatching(`[ab]{0,3}`) // so that parts are often equal, or only divided in another way
	gen := rapid.Custom(func(t *rapid.T) parts {
		return parts{ID{0: 1, 15: rapid.SampledFrom([]byte{1, 2}).Draw(t, "parent")}, few.Draw(t, "place"), few.Draw(t, "subject"),
			few.Draw(t, "key"), few.Draw(t, "payload"), rapid.Uint64Range(0, 2).Draw(t, "ordinal")}
	})
	id := func(p parts) ID { return ChildID(p.Parent, p.Place, p.Subject, p.Key, []byte(p.Payload), p.Ordinal) }
	rapid.Check(t, func(t *rapid.T) {
		a, b := gen.Draw(t, "a"), gen.Draw(t, "b")
		if (id(a) == id(b)) != (a == b) {
			t.Errorf("%+v has %s, %+v has %s", a, id(a), b, id(b))
		}
		if text := id(a).String(); text[14] != '7' || text[19] < '8' || text[19] > 'b' || id(a).Time() != a.Parent.Time() {
			t.Errorf("%s is no UUID of version 7 with its parent's time", text)
		}
	})
}

// An id tells when it was made, also within its millisecond.
func TestWhenAnIDWasMade(t *testing.T) {
	for _, at := range []int64{0, 1, 999_999, 1_000_000, 1_234_567, time.Date(2026, 11, 29, 16, 20, 0, 123_456_789, time.UTC).UnixNano()} {
		if made := NewID(at).Made(); made > at || made < at-245 {
			t.Errorf("%d: made at %d", at, made)
		}
	}
}
