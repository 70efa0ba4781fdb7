package wire

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strings"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"
)

// The same envelope by way of the library: slow, and too simple to be wrong. The tests hold the
// hand-written code against it, and docs/decisions/0002-cbor.md has both figures.

// libraryEnvelope is what the library encodes, and decodes as far as it can without help.
type libraryEnvelope struct {
	_       struct{} `cbor:",toarray"`
	ID      []byte
	Root    []byte
	Parent  []byte // nil encodes as null
	Time    int64
	Age     uint64
	Key     string
	Path    []string
	Payload []byte
}

var (
	libraryEncoder = must(cbor.CoreDetEncOptions().EncMode())
	libraryDecoder = must(cbor.DecOptions{
		MaxArrayElements: MaxPathSteps,
		IndefLength:      cbor.IndefLengthForbidden,
		TagsMd:           cbor.TagsForbidden,
	}.DecMode())
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func libraryEncode(e *Envelope) ([]byte, error) {
	out := libraryEnvelope{ID: e.ID[:], Root: e.Root[:], Time: e.Time, Age: uint64(e.Age), Key: e.Key, Payload: e.Payload}
	if !e.Parent.IsZero() {
		out.Parent = e.Parent[:]
	}
	for _, step := range e.Path {
		out.Path = append(out.Path, string(step))
	}
	return libraryEncoder.Marshal(out)
}

// libraryDecode applies the text of docs/wire.md, rule by rule, to what the library makes of an
// event.
func libraryDecode(event []byte) (*libraryEnvelope, error) {
	if len(event) > MaxEventBytes {
		return nil, errors.New("too large")
	}
	e, err := libraryFields(event)
	if err != nil {
		return nil, err
	}
	return e, libraryRules(e)
}

// libraryFields decodes an event without its rules.
func libraryFields(event []byte) (*libraryEnvelope, error) {
	var items []cbor.RawMessage
	if err := libraryDecoder.Unmarshal(event, &items); err != nil {
		return nil, err
	}
	if len(items) != 8 {
		return nil, fmt.Errorf("%d elements", len(items))
	}
	if err := libraryTypes(items); err != nil {
		return nil, err
	}
	var e libraryEnvelope
	return &e, libraryDecoder.Unmarshal(event, &e)
}

// libraryDecode1 is libraryDecode for a message of version 1.
func libraryDecode1(message []byte) (*libraryEnvelope, error) {
	var items []cbor.RawMessage
	if err := libraryDecoder.Unmarshal(message, &items); err != nil {
		return nil, err
	}
	if len(items) != 9 || !typeIn(items[0][0], "\x00") {
		return nil, fmt.Errorf("%d elements", len(items))
	}
	e, err := libraryFields(append([]byte{0x88}, bytes.Join(asBytes(items[1:]), nil)...))
	if err != nil {
		return nil, err
	}
	if e.Age > math.MaxInt64 {
		return nil, errors.New("waited")
	}
	waited := int64(e.Age)
	if e.Age = 0; string(e.Root) != string(e.ID) && len(e.Root) == 16 {
		root := new(big.Int).SetBytes(e.Root[:6])
		root.Mul(root, big.NewInt(1e6))
		if !root.IsInt64() {
			root.SetInt64(math.MaxInt64 / 1e6 * 1e6)
		}
		between := new(big.Int).Sub(big.NewInt(e.Time), root)
		if between.Cmp(big.NewInt(math.MinInt64)) < 0 {
			between.SetInt64(math.MinInt64)
		}
		if age := between.Sub(between, big.NewInt(waited)); age.Sign() > 0 {
			e.Age = age.Uint64()
		}
	}
	return e, libraryRules(e)
}

// libraryContainer is what the library encodes as a container, and decodes without help.
type libraryContainer struct {
	_       struct{} `cbor:",toarray"`
	Version uint64
	Names   []string
	Events  [][]byte
}

// libraryContainerDecoder reads more events than there may be.
var libraryContainerDecoder = must(cbor.DecOptions{IndefLength: cbor.IndefLengthForbidden, TagsMd: cbor.TagsForbidden}.DecMode())

// librarySplit applies the text of docs/wire.md to what the library makes of a container.
func librarySplit(message []byte) ([][]byte, error) {
	if len(message) > MaxMessageBytes {
		return nil, errors.New("too large")
	}
	if err := CheckLengths(message); err != nil { // in 32 bits the library takes 2^63 for 0
		return nil, err
	}
	var items, names, events []cbor.RawMessage
	if err := libraryContainerDecoder.Unmarshal(message, &items); err != nil {
		return nil, err
	}
	if len(items) != 3 || !typeIn(items[0][0], "\x00") || !typeIn(items[1][0], "\x80") || !typeIn(items[2][0], "\x80") {
		return nil, errors.New("no container")
	}
	if err := errors.Join(libraryContainerDecoder.Unmarshal(items[1], &names), libraryContainerDecoder.Unmarshal(items[2], &events)); err != nil {
		return nil, err
	}
	for _, event := range events {
		if !typeIn(event[0], "\x40") {
			return nil, errors.New("no byte string")
		}
	}
	var c libraryContainer
	if err := libraryContainerDecoder.Unmarshal(message, &c); err != nil {
		return nil, err
	}
	if c.Version != 2 || len(c.Names) > 0 || len(c.Events) < 1 || len(c.Events) > 256 {
		return nil, fmt.Errorf("version %d, %d names, %d events", c.Version, len(c.Names), len(c.Events))
	}
	for _, event := range c.Events {
		if len(event) > MaxEventBytes {
			return nil, errors.New("too large")
		}
	}
	return c.Events, nil
}

// libraryTypes checks types, because the library turns null and undefined into the zero value of
// anything.
func libraryTypes(items []cbor.RawMessage) error {
	want := []string{"\x40", "\x40", "\x40\xF6", "\x00\x20", "\x00", "\x60", "\x80", "\x40"}
	for i, item := range items {
		if !typeIn(item[0], want[i]) {
			return fmt.Errorf("element %d begins with %#x", i, item[0])
		}
	}
	var steps []cbor.RawMessage
	if err := libraryDecoder.Unmarshal(items[6], &steps); err != nil {
		return err
	}
	for i, step := range steps {
		if !typeIn(step[0], "\x60") {
			return fmt.Errorf("step %d begins with %#x", i, step[0])
		}
	}
	return nil
}

func typeIn(first byte, allowed string) bool {
	for _, a := range []byte(allowed) {
		if first == a || (a < 0xE0 && first&0xE0 == a) {
			return true
		}
	}
	return false
}

func libraryRules(e *libraryEnvelope) error {
	zero := strings.Repeat("\x00", 16)
	isRoot := string(e.Root) == string(e.ID)
	switch {
	case len(e.ID) != 16 || string(e.ID) == zero:
		return errors.New("id")
	case len(e.Root) != 16 || string(e.Root) == zero:
		return errors.New("root")
	case !isRoot && e.Parent == nil:
		return errors.New("no parent")
	case e.Parent != nil && (len(e.Parent) != 16 || string(e.Parent) == zero || string(e.Parent) == string(e.ID)):
		return errors.New("parent")
	case isRoot != (len(e.Path) == 1):
		return errors.New("root")
	case e.Age > math.MaxInt64 || isRoot && e.Age != 0:
		return errors.New("age")
	case len(e.Key) > 1024 || !utf8.ValidString(e.Key):
		return errors.New("key")
	case len(e.Path) < 1 || len(e.Path) > 32:
		return errors.New("path")
	case len(e.Payload) == 0:
		return errors.New("payload")
	}
	for _, step := range e.Path {
		if !stepForm.MatchString(step) || len(step)-strings.IndexByte(step, ':')-1 > 128 {
			return fmt.Errorf("step %q", step)
		}
	}
	return nil
}
