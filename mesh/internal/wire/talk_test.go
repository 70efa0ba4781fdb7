package wire

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"pgregory.net/rapid"
)

// talks are one message of each kind, with each field set.
func talks() []any {
	nonce := ID{1, 2, 3}
	return []any{
		&Hello{Nonce: nonce, MaxPayload: 65536, Imports: []HelloImport{{Type: "clue.clue.solved", Ordered: 1, Handlers: []string{"count"}, Events: 512, Bytes: 1 << 24, Stream: "S", Handled: 7, Each: true, Limits: []HelloLimit{{Every: 5_000_000, Burst: 20}}}}, Link: 4, Release: "v1.2.3"},
		&Welcome{Nonce: nonce, Exporter: "clue-1", MaxPayload: 65536, Imports: []WelcomeImport{{Type: "clue.clue.solved", Problem: "no", Stream: "S", Last: 9}}, Release: "v1.2.3", Time: 1e18},
		&Batch{Nonce: nonce, Type: "clue.clue.solved", Events: []BatchEvent{{Sequence: 8, Tries: 2, Done: []string{"count"}, Message: []byte{0x80}, More: true, From: 2}}, Number: 3},
		&Answers{Nonce: nonce, Answers: []Answer{{Type: "clue.clue.solved", Sequence: 8, Verdict: Again, After: 5, Done: []string{"count"}}}, Got: 3},
		&Goodbye{Nonce: nonce},
		&Taken{Nonce: nonce, Types: []TakenType{{Type: "clue.clue.solved", Run: 4, Count: 5}}},
		&Keep{Roots: []ID{{1}, {2}}},
		&Question{Number: ID{7}, Wait: 1e9, IDs: []ID{{1}}, Asked: []string{"clue-1", "score-1"}},
		&Report{Number: ID{7}, Part: []byte("{}"), More: true, End: true},
		&SignedQuestion{Number: ID{7}, Wait: 1e9, Asked: []string{"clue-1"}, Subject: "mesh.ops.all.stats", Body: []byte("1"), Operator: "U", Nonce: "N", Expires: "1", Signature: "S"},
		&Paths{Nonce: nonce, Paths: []NumberedPath{{Number: 7 * MaxLinkPaths, Steps: []string{"clue-1:clue.clue.solved"}}}},
		&KnownPaths{Nonce: nonce, Numbers: []uint64{7 * MaxLinkPaths}},
	}
}

func TestTalkComesBack(t *testing.T) {
	for _, message := range talks() {
		data, err := EncodeTalk(message)
		if err != nil {
			t.Fatal(err)
		}
		got, err := DecodeTalk(data)
		if err != nil || !reflect.DeepEqual(got, message) {
			t.Errorf("got %+v, %v; want %+v", got, err, message)
		}
		for n := range data { // cut anywhere it is malformed, and nothing else
			if _, err := DecodeTalk(data[:n]); !errors.Is(err, ErrMalformed) {
				t.Fatalf("%T cut after %d bytes: %v", message, n, err)
			}
		}
		if _, err := DecodeTalk(append(bytes.Clone(data), 0)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%T with a byte more: %v", message, err)
		}
	}
	if _, err := EncodeTalk(1); !errors.Is(err, ErrInvalid) {
		t.Errorf("a number: %v", err)
	}
}

func TestTalkThatIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		message any
		says    string
	}{
		"nothing":            {nil, "talk"},
		"no array":           {map[int]int{1: 2}, "talk"},
		"another version":    {[]any{3, 1, make([]byte, 16)}, "upgrade exporters before their readers"},
		"an unknown kind":    {[]any{2, 99, make([]byte, 16)}, "unknown kind 99"},
		"fields missing":     {[]any{2, 1, make([]byte, 16)}, "talk"},
		"a short nonce":      {[]any{2, 5, make([]byte, 3)}, "talk"},
		"a negative number":  {[]any{2, 1, make([]byte, 16), -1, []any{}}, "talk"},
		"a text for a type":  {[]any{2, 3, make([]byte, 16), 7, []any{}}, "talk"},
		"no roots":           {[]any{2, 7, []any{}}, "0 ids"},
		"too many roots":     {[]any{2, 7, make([][16]byte, MaxTalkRoots+1)}, "talk"},
		"too many ids":       {[]any{2, 8, make([]byte, 16), 1, slices.Repeat([]any{make([]byte, 16)}, MaxTalkRoots+1), []any{}}, "65 ids"},
		"too many asked":     {[]any{2, 8, make([]byte, 16), 1, []any{make([]byte, 16)}, slices.Repeat([]any{"clue-1"}, MaxTalkAsked+1)}, "257 nodes"},
		"a long signature":   {[]any{2, 10, make([]byte, 16), 1, []any{}, "", []byte{}, "", "", "", strings.Repeat("a", 257)}, "257 bytes"},
		"no asker's name":    {[]any{2, 10, make([]byte, 16), 1, []any{"clue\n1"}, "", []byte{}, "", "", "", ""}, "node name"},
		"a number too large": {[]any{2, 11, make([]byte, 16), []any{[]any{uint64(1) << 32, []string{"a-1:a.b.c"}}}}, "number 4294967296"},
		"two processes":      {[]any{2, 11, make([]byte, 16), []any{[]any{1, []string{"a-1:a.b.c"}}, []any{MaxLinkPaths, []string{"a-1:a.b.c"}}}}, "not of one process"},
		"too many paths":     {[]any{2, 11, make([]byte, 16), make([]any, MaxLinkPaths+1)}, "talk"},
		"too many numbers":   {[]any{2, 12, make([]byte, 16), make([]uint64, MaxLinkPaths+1)}, "talk"},
		"a path of no steps": {[]any{2, 11, make([]byte, 16), []any{[]any{1, []string{}}}}, "0 steps"},
		"a path too long":    {[]any{2, 11, make([]byte, 16), []any{[]any{1, slices.Repeat([]string{"a-1:a.b.c"}, MaxPathSteps+1)}}}, "33 steps"},
		"no step":            {[]any{2, 11, make([]byte, 16), []any{[]any{1, []string{"a-1"}}}}, "no colon"},
		"no node's name":     {[]any{2, 8, make([]byte, 16), 1, []any{make([]byte, 16)}, []any{"clue\n1"}}, "node name"},
		"too many imports":   {[]any{2, 1, make([]byte, 16), 1, make([]any, MaxTalkImports+1)}, "talk"},
	} {
		data, err := cbor.Marshal(test.message)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := DecodeTalk(data); !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A byte string that promises 2^62 bytes: 0 to a library whose int has 32 bits.
	long := append([]byte{0x83, 2, byte(kindGoodbye), 0x5b, 0x40}, make([]byte, 7)...)
	if _, err := DecodeTalk(long); !errors.Is(err, ErrMalformed) {
		t.Errorf("a promise of 2^62 bytes: %v", err)
	}
	data, _ := cbor.Marshal([]any{3, 1, make([]byte, 16)}) // these can be encoded
	if _, err := DecodeTalk(data); !errors.Is(err, ErrVersion) {
		t.Errorf("another version: %v", err)
	}
}

// Whatever a peer sends: it is a message, which is encoded the same again, or malformed.
func FuzzDecodeTalk(f *testing.F) {
	for _, message := range talks() {
		data, err := EncodeTalk(message)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte{0x9b, 0x40, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		message, err := DecodeTalk(data)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatalf("%v is not malformed", err)
			}
			return
		}
		again, err := EncodeTalk(message)
		if err != nil {
			t.Fatal(err)
		}
		if twice, err := DecodeTalk(again); err != nil || !reflect.DeepEqual(twice, message) {
			t.Fatalf("%+v came back as %+v, %v", message, twice, err)
		}
	})
}

func TestAnyBatchComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := &Batch{Type: rapid.String().Draw(t, "type")}
		for range rapid.IntRange(0, 20).Draw(t, "events") {
			b.Events = append(b.Events, BatchEvent{Sequence: rapid.Uint64().Draw(t, "sequence"), Tries: rapid.Uint64().Draw(t, "tries"),
				Message: rapid.SliceOfN(rapid.Byte(), 1, 50).Draw(t, "message"), More: rapid.Bool().Draw(t, "more")})
		}
		data, err := EncodeTalk(b)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := DecodeTalk(data); err != nil || !reflect.DeepEqual(got, b) {
			t.Fatalf("%+v came back as %+v, %v", b, got, err)
		}
	})
}
