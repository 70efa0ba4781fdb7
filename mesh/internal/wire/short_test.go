package wire

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"pgregory.net/rapid"
)

// firstNumber is the number of the first path in these tests.
const firstNumber uint64 = 0xABCDE * MaxLinkPaths

// told is a dictionary that knows paths, and how many numbers there are.
func told(t testing.TB, paths ...[][]byte) *Dictionary {
	t.Helper()
	var list []NumberedPath
	for i, path := range paths {
		p := NumberedPath{Number: firstNumber + uint64(i)}
		for _, step := range path {
			p.Steps = append(p.Steps, string(step))
		}
		list = append(list, p)
	}
	return must((*Dictionary)(nil).Learn(list))
}

// The short form of each golden event is that of its file, and comes back as the event.
func TestGoldenShort(t *testing.T) {
	for _, v := range goldenVectors(t) {
		file := "testdata/short/" + v.name + ".hex"
		short, err := AppendShort(nil, v.envelope, firstNumber, len(v.envelope.Path))
		if err != nil {
			t.Fatal(err)
		}
		if *update {
			writeHex(t, file, short)
		}
		if want := readHex(file); !bytes.Equal(short, want) {
			t.Errorf("%s: encoded %x, want %x", v.name, short, want)
		}
		var e Envelope
		if err := DecodeLinked(short, &e, told(t, v.envelope.Path), 0); err != nil || !e.IsShort || e.Number != firstNumber {
			t.Errorf("%s: %v, number %d", v.name, err, e.Number)
		}
		if again := must(AppendEvent(nil, &e)); !bytes.Equal(again, v.event) {
			t.Errorf("%s: %x, want %x", v.name, again, v.event)
		}
	}
}

// Whatever the event, its short form comes back as it was and is lengthened to the same bytes. It
// is longer by no more than a number that the path is too short for. A reader that was not told its
// path makes a root of it. Cut anywhere it is malformed.
func TestShortComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := drawEnvelope(t)
		shared := rapid.IntRange(0, 16).Draw(t, "shared") // ids of one moment begin alike
		copy(e.Root[:shared], e.ID[:])
		if !e.Parent.IsZero() {
			copy(e.Parent[:rapid.IntRange(0, 16).Draw(t, "shared with the root")], e.Root[:])
		}
		if e.check() != nil {
			t.Skip("it breaks a rule now")
		}
		long, number := must(AppendEvent(nil, e)), rapid.Uint64Range(0, 1<<32-1).Draw(t, "number")
		d := must((*Dictionary)(nil).Learn([]NumberedPath{{Number: number, Steps: textsOf(e.Path)}}))
		short := must(AppendShort([]byte("before"), e, number, len(e.Path)))
		if !bytes.HasPrefix(short, []byte("before")) {
			t.Fatalf("%x", short)
		}
		if short = short[len("before"):]; len(short) > len(long)+5 {
			t.Fatalf("%d bytes, whole %d", len(short), len(long))
		}
		var got Envelope
		if err := DecodeLinked(short, &got, d, 0); err != nil {
			t.Fatal(err)
		}
		if again := must(AppendEvent(nil, &got)); !bytes.Equal(again, long) {
			t.Fatalf("came back as %x, was %x", again, long)
		}
		indexed := must(AppendShort(nil, e, Index(number), len(e.Path)))
		if err := DecodeLinked(indexed, &got, d, ProcessOf(number)); err != nil || got.Number != number || len(indexed) > len(short) {
			t.Fatalf("by its index: %x, %v", indexed, err)
		}
		if again := Lengthen(short, d); !bytes.Equal(again, long) {
			t.Fatalf("lengthened to %x, was %x", again, long)
		}
		if same := Lengthen(long, nil); !bytes.Equal(same, long) {
			t.Fatalf("a whole event became %x", same)
		}
		if again, ok := Shorten([]byte("before"), long, number); !ok || !bytes.Equal(again, append([]byte("before"), short...)) {
			t.Fatalf("shortened to %x, is %x", again, short)
		}
		if n, ok := ShortNumber(short); !ok || n != number {
			t.Fatalf("number %d, %v", n, ok)
		}
		if _, ok := ShortNumber(long); ok {
			t.Fatal("a whole event has a number")
		}
		if path := PathOf(long); !bytes.Contains(long, path) || path[0]&0xE0 != byte(majorArray)<<5 {
			t.Fatalf("its path is %x", path)
		}
		if err := DecodeLinked(long, &got, nil, 0); err != nil || got.IsShort {
			t.Fatalf("a whole event: %v", err)
		}
		if err := DecodeEvent(short, &got); !errors.Is(err, ErrMalformed) {
			t.Fatalf("what is for a link alone was read without one: %v", err)
		}
		if same := Lengthen(short, nil); !bytes.Equal(same, short) {
			t.Fatal("lengthened without a dictionary")
		}
		if err := Reroot(short, "clue.answer.judged", &got); err != nil || got.ID != e.ID || got.Time != e.Time || got.Key != e.Key || !bytes.Equal(got.Payload, e.Payload) {
			t.Fatalf("without its path: %+v, %v", got, err)
		}
		if _, ok := Shorten(nil, long[:rapid.IntRange(0, 35).Draw(t, "shortened")], number); ok {
			t.Fatal("what is cut short was shortened")
		}
		cut := rapid.IntRange(0, len(short)-1).Draw(t, "cut")
		if err := DecodeLinked(short[:cut], &got, d, 0); !errors.Is(err, ErrMalformed) || !got.ID.IsZero() {
			t.Fatalf("cut after %d bytes: %v", cut, err)
		}
	})
}

func textsOf(path [][]byte) (steps []string) {
	for _, step := range path {
		steps = append(steps, string(step))
	}
	return steps
}

// A usual short event has less than half of the bytes of the whole one.
func TestShortIsSmall(t *testing.T) {
	e := &Envelope{ID: ID{1, 2, 3, 4, 5, 6, 7, 7, 7}, Root: ID{1, 2, 3, 4, 5, 1, 9, 9, 9}, Time: (ID{1, 2, 3, 4, 5, 6, 7, 7}).moment() + 200, Age: 120_000, Key: "team-7",
		Path: steps("clue-1:clue.answer.submitted", "clue-1:clue.answer.judged"), Payload: []byte{0xA0}}
	e.Parent = e.Root
	if whole, short := must(AppendEvent(nil, e)), must(AppendShort(nil, e, firstNumber, 2)); len(whole) != 133 || len(short) != 1+5+17+12+1+2+5+7+2 {
		t.Errorf("%d bytes, and %d whole", len(short), len(whole))
	}
}

func TestShortThatIsRefused(t *testing.T) {
	path := steps("clue-1:clue.answer.submitted", "clue-1:clue.answer.judged")
	id, root := make([]byte, 16), []byte{2}
	id[0] = 1
	good := []any{firstNumber, id, root, []byte{}, 1, 2, "k", []byte{0xA0}}
	with := func(at int, value any) []any {
		changed := slices.Clone(good)
		changed[at] = value
		return changed
	}
	d := told(t, path, path[:1])
	var e Envelope
	if err := DecodeLinked(must(cbor.Marshal(good)), &e, d, 0); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		event any
		says  string
	}{
		"a number that nobody told":   {with(0, firstNumber+2), "path: number 2882396162 is of no path"},
		"one of another process":      {with(0, 7), "path: number 7 is of no path"},
		"one that is negative":        {with(0, -1), "id: negative integer"},
		"one over 2^63":               {with(0, uint64(1)<<63), "of no path"},
		"an id that is short":         {with(1, id[:15]), "id: byte string"},
		"an id of zeros":              {with(1, make([]byte, 16)), "id is all zeros"},
		"a root that is too long":     {with(2, make([]byte, 17)), "root: byte string"},
		"a root that is text":         {with(2, "a"), "root: text string"},
		"a root of zeros":             {slices.Replace(with(2, make([]byte, 16)), 3, 4, any(id)), "root is all zeros"},
		"a parent of zeros":           {with(3, make([]byte, 16)), "parent: all zeros"},
		"no parent":                   {with(3, nil), "must have a parent"},
		"its own parent":              {with(3, id), "not its own parent"},
		"the path of a root":          {with(0, firstNumber+1), "path two steps"},
		"a root with a longer path":   {slices.Replace(with(2, []byte{}), 3, 4, any(root)), "path must be one step"},
		"a time that is text":         {with(4, "now"), "time: text"},
		"an age that is negative":     {with(5, -2), "age: negative"},
		"a key that is bytes":         {with(6, []byte("k")), "key: byte string"},
		"a key that is too long":      {with(6, strings.Repeat("k", MaxKeyBytes+1)), "key: text string"},
		"a payload without bytes":     {with(7, []byte{}), "payload is empty"},
		"a field more":                {append(slices.Clone(good), 1), "array of 9 elements"},
		"the path behind the number":  {with(1, textsOf(path)), "id: array"},
		"an event that is not linked": {[]any{id, id, nil, 1, 0, "k", []string{}, []byte{0xA0}}, "path is empty"},
	} {
		if err := DecodeLinked(must(cbor.Marshal(test.event)), &e, d, 0); !errors.Is(err, ErrMalformed) || !strings.Contains(fmt.Sprint(err), test.says) || !e.ID.IsZero() {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := AppendShort(nil, &Envelope{ID: ID{1}, Root: ID{1}, Key: "\xff", Payload: []byte{0xA0}}, 1, 1); !errors.Is(err, ErrKeyNotUTF8) || !errors.Is(err, ErrInvalid) {
		t.Error(err)
	}
	if _, err := AppendShort(nil, &Envelope{ID: ID{1}, Root: ID{1}, Payload: make([]byte, MaxEventBytes)}, 1, 1); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
}

func TestDictionaryLearns(t *testing.T) {
	first, second := steps("a-1:a.b.c"), steps("a-1:a.b.c", "b-1:d.e.f")
	d := told(t, first)
	more := must(d.Learn([]NumberedPath{{Number: firstNumber + 9, Steps: textsOf(second)}, {Number: firstNumber, Steps: textsOf(second)}}))
	for name, test := range map[string]struct {
		d      *Dictionary
		number uint64
		want   [][]byte
	}{
		"the first":                  {d, firstNumber, first},
		"one not told yet":           {d, firstNumber + 9, nil},
		"told later":                 {more, firstNumber + 9, second},
		"between":                    {more, firstNumber + 8, nil},
		"said again, otherwise":      {more, firstNumber, second},
		"before":                     {more, firstNumber - 1, nil},
		"of nobody":                  {nil, firstNumber, nil},
		"after nothing was told":     {must(more.Learn(nil)), firstNumber, second},
		"of a process before":        {must(more.Learn([]NumberedPath{{Number: 5, Steps: textsOf(first)}})), firstNumber, nil},
		"of one that has begun anew": {must(more.Learn([]NumberedPath{{Number: 5, Steps: textsOf(first)}})), 5, first},
	} {
		if got := test.d.Path(test.number); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}

	e := typical()
	e.Payload = []byte{0xA0}
	if err := DecodeLinked(must(AppendShort(nil, e, MaxLinkPaths, 3)), new(Envelope), more, firstNumber); err == nil || !strings.Contains(err.Error(), "index 4096") {
		t.Errorf("an index too large: %v", err)
	}
	var large []NumberedPath
	step := "a-1:" + strings.Repeat("a", 100) + ".b.c"
	for i := range uint64(MaxLinkPaths) {
		large = append(large, NumberedPath{Number: firstNumber + i, Steps: slices.Repeat([]string{step}, 3)})
	}
	if same, err := d.Learn(large); !errors.Is(err, ErrMalformed) || same != d {
		t.Errorf("too many bytes: %v", err)
	}
}
