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

// refusal is one event that no implementation may take as it is.
type refusal struct {
	About    string `json:"about"`
	Event    string `json:"event"`              // hex
	Rerooted bool   `json:"rerooted,omitempty"` // only the record of its causes is damaged: it becomes a root
	says     string // what our error must contain
	is       error
}

// raw is one item in hex, for what the library would not write.
type raw string

// edited is the typical event with some of its elements replaced.
func edited(change func(items []any) []any) string {
	id := func(n byte) []byte { b := testID(n); return b[:] }
	items := []any{
		id(3), id(1), id(2), int64(1_522_000_000_123_456_789), 0, "Team",
		[]string{"clue-1:clue.answer.submitted", "clue-1:clue.answer.judged", "clue-1:clue.clue.solved"}, []byte{0xA0},
	}
	if change != nil {
		items = change(items)
	}
	event := hex.EncodeToString([]byte{0x80 | byte(len(items))})
	for _, item := range items {
		if item, ok := item.(raw); ok {
			event += string(item)
			continue
		}
		event += hex.EncodeToString(must(libraryEncoder.Marshal(item)))
	}
	return event
}

// with is the typical event with one element replaced.
func with(index int, item any) string {
	return edited(func(items []any) []any { items[index] = item; return items })
}

func refusals() []refusal { return append(malformedOnes(), damagedOnes()...) }

// malformedOnes are lost: their events cannot be read.
func malformedOnes() []refusal {
	return []refusal{
		{About: "nothing", Event: "", says: "cut short at byte 0"},
		{About: "cut short within an id", Event: edited(nil)[:38], says: "root: 16 bytes promised"},
		{About: "cut short within a head", Event: edited(nil)[:106], says: "time: cut short"},
		{About: "a byte too many", Event: edited(nil) + "00", says: "1 bytes follow the array"},
		{About: "a map in place of the array", Event: "a0", says: "map at byte 0; want array"},
		{About: "an empty array", Event: "80", says: "array of 0 elements"},
		{About: "seven elements", Event: edited(func(i []any) []any { return i[:7] }), says: "array of 7 elements"},
		{About: "nine elements", Event: edited(func(i []any) []any { return append(i, 0) }), says: "array of 9 elements"},
		{About: "an array of indefinite length", Event: "9f" + edited(nil)[2:] + "ff", says: "indefinite length at byte 0"},
		{About: "id of 15 bytes", Event: with(0, make([]byte, 15)), says: "has 15 bytes; want 16"},
		{About: "id of 17 bytes", Event: with(0, make([]byte, 17)), says: "has 17 bytes"},
		{About: "id of zeros", Event: with(0, make([]byte, 16)), says: "id is all zeros"},
		{About: "id as text", Event: with(0, "aaaaaaaaaaaaaaaa"), says: "id: text string"},
		{About: "id null", Event: with(0, nil), says: "id: simple value"},
		{About: "time as a float", Event: with(3, 1.5), says: "want an integer"},
		{About: "time as text", Event: with(3, "2018-03-25T17:46:40Z"), says: "want an integer"},
		{About: "time over 63 bits", Event: with(3, uint64(1)<<63), says: "does not fit"},
		{About: "time under 63 bits", Event: with(3, raw("3b8000000000000000")), says: "does not fit"},
		{About: "time null", Event: with(3, nil), says: "time: simple value"},
		{About: "time with a reserved first byte", Event: with(3, raw("1c")), says: "reserved first byte 0x1C"},
		{About: "key as a byte string", Event: with(5, []byte("Team")), says: "key: byte string"},
		{About: "key null", Event: with(5, nil), says: "key: simple value"},
		{About: "key of 1,025 bytes", Event: with(5, strings.Repeat("k", 1025)), says: "at most 1024"},
		{About: "key that is not UTF-8", Event: with(5, raw("62c328")), says: "not valid UTF-8", is: ErrKeyNotUTF8},
		{About: "key of indefinite length", Event: with(5, raw("7f6161ff")), says: "indefinite length"},
		{About: "root with a tag", Event: with(1, raw("c150"+strings.Repeat("01", 16))), says: "root: tag"},
		{About: "parent as text that is not UTF-8", Event: with(2, raw("62c328")), says: "parent: text string"},
		{About: "age as 17 arrays inside each other", Event: with(4, raw(strings.Repeat("81", 17)+"00")), says: "age: array"},
		{About: "path that promises 2^32 steps", Event: with(6, raw("9affffffff")), says: "4294967295 steps"},
		{About: "path of indefinite length", Event: with(6, raw("9f67613a612e622e63ff")), says: "indefinite length"},
		{About: "root null, payload null", Event: edited(func(i []any) []any { i[1], i[7] = nil, nil; return i }), says: "root: simple value"},
		{About: "payload as a map", Event: with(7, map[int]int{}), says: "payload: map"},
		{About: "payload null", Event: with(7, nil), says: "payload: simple value"},
		{About: "payload of no bytes", Event: with(7, []byte{}), says: "payload is empty"},
		{About: "payload that promises 2^63 bytes", Event: with(7, raw("5b8000000000000000")), says: "9223372036854775808 bytes"},
	}
}

// damagedOnes are good but for the record of their causes.
func damagedOnes() []refusal {
	long := strings.Repeat("a", 65)
	list := []refusal{
		{About: "root of zeros", Event: with(1, make([]byte, 16)), says: "root is all zeros"},
		{About: "root null", Event: with(1, nil), says: "root: simple value"},
		{About: "a child whose root is itself", Event: with(1, idBytes(3)), says: "path must be one step"},
		{About: "a child without a parent", Event: with(2, nil), says: "must have a parent"},
		{About: "parent undefined", Event: with(2, raw("f7")), says: "parent: simple value"},
		{About: "parent of zeros", Event: with(2, make([]byte, 16)), says: "no parent is null"},
		{About: "parent of no bytes", Event: with(2, []byte{}), says: "has 0 bytes; want 16"},
		{About: "an event that is its own parent", Event: with(2, idBytes(3)), says: "its own parent"},
		{About: "a root that is its own parent", Event: edited(func(i []any) []any { i[1], i[2], i[6] = i[0], i[0], []string{"a:a.b.c"}; return i }), says: "its own parent"},
		{About: "a root whose path has three steps", Event: edited(func(i []any) []any { i[1], i[2] = i[0], nil; return i }), says: "path must be one step"},
		{About: "a root whose root is another event", Event: edited(func(i []any) []any { i[2], i[6] = nil, []string{"a:a.b.c"}; return i }), says: "must have a parent"},
		{About: "a root that has an age", Event: edited(func(i []any) []any { i[1], i[2], i[4], i[6] = i[0], nil, 1, []string{"a:a.b.c"}; return i }), says: "a root has no age"},
		{About: "a child whose path has one step", Event: with(6, []string{"a:a.b.c"}), says: "two steps or more"},
		{About: "age negative", Event: with(4, -1), says: "age: negative integer"},
		{About: "age over 63 bits", Event: with(4, uint64(1)<<63), says: "over 2^63-1"},
		{About: "age as a float", Event: with(4, 0.0), says: "age: simple value"},
		{About: "age null", Event: with(4, nil), says: "age: simple value"},
		{About: "path empty", Event: with(6, []string{}), says: "path is empty"},
		{About: "path null", Event: with(6, nil), says: "path: simple value"},
		{About: "path of 33 steps", Event: with(6, strings.Fields(strings.Repeat("a:a.b.c ", 33))), says: "array at byte 67 has 33 steps"},
		{About: "path as 16 arrays inside each other", Event: with(6, raw(strings.Repeat("81", 16)+"00")), says: "step 1: array"},
		{About: "path as a map", Event: with(6, map[int]string{0: "a:a.b.c"}), says: "path: map"},
		{About: "root, parent, age and path null", Event: edited(func(i []any) []any { i[1], i[2], i[4], i[6] = nil, nil, nil, nil; return i }), says: "root: simple value"},
		{About: "step as a byte string", Event: with(6, []any{[]byte("a:a.b.c"), "a:a.b.c"}), says: "step 1: byte string"},
		{About: "step null", Event: with(6, []any{"a:a.b.c", nil}), says: "step 2: simple value"},
	}
	for _, step := range []string{
		"", "clue-1", ":a.b.c", "clue-1:", "clue-1:clue.answer", "clue-1:clue.answer.judged.x", "clue-1:clue..judged", "clue-1:.a.b", "clue-1:a.b.",
		"Clue-1:a.b.c", "clue 1:a.b.c", "clue.1:a.b.c", "clue-1:a.b.C", "clue-1:a.*.c", "clue-1:a.b.>", "clue-1:a:b.c.d", "clue-1:a.b.c\n", "clue-1:a.b.é",
		long + ":a.b.c", "a:" + long + "." + long + ".c",
	} {
		list = append(list, refusal{About: "step " + excerpt(step), Event: with(6, []string{"a:a.b.c", step}), says: "path, step 2: "})
	}
	for i := range list {
		list[i].Rerooted = true
	}
	return list
}

func idBytes(n byte) []byte { id := testID(n); return id[:] }

func TestDecodeEventRefuses(t *testing.T) {
	for _, test := range refusals() {
		t.Run(test.About, func(t *testing.T) {
			event := must(hex.DecodeString(test.Event))
			into := *typical()
			err := DecodeEvent(event, &into)
			if !errors.Is(err, ErrMalformed) || (test.is != nil && !errors.Is(err, test.is)) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("error %v; want one that says %q", err, test.says)
			}
			if len(into.Path) != 0 || into.Payload != nil || !into.ID.IsZero() {
				t.Errorf("left %+v behind", into)
			}
			if _, err := libraryDecode(event); err == nil {
				t.Error("the library's way accepts it")
			}
		})
	}
	if err := DecodeEvent(must(hex.DecodeString(edited(nil))), new(Envelope)); err != nil {
		t.Errorf("the event that the cases are made of: %v", err)
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

// Every prefix of a good event is refused, and every event with one byte changed gives an error or
// an envelope: never a panic.
func TestDecodeEventDamaged(t *testing.T) {
	e := typical()
	e.Payload = must(AppendPayload(nil, &typicalPayload))
	message := must(AppendEvent(nil, e))
	var into Envelope
	for i := range message {
		if err := DecodeEvent(message[:i], &into); !errors.Is(err, ErrMalformed) {
			t.Fatalf("first %d bytes: %v", i, err)
		}
		for bit := range 8 {
			damaged := append([]byte(nil), message...)
			damaged[i] ^= 1 << bit
			err := DecodeEvent(damaged, &into)
			if _, libraryErr := libraryDecode(damaged); (err == nil) != (libraryErr == nil) {
				t.Fatalf("bit %d of byte %d: %v; by the library: %v", bit, i, err, libraryErr)
			}
		}
	}
}
