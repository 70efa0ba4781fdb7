package mesh_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"leafmesh/mesh"
	"leafmesh/mesh/stats"
)

// stepV2 is a later version of step: a new field, and a name of its own for an
// old one. The integer keys are the contract.
type stepV2 struct {
	Team  string   `cbor:"1,keyasint"`
	Notes []string `cbor:"3,keyasint"`
}

var stepTakenV2 = mesh.NewEvent[stepV2](stepTaken.Subject(), mesh.Key(func(s stepV2) string { return s.Team }))

func TestGoTypesOfOneSubjectMeetInTheirKeys(t *testing.T) {
	for name, codec := range map[string]bool{"codec check": true, "production": false} {
		t.Run(name, func(t *testing.T) {
			var old []step
			var later []stepV2
			n := openCore(t, mesh.Config{CodecCheck: codec, Handlers: []mesh.Handler{
				stepTaken.Handle("old", func(_ context.Context, s step) error {
					old = append(old, s)
					return nil
				}),
				stepTakenV2.Handle("later", func(_ context.Context, s stepV2) error {
					later = append(later, s)
					return nil
				}),
			}})
			emitStep(t, n, stepTaken, step{"a", 1})
			if err := stepTakenV2.Emit(n.Context(t.Context()), stepV2{"b", []string{"new"}}); err != nil {
				t.Fatal(err)
			}
			finish(t, n)
			if want := []step{{"a", 1}, {"b", 0}}; !slices.Equal(old, want) {
				t.Errorf("the old type got %+v, want %+v", old, want)
			}
			if len(later) != 2 || later[0].Team != "a" || later[0].Notes != nil || later[1].Team != "b" || !slices.Equal(later[1].Notes, []string{"new"}) {
				t.Errorf("the later type got %+v", later)
			}
		})
	}
}

// A handler whose type the value does not decode into loses it, by name; the
// others get it.
func TestAValueThatDoesNotDecodeIsLostToThatHandlerAlone(t *testing.T) {
	type odd struct {
		Key int `cbor:"1,keyasint"`
	}
	called := false
	n := openHandlers(t,
		mesh.NewEvent[odd](stepTaken.Subject()).Handle("odd", func(context.Context, odd) error { called = true; return nil }),
		stepTaken.Handle("even", func(context.Context, step) error { return nil }))
	emitStep(t, n, stepTaken, step{"a", 1})
	finish(t, n)
	if called {
		t.Error("the handler was called with a value that it cannot have")
	}
	wantCount(t, n, stepTaken.Subject(), stats.Lost, "handler odd", "malformed", 1)
	wantCount(t, n, stepTaken.Subject(), stats.Handled, "handler even", "", 1)
	if waiting := n.Stats().Waiting; waiting != 0 {
		t.Errorf("its place is still taken: %d", waiting)
	}
}

var notesTaken = mesh.NewEvent[stepV2]("core.notes.taken")

func TestTheCodecCheckFindsAHandlerThatChangesItsEvent(t *testing.T) {
	for name, change := range map[string]func(*stepV2){
		"not at all":            func(*stepV2) {},
		"its copy":              func(s *stepV2) { s.Team = "mine" },
		"what the event holds":  func(s *stepV2) { s.Notes[0] = "mine" },
		"the order of what":     func(s *stepV2) { slices.Reverse(s.Notes) },
		"its copy, by a longer": func(s *stepV2) { s.Notes = append(s.Notes, "mine") },
	} {
		t.Run(name, func(t *testing.T) {
			var seen []string
			box, letters := letterbox()
			n := openCore(t, mesh.Config{CodecCheck: true, Handlers: []mesh.Handler{box,
				notesTaken.Handle("change", func(_ context.Context, s stepV2) error { change(&s); return nil }, soon(1)),
				notesTaken.Handle("look", func(_ context.Context, s stepV2) error { seen = s.Notes; return nil }),
			}})
			value := stepV2{"a", []string{"one", "two"}}
			if err := notesTaken.Emit(n.Context(t.Context()), value); err != nil {
				t.Fatal(err)
			}
			finish(t, n)
			if bad := strings.HasPrefix(name, "what") || strings.HasPrefix(name, "the order"); len(letters) != 0 != bad {
				t.Fatalf("%d letters", len(letters))
			}
			if len(letters) == 1 {
				if letter := <-letters; letter.Handler != "change" || !strings.Contains(letter.Error, mesh.ErrMutated.Error()) {
					t.Errorf("%+v", letter)
				}
			}
			if want := []string{"one", "two"}; !slices.Equal(seen, want) || !slices.Equal(value.Notes, want) {
				t.Errorf("the other handler saw %v, the emitter %v; want %v", seen, value.Notes, want)
			}
		})
	}
}

// wantUnsafe emits a value that does not survive the wire.
func wantUnsafe[T any](name string, value T) func(*testing.T) {
	return func(t *testing.T) {
		event := mesh.NewEvent[T]("core.value.kept")
		var errInside error
		handlers := []mesh.Handler{
			event.Handle("keep", func(context.Context, T) error { return nil }),
			stepTaken.Handle("emit", func(ctx context.Context, _ step) error {
				errInside = event.Emit(ctx, value)
				return nil
			}),
		}
		n := openCore(t, mesh.Config{CodecCheck: true, Handlers: handlers})
		if err := event.Emit(n.Context(t.Context()), value); !errors.Is(err, mesh.ErrNotWireSafe) || !strings.Contains(err.Error(), event.Subject()) {
			t.Errorf("%s: %v, want ErrNotWireSafe with the subject", name, err)
		}
		emitStep(t, n, stepTaken, step{})
		finish(t, n)
		if !errors.Is(errInside, mesh.ErrNotWireSafe) {
			t.Errorf("%s, in a handler: %v, want ErrNotWireSafe", name, errInside)
		}
		wantCount(t, n, event.Subject(), stats.Refused, "emit", "not-wire-safe", 2)
		wantCount(t, n, event.Subject(), stats.Admitted, "", "", 0)

		fast := openCore(t, mesh.Config{Handlers: handlers})
		if err := event.Emit(fast.Context(t.Context()), value); err != nil {
			t.Errorf("%s, without the codec check: %v", name, err)
		}
	}
}

func TestTheCodecCheckRefusesWhatDoesNotSurviveTheWire(t *testing.T) {
	type left struct {
		Kept string `cbor:"1,keyasint"`
		Out  string `cbor:"-"`
	}
	type same struct {
		A string `cbor:"1,keyasint"`
		B any    `cbor:"2,keyasint"`
	}
	t.Run("a field left out", wantUnsafe("left", left{"a", "b"}))
	t.Run("a channel", wantUnsafe("pipe", same{B: make(chan int)}))
	t.Run("a text that is not UTF-8", wantUnsafe("text", same{A: "\xff"}))
	t.Run("a type that CBOR forgets", wantUnsafe("any", same{B: int8(1)}))
	t.Run("nothing", wantUnsafe[*step]("nil", nil))
}

// A key that has no place on the wire is refused where it could get there, and
// wherever a test looks for it.
func TestKeysThatDoNotFitTheWire(t *testing.T) {
	for name, c := range map[string]mesh.Config{
		"exported":    {Exports: []mesh.Export{stepTaken.Export(mesh.Limit{})}},
		"codec check": {CodecCheck: true},
	} {
		t.Run(name, func(t *testing.T) {
			n := openCore(t, c)
			for _, key := range []string{strings.Repeat("k", 1025), "\xff"} {
				wantRefusal(t, stepTaken.Emit(n.Context(t.Context()), step{Key: key}), "emit", "key")
			}
			emitStep(t, n, stepTaken, step{Key: strings.Repeat("k", 1024)})
			emitStep(t, n, stepTaken, step{Key: "Puzzlin' \"Wugs\". 🧩 > *"})
		})
	}
}

// unruly panics whenever the codec asks it.
type unruly struct{ N int }

func (unruly) MarshalCBOR() ([]byte, error) { panic("no") }

// UnmarshalCBOR panics as well.
func (*unruly) UnmarshalCBOR([]byte) error { panic("no") }

var (
	unrulyTaken = mesh.NewEvent[unruly]("core.step.taken")
	wildTaken   = mesh.NewEvent[unruly]("clue.clue.solved")
)

// A type whose codec panics loses its own events, and ends nothing else.
func TestATypeThatPanicsInTheCodec(t *testing.T) {
	box, letters := letterbox()
	n := openCore(t, mesh.Config{Handlers: []mesh.Handler{box,
		stepTaken.Handle("other type", nothing),
		unrulyTaken.Handle("own type", func(context.Context, unruly) error { return errors.New("no") }, soon(1))}})
	if err := unrulyTaken.Emit(n.Context(t.Context()), unruly{1}); err != nil {
		t.Fatal(err)
	}
	if letter := receive(t, letters); letter.Payload != nil || !strings.Contains(letter.NoPayload, "panic: no") {
		t.Errorf("%+v", letter)
	}
	finish(t, n)
	wantCount(t, n, "core.step.taken", stats.Lost, "handler other type", "malformed", 1)
}

func TestAnImportThatPanicsInTheCodec(t *testing.T) {
	config := scoreNode("score-1", mesh.Shared, nil)
	config.Handlers = []mesh.Handler{wildTaken.Handle("count", func(context.Context, unruly) error { return nil })}
	nodes := openAll(t, clueNode("clue-1"), config)
	emit(t, nodes[0], clueSolved, solved{Team: "a"})
	await(t, "the loss to be counted", func() bool { return find(nodes[1], stats.Lost, "malformed").Count == 1 })
}
