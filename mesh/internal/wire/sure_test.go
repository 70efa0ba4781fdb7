package wire

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

type (
	sureBase struct {
		Note string `cbor:"a-long-name-of-a-note,omitempty"`
		Big  uint64 `cbor:"5,keyasint"`
	}
	sureValue struct {
		Team string `cbor:"1,keyasint"`
		sureBase
		Inner struct {
			Clue  string
			Right bool
			Share float64
		} `cbor:"2,keyasint"`
		Small int8   `cbor:"-70000,keyasint"`
		Own   string `cbor:"-"`
	}
	sureRow struct {
		_    struct{} `cbor:",toarray"`
		A, B string
	}
)

// What surely travels is taken by EncodeFaithful, and is no larger than was said.
func TestWhatSurelyTravelsIsEncoded(t *testing.T) {
	values, rows := SureOf[sureValue](), SureOf[sureRow]()
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "\xff", "é\xc3", strings.Repeat("x", 300), strings.Repeat("x", 70_000)}))
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(0, 400).Draw(t, "most")
		v := sureValue{Team: text.Draw(t, "team"), Small: rapid.Int8().Draw(t, "small"), Own: text.Draw(t, "own")}
		v.Note, v.Big = text.Draw(t, "note"), rapid.Uint64().Draw(t, "big")
		v.Inner.Clue, v.Inner.Share = text.Draw(t, "clue"), rapid.Float64().Draw(t, "share")
		checkSure(t, values.Travels(&v, most), &v, most)
		row := sureRow{A: text.Draw(t, "a"), B: text.Draw(t, "b")}
		checkSure(t, rows.Travels(&row, most), &row, most)
	})
}

func checkSure(t *rapid.T, sure bool, v any, most int) {
	if !sure {
		return
	}
	payload, err := EncodeFaithful(v)
	if err != nil || len(payload) > most {
		t.Fatalf("%+v is sure to travel in %d bytes: %d bytes, %v", v, most, len(payload), err)
	}
}

// A look is enough for what is common, and says no where the value decides otherwise.
func TestSure(t *testing.T) {
	v := sureValue{Team: "k"}
	if s := SureOf[sureValue](); !s.Travels(&v, 1000) || s.Travels(&v, 20) {
		t.Error("a small value needs some bytes, and no more than a thousand")
	}
	for _, text := range []string{"\xff", strings.Repeat("x", 1000)} {
		if v.Note = text; SureOf[sureValue]().Travels(&v, 1000) {
			t.Errorf("%.10q is sure to travel", text)
		}
	}
	for name, sure := range map[string]bool{
		"any": SureOf[loose]() != nil, "list": SureOf[tree]() != nil, "map": SureOf[group]() != nil, "codec": SureOf[alone]() != nil,
		"time":    SureOf[struct{ At time.Time }]() != nil,
		"pointer": SureOf[struct{ P *twice }]() != nil,
		"bytes":   SureOf[struct{ B []byte }]() != nil,
		"text":    SureOf[string]() != nil,
		"wide":    SureOf[struct{ A, B [2]struct{ N int } }]() != nil,
	} {
		if sure {
			t.Errorf("a look at a value is enough for type %s", name)
		}
	}
}

func BenchmarkSure(b *testing.B) {
	s := SureOf[judged]()
	b.ReportAllocs()
	for b.Loop() {
		if !s.Travels(&typicalPayload, 1000) {
			b.Fatal("not sure")
		}
	}
}
