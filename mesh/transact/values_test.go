package transact_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/inproc"
	"leafmesh/mesh/transact"
)

// one holds a value of any type in the field of an event.
type one[T any] struct {
	V T `cbor:"1,keyasint"`
}

// maybe is one whose field is left out if it is empty.
type maybe[T any] struct {
	V T `cbor:"1,keyasint,omitempty"`
}

type (
	base struct {
		N int `cbor:"9,keyasint"`
	}
	nest struct {
		base
		Deep *nest               `cbor:"2,keyasint"`
		By   map[string]one[int] `cbor:"3,keyasint"`
	}
	colour  int
	private struct {
		Kept string `cbor:"1,keyasint"`
		Out  string `cbor:"-"`
	}
	concealed struct{ n int }
	half      struct {
		N int `cbor:"1,keyasint"`
		n int
	}
	// text encodes itself as text alone, which the wire does not ask for.
	text struct{ s string }
	// sealed encodes itself.
	sealed struct{ n byte }
)

func (t text) MarshalText() ([]byte, error)    { return []byte(t.s), nil }
func (t *text) UnmarshalText(b []byte) error   { t.s = string(b); return nil }
func (s sealed) MarshalCBOR() ([]byte, error)  { return []byte{s.n}, nil }
func (s *sealed) UnmarshalCBOR(b []byte) error { s.n = b[0]; return nil }
func (c colour) MarshalText() ([]byte, error)  { return fmt.Appendf(nil, "colour %d", c), nil }
func (c *colour) UnmarshalText(b []byte) error { return errors.New("no") }

// Their fields are read by reflection alone.
var _ = []any{concealed{n: 1}, half{n: 1}}

// What becomes of a value where it is encoded.
const (
	survives = "survives"
	refused  = "refused at Emit"
	changes  = "arrives as docs/wire.md says; the codec check refuses it"
)

// sample is a value that is sent every way.
type sample interface {
	title() string
	configure(item, sink, check *mesh.Config)
	run(t *testing.T, item, check *mesh.Node, db *sql.DB)
}

type sampleOf[T any] struct {
	name  string
	value T
	fate  string
	says  string // the error
	comes T      // if it changes
	same  func(a, b T) bool

	local, link, kept, staged *mesh.Event[T]
	came                      map[string]chan T
}

var samplesMade int

func sent[T any](name string, value T, fate, says string, comes T, same func(a, b T) bool) sample {
	samplesMade++
	event := func(noun string) *mesh.Event[T] {
		return mesh.NewEvent[T](fmt.Sprintf("item.%s.sent-%d", noun, samplesMade))
	}
	return &sampleOf[T]{name: name, value: value, fate: fate, says: says, comes: comes, same: same,
		local: event("local"), link: event("link"), kept: event("kept"), staged: event("staged"), came: map[string]chan T{}}
}

// whole is a value that survives.
func whole[T any](name string, value T) sample {
	return sent(name, one[T]{value}, survives, "", one[T]{}, nil)
}

// wholeAs is whole for what is the same though it is not equal.
func wholeAs[T any](name string, value T, same func(a, b T) bool) sample {
	return sent(name, one[T]{value}, survives, "", one[T]{}, func(a, b one[T]) bool { return same(a.V, b.V) })
}

func stopped[T any](name string, value T, says string) sample {
	return sent(name, one[T]{value}, refused, says, one[T]{}, nil)
}

func sameTime(a, b time.Time) bool {
	_, from := a.Zone()
	_, to := b.Zone()
	return a.Equal(b) && from == to
}

func samples() []sample {
	n, yes := 7, true
	when := time.Date(2026, 5, 4, 3, 2, 1, 987654321, time.FixedZone("here", -(9*3600+1800)))
	large := new(big.Int).SetUint64(math.MaxUint64)
	site, _ := url.Parse("https://a:b@example.org/x?y=z")
	mixed := map[string]any{"null": nil, "yes": true, "int": int64(-5), "most": uint64(math.MaxUint64), "float": 1.5, "text": "a",
		"bytes": []byte{1}, "list": []any{int64(1), map[string]any{}}, "map": map[string]any{"map": map[string]any{"deep": "x"}}}
	return []sample{
		whole("bool", true), whole("int", -1), whole("int8", int8(-128)), whole("int16", int16(-1)), whole("int32", int32(1)),
		whole("int64, least", int64(math.MinInt64)), whole("uint", uint(1)), whole("uint8", uint8(255)), whole("uint16", uint16(1)),
		whole("uint32", uint32(1)), whole("uint64, most", uint64(math.MaxUint64)), whole("a named int", colour(3)),
		whole("float32", float32(1.1)), whole("float64", 1.1), whole("float64, least", math.SmallestNonzeroFloat64), whole("Inf", math.Inf(-1)),
		wholeAs("NaN", math.NaN(), func(_, b float64) bool { return math.IsNaN(b) }),
		wholeAs("-0", math.Copysign(0, -1), func(_, b float64) bool { return b == 0 && math.Signbit(b) }),
		whole("string", "Łódź 🧩\x00"), stopped("string not in UTF-8", "\xff", "not valid UTF-8"), whole("json.Number", json.Number("1e3")),
		whole("bytes", []byte{0, 255}), whole("bytes, empty", []byte{}), whole("bytes, nil", []byte(nil)), whole("array of bytes", [3]byte{1, 2, 3}),
		whole("slice", []int{1, 2}), whole("slice, empty", []int{}), whole("slice, nil", []int(nil)), whole("array", [2]string{"a", "b"}),
		whole("map", map[string]int{"a": 1}), whole("map, empty", map[string]int{}), whole("map, nil", map[string]int(nil)),
		whole("map by integers", map[int8]bool{-1: true}), whole("map by named strings", map[json.Number]int{"1": 1}),
		whole("pointer", &n), whole("pointer, nil", (*int)(nil)), whole("pointer to a zero", new(int)),
		whole("pointer to an empty slice", &[]int{}), stopped("pointer to a nil slice", new([]int), "would arrive as a nil pointer"),
		stopped("pointer to the zero time", new(time.Time), "would arrive as a nil pointer"),
		whole("structs in structs", nest{base{1}, &nest{base: base{2}}, map[string]one[int]{"x": {3}}}), whole("a generic type", one[one[bool]]{one[bool]{yes}}),
		wholeAs("time", when, sameTime), wholeAs("time in UTC", when.UTC(), sameTime), wholeAs("time, zero", time.Time{}, sameTime),
		wholeAs("time, now", time.Now(), sameTime), wholeAs("time, long ago", time.Date(1, 2, 3, 4, 5, 6, 7, time.UTC), sameTime),
		stopped("time in the year 10000", time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), "outside of range"),
		stopped("time with an odd offset", when.In(time.FixedZone("LMT", 3208)), "no whole minute"),
		whole("time.Duration", 90*time.Second), whole("netip.Addr", netip.MustParseAddr("fe80::1%eth0")), whole("url.URL", *site),
		wholeAs("big.Int", *large, func(a, b big.Int) bool { return a.Cmp(&b) == 0 }), stopped("big.Int over 64 bits", new(big.Int).Lsh(large, 1), "TagsForbidden"),
		whole("a type with MarshalCBOR", sealed{7}),
		whole("any", any(mixed)), whole("any, nil", any(nil)), whole("maps of any", map[string]any{"a": mixed}), whole("list of any", []any{mixed, nil}),
		stopped("any with an int", any(1), "would arrive as an int64"), stopped("any with a uint64", any(uint64(1)), "would arrive as an int64"),
		stopped("any with a float32", any(float32(1)), "would arrive as a float64"), stopped("any with a time", any(when), "would arrive as its encoding"),
		stopped("any with a struct", any(base{1}), "would arrive as a map"), stopped("any with a slice", any([]string{"a"}), "would arrive as a []any"),
		stopped("any with a channel", any(make(chan int)), "cannot hold"),
		sent("omitempty, nil", maybe[[]int]{}, survives, "", maybe[[]int]{}, nil),
		sent("omitempty, zero", maybe[int]{}, survives, "", maybe[int]{}, nil),
		sent("omitempty, pointer to a zero", maybe[*int]{new(int)}, survives, "", maybe[*int]{}, nil),
		sent("omitempty, empty slice", maybe[[]int]{[]int{}}, changes, ".V: an empty []int came back as a nil []int", maybe[[]int]{}, nil),
		sent("omitempty, empty map", maybe[map[string]int]{map[string]int{}}, changes, ".V: an empty map[string]int came back as a nil", maybe[map[string]int]{}, nil),
		sent("left out by its tag", private{"a", "b"}, changes, `.Out: its tag "-" leaves it out`, private{"a", ""}, nil),
		sent("left out, and zero", private{"a", ""}, survives, "", private{}, nil),
		sent("any as the event", any(mixed), survives, "", any(nil), nil),
		sent("any as the event, an int", any(1), refused, "would arrive as an int64", any(nil), nil),
		sent("a string as the event", "a", survives, "", "", nil),
		sent("a pointer as the event", &base{1}, survives, "", nil, nil),
		sent("nil as the event", (*base)(nil), refused, "it is null", nil, nil),
	}
}

func (s *sampleOf[T]) title() string { return s.name }

// configure lets node item export the sample, node sink import it, and each node handle it.
func (s *sampleOf[T]) configure(item, sink, check *mesh.Config) {
	handle := func(e *mesh.Event[T], way string, c *mesh.Config) {
		came := make(chan T, 1)
		s.came[way] = came
		c.Handlers = append(c.Handlers, e.Handle(e.Subject()+" "+way, func(_ context.Context, v T) error { came <- v; return nil }, mesh.Queue(1)))
	}
	handle(s.local, "local", item)
	handle(s.local, "codec check", check)
	handle(s.link, "link", sink)
	handle(s.kept, "durable", sink)
	handle(s.staged, "transaction", sink)
	kept := s.kept.Export(mesh.Limit{})
	kept.KeptFor = []string{"sink"}
	item.Exports = append(item.Exports, s.link.Export(mesh.Limit{}), s.staged.Export(mesh.Limit{}), kept)
	durable := s.kept.Import(mesh.Limit{}, mesh.Shared)
	durable.Durable = true
	sink.Imports = append(sink.Imports, s.link.Import(mesh.Limit{}, mesh.Shared), s.staged.Import(mesh.Limit{}, mesh.Shared), durable)
}

func (s *sampleOf[T]) run(t *testing.T, item, check *mesh.Node, db *sql.DB) {
	here := item.Context(t.Context())
	for way, emit := range map[string]func() error{
		"local":       func() error { return s.local.Emit(here, s.value) },
		"codec check": func() error { return s.local.Emit(check.Context(t.Context()), s.value) },
		"link":        func() error { return s.link.Emit(here, s.value) },
		"durable":     func() error { return s.kept.Emit(here, s.value) },
		"transaction": func() error {
			return within(here, db, func(tx *sql.Tx) error { return transact.Emit(here, tx, s.staged, s.value) })
		},
	} {
		err := emit()
		if way != "local" && s.fate == refused || way == "codec check" && s.fate == changes {
			if !errors.Is(err, mesh.ErrNotWireSafe) || !strings.Contains(err.Error(), s.says) {
				t.Errorf("%s: %v; want an error that says %q", way, err, s.says)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", way, err)
			continue
		}
		want := s.value
		if way != "local" && s.fate == changes {
			want = s.comes
		}
		got := receive(t, s.came[way])
		if s.same != nil && !s.same(want, got) || s.same == nil && !reflect.DeepEqual(want, got) {
			t.Errorf("%s: got %#v; want %#v", way, got, want)
		}
	}
}

// Each value comes out of every way as it went in, or does not go in. docs/wire.md has the table.
func TestEveryValueSurvivesEveryWayOrIsRefused(t *testing.T) {
	all := samples()
	item := mesh.Config{Name: "item-1", Data: mesh.Path(t.TempDir())}
	sink := mesh.Config{Name: "sink-1", Data: mesh.Path(t.TempDir())}
	checked := mesh.Config{Name: "item-2", CodecCheck: true}
	for _, s := range all {
		s.configure(&item, &sink, &checked)
	}
	nodes, err := inproc.Open(t.Context(), item, sink)
	if err != nil {
		t.Fatal(err)
	}
	alone, err := inproc.Open(t.Context(), checked)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, n := range append(nodes, alone...) {
			closeNode(t, n)
		}
	})
	ready, cancel := context.WithTimeout(t.Context(), waitLimit)
	defer cancel()
	if err := nodes.Ready(ready); err != nil {
		t.Fatal(err)
	}
	db := newDatabase(t)
	startAs(t, nodes.Node("item-1"), transact.Config{Database: db, Poll: 10 * time.Millisecond})
	for _, s := range all {
		t.Run(s.title(), func(t *testing.T) { s.run(t, nodes.Node("item-1"), alone[0], db) })
	}
}

func TestTypesThatAreRefusedAtNewEvent(t *testing.T) {
	for name, test := range map[string]struct {
		declare func(subject string)
		says    string
	}{
		"a channel":                    {declared[one[chan int]], "transact_test.one[chan int].V is a chan int"},
		"a function":                   {declared[one[func()]], "is a func()"},
		"a complex number":             {declared[one[complex128]], "is a complex128"},
		"an uintptr":                   {declared[one[uintptr]], "is a uintptr"},
		"an interface with methods":    {declared[one[error]], "is an interface with methods"},
		"a pointer to a pointer":       {declared[one[**int]], "use one pointer"},
		"a map by floats":              {declared[one[map[float64]int]], "integers or strings"},
		"a map by any":                 {declared[one[map[any]int]], "integers or strings"},
		"a map by structs":             {declared[one[map[base]int]], "integers or strings"},
		"a field that is not exported": {declared[half], "transact_test.half.n is not exported"},
		"no field that is exported":    {declared[[]concealed], "transact_test.concealed"},
		"MarshalText alone":            {declared[one[text]], "V.s is not exported"},
		"big.Float":                    {declared[one[big.Float]], "is not exported"},
		"a time that is embedded": {declared[struct {
			time.Time
			N int
		}], "from an embedded field"},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if text := fmt.Sprint(recover()); !strings.Contains(text, test.says) || !strings.Contains(text, "item.never.sent") {
					t.Errorf("panic %q; want %q and the subject", text, test.says)
				}
			}()
			test.declare("item.never.sent")
		})
	}
}

func declared[T any](subject string) { mesh.NewEvent[T](subject) }
