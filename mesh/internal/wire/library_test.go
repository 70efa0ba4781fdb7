package wire

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"
)

// The same envelope by way of the library: slow, and too simple to be wrong. The tests hold the hand-written code
// against it, and docs/decisions/0002-cbor.md has both figures.

// libraryEnvelope is what the library encodes, and decodes as far as it can without help.
type libraryEnvelope struct {
	_       struct{} `cbor:",toarray"`
	Version uint64
	ID      []byte
	Root    []byte
	Parent  []byte // nil encodes as null
	Time    int64
	Waited  uint64
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
	out := libraryEnvelope{Version: Version, ID: e.ID[:], Root: e.Root[:], Time: e.Time, Waited: uint64(e.Waited), Key: e.Key, Payload: e.Payload}
	if !e.Parent.IsZero() {
		out.Parent = e.Parent[:]
	}
	for _, step := range e.Path {
		out.Path = append(out.Path, string(step))
	}
	return libraryEncoder.Marshal(out)
}

// libraryDecode applies the text of docs/wire.md, rule by rule, to what the library makes of a message.
func libraryDecode(message []byte) (*libraryEnvelope, error) {
	if len(message) > MaxMessageBytes {
		return nil, errors.New("too large")
	}
	var items []cbor.RawMessage
	if err := libraryDecoder.Unmarshal(message, &items); err != nil {
		return nil, err
	}
	if len(items) != 9 {
		return nil, fmt.Errorf("%d elements", len(items))
	}
	if err := libraryTypes(items); err != nil {
		return nil, err
	}
	var e libraryEnvelope
	if err := libraryDecoder.Unmarshal(message, &e); err != nil {
		return nil, err
	}
	return &e, libraryRules(&e)
}

// libraryTypes checks types, because the library turns null and undefined into the zero value of anything.
func libraryTypes(items []cbor.RawMessage) error {
	want := []string{"\x00", "\x40", "\x40", "\x40\xF6", "\x00\x20", "\x00", "\x60", "\x80", "\x40"}
	for i, item := range items {
		if !typeIn(item[0], want[i]) {
			return fmt.Errorf("element %d begins with %#x", i, item[0])
		}
	}
	var steps []cbor.RawMessage
	if err := libraryDecoder.Unmarshal(items[7], &steps); err != nil {
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
	case e.Version != 1:
		return errors.New("version")
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
	case e.Waited > math.MaxInt64:
		return errors.New("waited")
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
