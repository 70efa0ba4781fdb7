package wire

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
)

// refusal is one message that no implementation may take as it is.
type refusal struct {
	About    string `json:"about"`
	Message  string `json:"message"`            // hex
	Rerooted bool   `json:"rerooted,omitempty"` // only the record of its causes is damaged: it becomes a root
	says     string // what our error must contain
	is       error
}

// raw is one item in hex, for what the library would not write.
type raw string

// edited is the typical message with some of its elements replaced.
func edited(change func(items []any) []any) string {
	id := func(n byte) []byte { b := testID(n); return b[:] }
	items := []any{
		1, id(3), id(1), id(2), int64(1_522_000_000_123_456_789), 0, "Team",
		[]string{"clue-1:clue.answer.submitted", "clue-1:clue.answer.judged", "clue-1:clue.clue.solved"}, []byte{0xA0},
	}
	items = change(items)
	message := hex.EncodeToString([]byte{0x80 | byte(len(items))})
	for _, item := range items {
		if item, ok := item.(raw); ok {
			message += string(item)
			continue
		}
		message += hex.EncodeToString(must(libraryEncoder.Marshal(item)))
	}
	return message
}

// with is the typical message with one element replaced.
func with(index int, item any) string {
	return edited(func(items []any) []any { items[index] = item; return items })
}

func refusals() []refusal { return append(malformedOnes(), damagedOnes()...) }

// malformedOnes are lost: their events can not be read.
func malformedOnes() []refusal {
	return []refusal{
		{About: "nothing", Message: "", says: "cut short at byte 0"},
		{About: "cut short within an id", Message: with(0, 1)[:40], says: "root: 16 bytes promised"},
		{About: "cut short within a head", Message: with(0, 1)[:108], says: "time: cut short"},
		{About: "a byte too many", Message: with(0, 1) + "00", says: "1 bytes follow the array"},
		{About: "a map in place of the array", Message: "a0", says: "map at byte 0; want array"},
		{About: "an empty array", Message: "80", says: "array of 0 elements"},
		{About: "eight elements", Message: edited(func(i []any) []any { return i[:8] }), says: "array of 8 elements"},
		{About: "ten elements", Message: edited(func(i []any) []any { return append(i, 0) }), says: "array of 10 elements"},
		{About: "an array of indefinite length", Message: "9f" + with(0, 1)[2:] + "ff", says: "indefinite length at byte 0"},
		{About: "version 0", Message: with(0, 0), says: "version 0", is: ErrVersion},
		{About: "version 2", Message: with(0, 2), says: "version 2", is: ErrVersion},
		{About: "version 2 with ten elements", Message: edited(func(i []any) []any { i[0] = 2; return append(i, 0) }), says: "version 2", is: ErrVersion},
		{About: "version as a float", Message: with(0, 1.0), says: "version: simple value"},
		{About: "version as a negative integer", Message: with(0, -1), says: "version: negative integer"},
		{About: "a tag around the version", Message: with(0, raw("c101")), says: "version: tag"},
		{About: "id of 15 bytes", Message: with(1, make([]byte, 15)), says: "has 15 bytes; want 16"},
		{About: "id of 17 bytes", Message: with(1, make([]byte, 17)), says: "has 17 bytes"},
		{About: "id of zeros", Message: with(1, make([]byte, 16)), says: "id is all zeros"},
		{About: "id as text", Message: with(1, "aaaaaaaaaaaaaaaa"), says: "id: text string"},
		{About: "id null", Message: with(1, nil), says: "id: simple value"},
		{About: "time as a float", Message: with(4, 1.5), says: "want an integer"},
		{About: "time as text", Message: with(4, "2018-03-25T17:46:40Z"), says: "want an integer"},
		{About: "time over 63 bits", Message: with(4, uint64(1)<<63), says: "does not fit"},
		{About: "time under 63 bits", Message: with(4, raw("3b8000000000000000")), says: "does not fit"},
		{About: "time null", Message: with(4, nil), says: "time: simple value"},
		{About: "time with a reserved first byte", Message: with(4, raw("1c")), says: "reserved first byte 0x1C"},
		{About: "key as a byte string", Message: with(6, []byte("Team")), says: "key: byte string"},
		{About: "key null", Message: with(6, nil), says: "key: simple value"},
		{About: "key of 1,025 bytes", Message: with(6, strings.Repeat("k", 1025)), says: "at most 1024"},
		{About: "key that is not UTF-8", Message: with(6, raw("62c328")), says: "not valid UTF-8", is: ErrKeyNotUTF8},
		{About: "key of indefinite length", Message: with(6, raw("7f6161ff")), says: "indefinite length"},
		{About: "root with a tag", Message: with(2, raw("c150"+strings.Repeat("01", 16))), says: "root: tag"},
		{About: "parent as text that is not UTF-8", Message: with(3, raw("62c328")), says: "parent: text string"},
		{About: "waited as 17 arrays inside each other", Message: with(5, raw(strings.Repeat("81", 17)+"00")), says: "waited: array"},
		{About: "path that promises 2^32 steps", Message: with(7, raw("9affffffff")), says: "4294967295 steps"},
		{About: "path of indefinite length", Message: with(7, raw("9f67613a612e622e63ff")), says: "indefinite length"},
		{About: "root null, payload null", Message: edited(func(i []any) []any { i[2], i[8] = nil, nil; return i }), says: "root: simple value"},
		{About: "payload as a map", Message: with(8, map[int]int{}), says: "payload: map"},
		{About: "payload null", Message: with(8, nil), says: "payload: simple value"},
		{About: "payload of no bytes", Message: with(8, []byte{}), says: "payload is empty"},
		{About: "payload that promises 2^63 bytes", Message: with(8, raw("5b8000000000000000")), says: "9223372036854775808 bytes"},
	}
}

// damagedOnes are good but for the record of their causes.
func damagedOnes() []refusal {
	long := strings.Repeat("a", 65)
	list := []refusal{
		{About: "root of zeros", Message: with(2, make([]byte, 16)), says: "root is all zeros"},
		{About: "root null", Message: with(2, nil), says: "root: simple value"},
		{About: "a child whose root is itself", Message: with(2, idBytes(3)), says: "path must be one step"},
		{About: "a child without a parent", Message: with(3, nil), says: "must have a parent"},
		{About: "parent undefined", Message: with(3, raw("f7")), says: "parent: simple value"},
		{About: "parent of zeros", Message: with(3, make([]byte, 16)), says: "no parent is null"},
		{About: "parent of no bytes", Message: with(3, []byte{}), says: "has 0 bytes; want 16"},
		{About: "an event that is its own parent", Message: with(3, idBytes(3)), says: "its own parent"},
		{About: "a root that is its own parent", Message: edited(func(i []any) []any { i[2], i[3], i[7] = i[1], i[1], []string{"a:a.b.c"}; return i }), says: "its own parent"},
		{About: "a root whose path has three steps", Message: edited(func(i []any) []any { i[2], i[3] = i[1], nil; return i }), says: "path must be one step"},
		{About: "a root whose root is another event", Message: edited(func(i []any) []any { i[3], i[7] = nil, []string{"a:a.b.c"}; return i }), says: "must have a parent"},
		{About: "a child whose path has one step", Message: with(7, []string{"a:a.b.c"}), says: "two steps or more"},
		{About: "waited negative", Message: with(5, -1), says: "waited: negative integer"},
		{About: "waited over 63 bits", Message: with(5, uint64(1)<<63), says: "over 2^63-1"},
		{About: "waited as a float", Message: with(5, 0.0), says: "waited: simple value"},
		{About: "waited null", Message: with(5, nil), says: "waited: simple value"},
		{About: "path empty", Message: with(7, []string{}), says: "path is empty"},
		{About: "path null", Message: with(7, nil), says: "path: simple value"},
		{About: "path of 33 steps", Message: with(7, strings.Fields(strings.Repeat("a:a.b.c ", 33))), says: "array at byte 68 has 33 steps"},
		{About: "path as 16 arrays inside each other", Message: with(7, raw(strings.Repeat("81", 16)+"00")), says: "step 1: array"},
		{About: "path as a map", Message: with(7, map[int]string{0: "a:a.b.c"}), says: "path: map"},
		{About: "root, parent, waited and path null", Message: edited(func(i []any) []any { i[2], i[3], i[5], i[7] = nil, nil, nil, nil; return i }), says: "root: simple value"},
		{About: "step as a byte string", Message: with(7, []any{[]byte("a:a.b.c"), "a:a.b.c"}), says: "step 1: byte string"},
		{About: "step null", Message: with(7, []any{"a:a.b.c", nil}), says: "step 2: simple value"},
	}
	for _, step := range []string{
		"", "clue-1", ":a.b.c", "clue-1:", "clue-1:clue.answer", "clue-1:clue.answer.judged.x", "clue-1:clue..judged", "clue-1:.a.b", "clue-1:a.b.",
		"Clue-1:a.b.c", "clue 1:a.b.c", "clue.1:a.b.c", "clue-1:a.b.C", "clue-1:a.*.c", "clue-1:a.b.>", "clue-1:a:b.c.d", "clue-1:a.b.c\n", "clue-1:a.b.é",
		long + ":a.b.c", "a:" + long + "." + long + ".c",
	} {
		list = append(list, refusal{About: "step " + excerpt(step), Message: with(7, []string{"a:a.b.c", step}), says: "path, step 2: "})
	}
	for i := range list {
		list[i].Rerooted = true
	}
	return list
}

func idBytes(n byte) []byte { id := testID(n); return id[:] }

func TestDecodeEnvelopeRefuses(t *testing.T) {
	for _, test := range refusals() {
		t.Run(test.About, func(t *testing.T) {
			message := must(hex.DecodeString(test.Message))
			into := *typical()
			err := DecodeEnvelope(message, &into)
			if !errors.Is(err, ErrMalformed) || (test.is != nil && !errors.Is(err, test.is)) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("error %v; want one that says %q", err, test.says)
			}
			if test.is == nil && errors.Is(err, ErrVersion) {
				t.Errorf("error %v is about the version", err)
			}
			if len(into.Path) != 0 || into.Payload != nil || !into.ID.IsZero() {
				t.Errorf("left %+v behind", into)
			}
			if _, err := libraryDecode(message); err == nil {
				t.Error("the library's way accepts it")
			}
		})
	}
	if err := DecodeEnvelope(must(hex.DecodeString(with(0, 1))), new(Envelope)); err != nil {
		t.Errorf("the message that the cases are made of: %v", err)
	}
}

// testdata/refused.json is the same list for other implementations.
func TestRefusedVectors(t *testing.T) {
	const file = "testdata/refused.json"
	want := refusals()
	for i := range want {
		want[i].says, want[i].is = "", nil
	}
	if *update {
		writeJSON(t, file, want)
	}
	var got []refusal
	if err := json.Unmarshal(must(os.ReadFile(file)), &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s differs from the cases in this file; run go test -run Refused -update", file)
	}
}

// Every prefix of a good message is refused, and every message with one byte changed gives an error or an envelope:
// never a panic.
func TestDecodeEnvelopeDamaged(t *testing.T) {
	e := typical()
	e.Payload = must(AppendPayload(nil, &typicalPayload))
	message := must(AppendEnvelope(nil, e))
	var into Envelope
	for i := range message {
		if err := DecodeEnvelope(message[:i], &into); !errors.Is(err, ErrMalformed) {
			t.Fatalf("first %d bytes: %v", i, err)
		}
		for bit := range 8 {
			damaged := append([]byte(nil), message...)
			damaged[i] ^= 1 << bit
			err := DecodeEnvelope(damaged, &into)
			if _, libraryErr := libraryDecode(damaged); (err == nil) != (libraryErr == nil) {
				t.Fatalf("bit %d of byte %d: %v; by the library: %v", bit, i, err, libraryErr)
			}
		}
	}
}
