package wire

import (
	"errors"
	"math/big"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
)

type (
	tree struct {
		Name string  `cbor:"1,keyasint"`
		Next []*tree `cbor:"2,keyasint"`
	}
	user struct {
		Groups []*group `cbor:"1,keyasint"`
	}
	group struct {
		Users map[string]*user `cbor:"1,keyasint"`
	}
	loose struct {
		Any any `cbor:"1,keyasint"`
	}
	hidden struct {
		Shown  int `cbor:"1,keyasint"`
		hidden int
	}
	stamped struct {
		time.Time
		Name string
	}
	ownStamped struct {
		time.Time
		Name string
	}
	alone   struct{ netip.Addr }
	twice   struct{ A, B int }
	twoKeys struct {
		A int `cbor:"1,keyasint"`
		B int `cbor:"01,keyasint"`
	}
	badKey struct {
		A int `cbor:"one,keyasint"`
	}
	deep struct {
		List []map[string]*hidden
	}
	oneWay  struct{ hidden int }
	self    *self
	Selfish struct {
		*Selfish
		N int
	}
	pointed    struct{ *hiddenBase }
	based      struct{ hiddenBase }
	hiddenBase struct{ N int }
	shadowed   struct {
		hiddenBase
		N string
	}
	array struct {
		_ struct{} `cbor:",toarray"`
		N int
	}
)

func (ownStamped) MarshalCBOR() ([]byte, error)  { return []byte{0}, nil }
func (*ownStamped) UnmarshalCBOR(b []byte) error { return nil }
func (oneWay) MarshalBinary() ([]byte, error)    { return nil, nil }

// Their fields are read by reflection alone.
var _ = []any{hidden{hidden: 1}, oneWay{hidden: 1}}

func TestCheckType(t *testing.T) {
	for _, test := range []struct {
		of   reflect.Type
		says string // "": it travels
	}{
		{reflect.TypeFor[tree](), ""},
		{reflect.TypeFor[user](), ""},
		{reflect.TypeFor[loose](), ""},
		{reflect.TypeFor[any](), ""},
		{reflect.TypeFor[twice](), ""},
		{reflect.TypeFor[based](), ""},
		{reflect.TypeFor[array](), ""},
		{reflect.TypeFor[alone](), ""},
		{reflect.TypeFor[ownStamped](), ""},
		{reflect.TypeFor[time.Time](), ""},
		{reflect.TypeFor[*big.Int](), ""},
		{reflect.TypeFor[map[int8][4]byte](), ""},
		{reflect.TypeFor[hidden](), "wire.hidden.hidden is not exported"},
		{reflect.TypeFor[deep](), "wire.deep.List[][].hidden is not exported"},
		{reflect.TypeFor[stamped](), "wire.stamped is a wire.stamped, which has its MarshalBinary from an embedded field"},
		{reflect.TypeFor[twoKeys](), "wire.twoKeys.B has the same key 1 as A"},
		{reflect.TypeFor[shadowed](), "wire.shadowed.N has the same key N as hiddenBase.N"},
		{reflect.TypeFor[badKey](), `has the key "one", which is no integer`},
		{reflect.TypeFor[oneWay](), "has MarshalBinary and no UnmarshalBinary"},
		{reflect.TypeFor[self](), "use one pointer"},
		{reflect.TypeFor[**int](), "use one pointer"},
		{reflect.TypeFor[*any](), "use one pointer"},
		{reflect.TypeFor[Selfish](), "embedded in itself"},
		{reflect.TypeFor[pointed](), "is an embedded pointer to a struct that is not exported"},
		{reflect.TypeFor[chan int](), "CBOR cannot hold"},
		{reflect.TypeFor[func()](), "CBOR cannot hold"},
		{reflect.TypeFor[complex128](), "CBOR cannot hold"},
		{reflect.TypeFor[uintptr](), "CBOR cannot hold"},
		{reflect.TypeFor[error](), "is an interface with methods"},
		{reflect.TypeFor[map[float64]int](), "keys of a map are integers or strings"},
		{reflect.TypeFor[map[any]int](), "keys of a map are integers or strings"},
		{reflect.TypeFor[map[netip.Addr]int](), "keys of a map are integers or strings"},
	} {
		err := CheckType(test.of)
		if test.says == "" && err != nil || test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)) {
			t.Errorf("%v: %v; want %q", test.of, err, test.says)
		}
	}
}

// A value that refers to itself must be an error: a stack that overflows ends the process.
func TestEndlessValues(t *testing.T) {
	cycle := &tree{}
	cycle.Next = []*tree{cycle}
	u := &user{}
	u.Groups = []*group{{Users: map[string]*user{"u": u}}}
	m := map[string]any{}
	m["m"] = m
	list := make([]any, 1)
	list[0] = list
	wide := &tree{Name: "leaf"} // fifteen levels, and ten ways down each
	for range MaxNesting/2 - 1 {
		next := &tree{}
		for range 10 {
			next.Next = append(next.Next, wide)
		}
		wide = next
	}
	long := &tree{Name: strings.Repeat("x", MaxMessageBytes/4)}
	for name, test := range map[string]struct {
		value any
		want  error
	}{
		"a pointer to itself":    {cycle, errNested},
		"users and groups":       {u, errNested},
		"a map in itself":        {&loose{m}, errNested},
		"a list in itself":       {&loose{list}, errNested},
		"a pointer in an any":    {&loose{cycle}, errNested},
		"shared again and again": {wide, ErrTooLarge},
		"long text, shared":      {&tree{Next: []*tree{long, long, long, long}}, ErrTooLarge},
	} {
		if _, err := AppendPayload(nil, test.value); !errors.Is(err, test.want) || !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v; want %v", name, err, test.want)
		}
		if err := Survives(test.value); err == nil {
			t.Errorf("%s: survives", name)
		}
	}
	fits := &tree{Name: "leaf"}
	for range MaxNesting/2 - 1 {
		fits = &tree{Next: []*tree{fits}}
	}
	if err := Survives(fits); err != nil {
		t.Errorf("%d levels: %v", MaxNesting, err)
	}
}

func TestSurvivesNamesWhatDiffers(t *testing.T) {
	type part struct {
		Tags []string       `cbor:"1,keyasint,omitempty"`
		By   map[string]int `cbor:"2,keyasint,omitempty"`
		Out  chan int       `cbor:"-"`
	}
	type whole struct {
		Parts []part `cbor:"1,keyasint"`
	}
	for says, value := range map[string]whole{
		"": {Parts: []part{{Tags: []string{"a"}}}},
		".Parts[1].Tags: an empty []string came back as a nil []string": {Parts: []part{{}, {Tags: []string{}}}},
		".Parts[0].By: an empty map[string]int came back as a nil map":  {Parts: []part{{By: map[string]int{}}}},
		`.Parts[0].Out: its tag "-" leaves it out`:                      {Parts: []part{{Out: make(chan int)}}},
	} {
		if err := Survives(&value); says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("%v; want %q", err, says)
		}
	}
}

// Times travel as text. Integers and floats, which older nodes and other languages write, are read
// as before.
func TestTimesOfOtherSenders(t *testing.T) {
	at := time.Date(2026, 5, 4, 3, 2, 1, 987654321, time.FixedZone("", 5*3600+1800))
	payload := must(AppendPayload(nil, at))
	if want := "\x78\x232026-05-04T03:02:01.987654321+05:30"; string(payload) != want {
		t.Errorf("encoded %q; want %q", payload, want)
	}
	for _, test := range []struct {
		given any
		want  time.Time
	}{
		{at, at},
		{int64(1_522_000_000), time.Unix(1_522_000_000, 0)},
		{1_522_000_000.5, time.Unix(1_522_000_000, 500_000_000)},
		{"2018-03-25T17:46:40Z", time.Unix(1_522_000_000, 0)},
	} {
		var got time.Time
		if err := DecodePayload(must(AppendPayload(nil, test.given)), &got); err != nil || !got.Equal(test.want) {
			t.Errorf("%v: got %v, %v; want %v", test.given, got, err, test.want)
		}
	}
}

// What a map holds says what it is in an any: other senders write maps with other keys.
func TestMapsInAnys(t *testing.T) {
	type inner struct {
		N uint64 `cbor:"1,keyasint"`
	}
	var got any
	given := map[string]any{"text": map[string]any{"n": 1}, "none": map[string]int{}, "struct": inner{1<<64 - 1}, "list": []any{map[string]any{}}}
	if err := DecodePayload(must(AppendPayload(nil, given)), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"text": map[string]any{"n": int64(1)}, "none": map[string]any{},
		"struct": map[any]any{int64(1): uint64(1<<64 - 1)}, "list": []any{map[string]any{}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v; want %#v", got, want)
	}
	type Inner struct {
		Any any `cbor:"4,keyasint"`
	}
	type holder struct {
		By   map[string]any    `cbor:"1,keyasint"`
		List []map[string]any  `cbor:"2,keyasint"`
		At   *Inner            `cbor:"3,keyasint"`
		Of   map[string]*Inner `cbor:"5,keyasint"`
		Pair [2]Inner          `cbor:"6,keyasint"`
		Inner
	}
	some := map[string]any{"a": map[string]any{"b": int64(-1)}}
	if err := Survives(&holder{some, []map[string]any{some}, &Inner{some}, map[string]*Inner{"x": {some}}, [2]Inner{{some}, {}}, Inner{some}}); err != nil {
		t.Error(err)
	}
}
