package wire

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// vector1 is a golden vector of version 1.
type vector1 struct {
	name     string
	waited   int64
	envelope *Envelope // without the age
	message  []byte
}

func vectorsOfVersion1(t testing.TB) (vectors []vector1) {
	t.Helper()
	files := must(filepath.Glob("testdata/version1/*.json"))
	if len(files) < 8 {
		t.Fatalf("%d vectors in testdata/version1; the files are missing", len(files))
	}
	for _, file := range files {
		var d struct {
			description
			Waited json.Number `json:"waited"`
		}
		if err := readJSON(file, &d); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		d.Age = "0"
		name := strings.TrimSuffix(file, ".json")
		vectors = append(vectors, vector1{filepath.Base(name), must(d.Waited.Int64()), d.envelope(), readHex(name + ".hex")})
	}
	return vectors
}

// What version 1 stored is read as it was meant, and so is what is made of it for readers of this
// version.
func TestStoredOfVersion1(t *testing.T) {
	for _, v := range vectorsOfVersion1(t) {
		t.Run(v.name, func(t *testing.T) {
			want := *v.envelope
			want.Age = ageOf(&want, v.waited)
			if v.name == "waited-a-day" && want.Age == 0 {
				t.Error("the vector has no age")
			}
			var got, again Envelope
			if err := DecodeStored(v.message, &got); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%+v, %v\nwant %+v", got, err, want)
			}
			events, err := SplitStored(v.message, nil)
			if err != nil || len(events) != 1 {
				t.Fatalf("split into %d events: %v", len(events), err)
			}
			if err := DecodeEvent(events[0], &again); err != nil || !reflect.DeepEqual(again, want) {
				t.Errorf("split %+v, %v\nwant %+v", again, err, want)
			}
			if _, err := SplitContainer(v.message, nil); !errors.Is(err, ErrVersion) {
				t.Errorf("over a link: %v", err)
			}
		})
	}
}

func TestStoredContainers(t *testing.T) {
	vectors := goldenVectors(t)
	one, two := vectors[0], vectors[1]
	var e Envelope
	if err := DecodeStored(one.message, &e); err != nil || !reflect.DeepEqual(&e, one.envelope) {
		t.Errorf("%+v, %v", e, err)
	}
	both := AppendContainer(nil, one.event, two.event)
	if err := DecodeStored(both, &e); !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), "it holds 2 events") || !e.ID.IsZero() {
		t.Errorf("two events: %v, left %+v", err, e)
	}
	if events, err := SplitStored(both, nil); err != nil || !reflect.DeepEqual(events, [][]byte{one.event, two.event}) {
		t.Errorf("%x, %v", events, err)
	}
}

// The sums of version 1 saturate: nothing that somebody makes up is negative, or young.
func TestAgesThatSomebodyMadeUp(t *testing.T) {
	const most = math.MaxInt64
	for _, test := range []struct {
		root         uint64 // milliseconds
		time, waited int64
		want         time.Duration
	}{
		{0, most, 0, most},
		{0, most, most, 0},
		{0, math.MinInt64, 0, 0},
		{0, math.MinInt64, most, 0},
		{1<<48 - 1, math.MinInt64, most, 0},
		{1<<48 - 1, most, 0, time.Duration(most % int64(time.Millisecond))}, // a root that is yet to come
		{1000, int64(3 * time.Second), int64(time.Second), time.Second},
	} {
		e := Envelope{ID: ID{1}, Time: test.time}
		binary.BigEndian.PutUint64(e.Root[:], test.root<<16)
		e.Root[15] = 1
		if got := ageOf(&e, test.waited); got != test.want {
			t.Errorf("root %d, time %d, waited %d: age %v, want %v", test.root, test.time, test.waited, got, test.want)
		}
	}
	if age := ageOf(&Envelope{ID: ID{1}, Root: ID{1}, Time: 5}, 0); age != 0 {
		t.Errorf("a root has an age of %v", age)
	}
}

// FuzzDecodeStored holds the decoder of both versions against the library.
func FuzzDecodeStored(f *testing.F) {
	for _, v := range vectorsOfVersion1(f) {
		f.Add(v.message)
	}
	for _, vector := range goldenVectors(f) {
		f.Add(vector.message)
	}
	for _, refused := range refusals() {
		if event := must(hex.DecodeString(refused.Event)); len(event) > 0 && event[0] == 0x88 {
			f.Add(append([]byte{0x89, 1}, event[1:]...))
			f.Add(AppendContainer(nil, event))
		}
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		var e, again Envelope
		err := DecodeStored(message, &e)
		want, libraryErr := libraryStored(message)
		if (err == nil) != (libraryErr == nil) {
			t.Fatalf("%x\nby hand: %v\nby the library: %v", message, err, libraryErr)
		}
		events, splitErr := SplitStored(message, nil)
		if err != nil {
			if !errors.Is(err, ErrMalformed) || len(err.Error()) > 600 || !e.ID.IsZero() {
				t.Fatalf("%x: %v, left %+v", message, err, e)
			}
			return
		}
		compareWithLibrary(t, &e, want)
		if splitErr != nil || len(events) != 1 || DecodeEvent(events[0], &again) != nil || !reflect.DeepEqual(e, again) {
			t.Fatalf("%x holds %+v; split %+v, %v", message, e, again, splitErr)
		}
	})
}

// libraryStored applies the rules of both versions.
func libraryStored(message []byte) (*libraryEnvelope, error) {
	if len(message) > MaxMessageBytes {
		return nil, errors.New("too large")
	}
	var items []cbor.RawMessage
	if err := libraryDecoder.Unmarshal(message, &items); err == nil && len(items) == 9 {
		var version uint64
		if typeIn(items[0][0], "\x00") && libraryDecoder.Unmarshal(items[0], &version) == nil && version == 1 {
			return libraryDecode1(message)
		}
	}
	events, err := librarySplit(message)
	if err != nil {
		return nil, err
	}
	if len(events) != 1 {
		return nil, errors.New("more than one event")
	}
	return libraryDecode(bytes.Clone(events[0]))
}
