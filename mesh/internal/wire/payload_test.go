package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// newer is judged as a later release may declare it: one field less, two more.
type newer struct {
	Attempt string   `cbor:"1,keyasint"`
	Team    string   `cbor:"2,keyasint"`
	Clue    string   `cbor:"3,keyasint"`
	At      int64    `cbor:"5,keyasint"`
	Guess   string   `cbor:"6,keyasint"`
	Tags    []string `cbor:"7,keyasint"`
	Nested  *newer   `cbor:"8,keyasint,omitempty"`
}

func TestPayloadRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.Map(rapid.String(), func(s string) string { return strings.ToValidUTF8(s, "?") })
		want := judged{
			Attempt: text.Draw(t, "attempt"), Team: text.Draw(t, "team"), Clue: text.Draw(t, "clue"), Guess: text.Draw(t, "guess"),
			Verdict: rapid.Uint8().Draw(t, "verdict"), At: rapid.Int64().Draw(t, "at"),
		}
		message, err := AppendPayload([]byte("before"), &want)
		if err != nil || !bytes.HasPrefix(message, []byte("before")) {
			t.Fatalf("%q: %v", message, err)
		}
		payload := message[len("before"):]
		if library := must(libraryEncoder.Marshal(&want)); !bytes.Equal(payload, library) {
			t.Fatalf("appended %x; the library %x", payload, library)
		}
		var got judged
		if err := DecodePayload(payload, &got); err != nil || got != want {
			t.Fatalf("got %+v, %v; want %+v", got, err, want)
		}
		clear(payload)
		if got != want {
			t.Fatal("the value shares memory with the payload")
		}
	})
}

// Releases differ, and read each other.
func TestPayloadOfAnotherRelease(t *testing.T) {
	from := newer{"a-1", "Team", "clue-07", 5, "BEE", []string{"x"}, &newer{Team: "T"}}
	var got judged
	if err := DecodePayload(must(AppendPayload(nil, from)), &got); err != nil {
		t.Fatal(err)
	}
	if want := (judged{"a-1", "Team", "clue-07", 0, 5, "BEE"}); got != want {
		t.Errorf("older reads newer: %+v; want %+v", got, want)
	}
	var back newer
	if err := DecodePayload(must(AppendPayload(nil, typicalPayload)), &back); err != nil {
		t.Fatal(err)
	}
	if want := (newer{Attempt: "a-000017", Team: "Team Łódź", Clue: "clue-07", At: 1_522_000_000_000, Guess: "BUTTERFLY"}); !reflect.DeepEqual(back, want) {
		t.Errorf("newer reads older: %+v; want %+v", back, want)
	}
}

// nest is an item of depth arrays inside each other.
func nest(depth int) any {
	var item any = 0
	for range depth {
		item = []any{item}
	}
	return item
}

func TestAppendPayloadRefuses(t *testing.T) {
	wide := map[int]int{}
	for i := range MaxMapPairs + 1 {
		wide[i] = i
	}
	tests := []struct {
		name  string
		value any
		says  string
	}{
		{"nil", nil, "it is null"},
		{"nil pointer", (*judged)(nil), "it is null"},
		{"channel", make(chan int), "unsupported type"},
		{"invalid UTF-8", judged{Team: "a\xFF"}, `not valid UTF-8: "a\xff"`},
		{"invalid UTF-8 in a key", map[string]int{"\xFF": 1}, "not valid UTF-8"},
		{"17 levels", nest(17), "nested too deep"},
		{"4,097 elements", make([]int, MaxArrayElements+1), "4097 elements"},
		{"4,097 pairs", wide, "4097 elements"},
		{"too large", make([]byte, MaxMessageBytes), "at most 1048576"},
		{"tag", libraryTag(), "TagsForbidden"},
		{"two items", twoItems{}, "extraneous data"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			out, err := AppendPayload([]byte("before"), test.value)
			if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("error %v; want one that says %q", err, test.says)
			}
			if string(out) != "before" {
				t.Errorf("dst changed to %q", out)
			}
		})
	}
	for name, value := range map[string]any{"16 levels": nest(16), "4,096 elements": make([]int, MaxArrayElements), "no fields": struct{}{}} {
		payload, err := AppendPayload(nil, value)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var into any
		if err := DecodePayload(payload, &into); err != nil {
			t.Errorf("decode %s: %v", name, err)
		}
	}
}

// twoItems is a type whose own encoding is wrong.
type twoItems struct{}

func (twoItems) MarshalCBOR() ([]byte, error) { return []byte{0, 0}, nil }

// libraryTag is an integer too large for CBOR without a tag.
func libraryTag() any { return *must(bigInt("100000000000000000000")) }

func TestDecodePayloadRefuses(t *testing.T) {
	tests := []struct{ name, payload, says string }{
		{"nothing", "", "EOF"},
		{"null", "f6", "it is null"},
		{"undefined", "f7", "it is null"},
		{"an array", "80", "cannot unmarshal array"},
		{"a byte too many", "a000", "1 bytes of extraneous data"},
		{"two items", "a0a0", "extraneous"},
		{"cut short", "a101", "EOF"},
		{"field of another type", "a1010a", "cannot unmarshal positive integer"},
		{"number out of range", "a104190100", "overflow"},
		{"same key twice", "a2016161016162", "duplicate map key"},
		{"same unknown key twice", "a218630118630 2", "duplicate map key"},
		{"same key twice in an unknown field", "a1186382", "EOF"},
		{"map of indefinite length", "bfff", "indefinite-length"},
		{"text of indefinite length", "a1017f6161ff", "indefinite-length"},
		{"tag", "c1a0", "tag isn't allowed"},
		{"tag in an unknown field", "a11863c100", "tag isn't allowed"},
		{"invalid UTF-8", "a10162c328", "invalid UTF-8"},
		{"17 levels in an unknown field", "a11863" + strings.Repeat("81", 16) + "00", "nested level"},
		{"array of 4,097", "a11863991001" + strings.Repeat("00", 4097), "exceeded max number of elements"},
		{"map of 4,097", "a11863b91001" + strings.Repeat("0000", 4097), "exceeded max number of key-value pairs"},
		{"reserved first byte", "a1011c", "invalid additional information"},
		{"too large", "59ffff" + strings.Repeat("00", MaxMessageBytes), "at most 1048576"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			payload := must(hex.DecodeString(strings.ReplaceAll(test.payload, " ", "")))
			var into judged
			err := DecodePayload(payload, &into)
			if !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("error %v; want one that says %q", err, test.says)
			}
		})
	}
}

// A hostile message costs memory in proportion to its bytes, whatever it promises.
func TestHostileMemory(t *testing.T) {
	full := func(count byte, item string) []byte { // full arrays in an array
		body := must(hex.DecodeString("991000" + strings.Repeat(item, MaxArrayElements)))
		return append([]byte{0x98, count}, bytes.Repeat(body, int(count))...)
	}
	tests := []struct {
		name    string
		payload []byte
	}{
		{"promises", must(hex.DecodeString("9b7fffffffffffffff"))},
		{"promises in promises", bytes.Repeat([]byte{0x99, 0x10, 0x00}, 300_000)},
		{"maps of nothing", full(250, "a0")},
		{"strings of nothing", full(250, "60")},
		{"small integers", full(250, "00")},
		{"arrays of one", full(120, "8100")},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var into any
			cost := allocated(func() { _ = DecodePayload(test.payload, &into) })
			t.Logf("a payload of %d bytes cost %d", len(test.payload), cost)
			if cost > uint64(128*len(test.payload))+64<<10 {
				t.Error("that is more than 128 times as much")
			}
		})
	}
	for _, test := range refusals() {
		message := must(hex.DecodeString(test.Event))
		var into Envelope
		if cost := allocated(func() { _ = DecodeEvent(message, &into) }); cost > 16<<10 {
			t.Errorf("%s: decoding cost %d bytes", test.About, cost)
		}
	}
}

// allocated is how many bytes f allocates, the least of three runs: other goroutines of the test
// binary allocate, too.
func allocated(f func()) uint64 {
	least := uint64(math.MaxUint64)
	for range 3 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	return least
}

func TestPayloadAllocates(t *testing.T) {
	buffer := make([]byte, 0, 512)
	if n := testing.AllocsPerRun(100, func() { _, _ = AppendPayload(buffer, &typicalPayload) }); n > 1 {
		t.Errorf("AppendPayload: %v allocations; want at most 1", n)
	}
}
