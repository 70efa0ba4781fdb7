package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"pgregory.net/rapid"
)

// A message becomes a root exactly if only the record of its causes is damaged.
func TestReroot(t *testing.T) {
	for _, test := range refusals() {
		t.Run(test.About, func(t *testing.T) {
			e := *typical()
			e.Age = 1 // all that was there is overwritten
			err := Reroot(must(hex.DecodeString(test.Event)), "clue.clue.solved", &e)
			if !test.Rerooted {
				if !errors.Is(err, ErrMalformed) || len(e.Path) != 0 || e.Payload != nil || !e.ID.IsZero() {
					t.Errorf("error %v, left %+v", err, e)
				}
				return
			}
			want := Envelope{ID: testID(3), Root: testID(3), Time: 1_522_000_000_123_456_789, Key: "Team",
				Path: steps("unknown:clue.clue.solved"), Payload: []byte{0xA0}}
			if err != nil || !reflect.DeepEqual(e, want) {
				t.Errorf("%+v, %v\nwant %+v", e, err, want)
			}
		})
	}
	for _, subject := range []string{"", "clue.clue", "clue.clue.solved.Team", "clue.*.solved"} {
		if err := Reroot(must(hex.DecodeString(with(1, nil))), subject, new(Envelope)); !errors.Is(err, ErrMalformed) {
			t.Errorf("on subject %q: %v", subject, err)
		}
	}
}

// Of a good message too, all but the causes stays.
func TestRerootKeepsTheEvent(t *testing.T) {
	var e Envelope
	rapid.Check(t, func(t *rapid.T) {
		want := drawEnvelope(t)
		if err := Reroot(must(AppendEvent(nil, want)), string(want.Subject()), &e); err != nil {
			t.Fatal(err)
		}
		want.Root, want.Parent, want.Age = want.ID, ID{}, 0
		want.Path = steps(UnknownNode + ":" + string(want.Subject()))
		if !reflect.DeepEqual(&e, want) {
			t.Fatalf("%+v\nwant %+v", e, want)
		}
	})
}

// FuzzReroot holds the second look against the library and the text of docs/wire.md.
func FuzzReroot(f *testing.F) {
	for _, vector := range goldenVectors(f) {
		f.Add(vector.event)
	}
	for _, refused := range refusals() {
		f.Add(must(hex.DecodeString(refused.Event)))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		var e, again Envelope
		err := Reroot(message, "clue.clue.solved", &e)
		want, libraryErr := libraryReroot(message)
		if err != nil {
			if !errors.Is(err, ErrMalformed) || len(err.Error()) > 600 || e.Payload != nil {
				t.Fatalf("%x: %v, left %+v", message, err, e)
			}
			if DecodeEvent(message, &e) == nil {
				t.Fatalf("%x is a good message: %v", message, err)
			}
			// The library does not look into text that it passes over.
			if libraryErr == nil && !strings.Contains(err.Error(), "not valid UTF-8") {
				t.Fatalf("%x: %v; the library accepts it", message, err)
			}
			return
		}
		if libraryErr != nil {
			t.Fatalf("%x becomes a root; by the library: %v", message, libraryErr)
		}
		compareWithLibrary(t, &e, want)
		if err := DecodeEvent(must(AppendEvent(nil, &e)), &again); err != nil || !reflect.DeepEqual(e, again) {
			t.Fatalf("%x gives %+v, which comes back as %+v: %v", message, e, again, err)
		}
	})
}

// damagedDecoder passes over whatever a payload could hold.
var damagedDecoder = must(cbor.DecOptions{
	MaxNestedLevels:  1 + MaxNesting,
	MaxArrayElements: MaxArrayElements,
	MaxMapPairs:      MaxMapPairs,
	IndefLength:      cbor.IndefLengthForbidden,
	TagsMd:           cbor.TagsForbidden,
}.DecMode())

// libraryReroot puts good causes in the place of the message's own, and decodes the result.
func libraryReroot(message []byte) (*libraryEnvelope, error) {
	if len(message) > MaxEventBytes {
		return nil, errors.New("too large")
	}
	var items []cbor.RawMessage
	if err := damagedDecoder.Unmarshal(message, &items); err != nil {
		return nil, err
	}
	if len(items) != 8 {
		return nil, fmt.Errorf("%d elements", len(items))
	}
	short := typeIn(items[0][0], "\x00")
	if short { // its time is one since the moment of its id
		items = append(slices.Clone(items[1:7]), nil, items[7])
	}
	items[1], items[2], items[4] = items[0], cbor.RawMessage{0xF6}, cbor.RawMessage{0}
	items[6] = must(libraryEncoder.Marshal([]string{"unknown:clue.clue.solved"}))
	e, err := libraryDecode(append([]byte{0x88}, bytes.Join(asBytes(items), nil)...))
	if err == nil && short {
		e.Time += ID(e.ID).moment()
	}
	return e, err
}

func asBytes(items []cbor.RawMessage) (list [][]byte) {
	for _, item := range items {
		list = append(list, item)
	}
	return list
}
