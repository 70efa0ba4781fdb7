package mesh_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/stats"

	"github.com/fxamacker/cbor/v2"
)

// badCodec cannot be encoded, whenever N says so, and counts how often it is.
type badCodec struct {
	N       int
	encoded *int
}

func (b badCodec) MarshalCBOR() ([]byte, error) {
	if b.encoded != nil {
		*b.encoded++
	}
	if b.N < 0 {
		return nil, errBroken
	}
	return []byte{byte(b.N)}, nil
}

// UnmarshalCBOR reads the number.
func (b *badCodec) UnmarshalCBOR(payload []byte) error {
	b.N = int(payload[0])
	return nil
}

// parcel is a value that may be anything.
type parcel struct {
	Key   string   `cbor:"1,keyasint"`
	Any   any      `cbor:"2,keyasint"`
	Codec badCodec `cbor:"3,keyasint"`
}

type label struct {
	Key string `cbor:"1,keyasint"`
}

var (
	parcelSent = mesh.NewEvent[parcel]("core.parcel.sent", mesh.Key(func(p parcel) string { return p.Key }))
	parcelHere = mesh.NewEvent[parcel]("clue.parcel.kept", mesh.Key(func(p parcel) string { return p.Key }))
	clueParcel = mesh.NewEvent[parcel]("clue.parcel.sent")
	// clueParcelSeen is for a handler that declares another Go type.
	clueParcelSeen = mesh.NewEvent[label]("clue.parcel.sent")
)

// unencodable are values that no peer would get, and what the error is.
var unencodable = map[string]struct {
	value parcel
	is    error
	rule  string
	says  string
}{
	"a channel":           {parcel{Key: "k", Any: make(chan int)}, mesh.ErrNotWireSafe, "not-wire-safe", "holds a chan int"},
	"a function":          {parcel{Key: "k", Any: func() {}}, mesh.ErrNotWireSafe, "not-wire-safe", "holds a func()"},
	"a codec that fails":  {parcel{Key: "k", Codec: badCodec{N: -1}}, mesh.ErrNotWireSafe, "not-wire-safe", "it is broken"},
	"a text not in UTF-8": {parcel{Key: "k", Any: "\xff"}, mesh.ErrNotWireSafe, "not-wire-safe", "UTF-8"},
	"an int in an any":    {parcel{Key: "k", Any: map[string]any{"n": 1}}, mesh.ErrNotWireSafe, "not-wire-safe", `.Any["n"]: an any that holds a int would arrive as an int64`},
	"over max_payload":    {parcel{Key: "k", Any: strings.Repeat("x", 2000)}, mesh.ErrTooLarge, "payload-size", "max_payload is 2000"},
	"over the wire":       {parcel{Key: "k", Any: strings.Repeat("x", 2<<20)}, mesh.ErrTooLarge, "payload-size", "at most 1048576"},
}

// Whichever way an exported event is emitted, one that cannot be encoded is an error, and nobody
// gets it.
func TestAnExportedEventThatCanNotBeEncodedIsRefused(t *testing.T) {
	ways := map[string]func(ctx context.Context, v parcel) error{
		"Emit": func(ctx context.Context, v parcel) error { return parcelSent.Emit(ctx, v) },
		"EmitAll": func(ctx context.Context, v parcel) error {
			err := parcelSent.EmitAll(ctx, []parcel{{Key: "good"}, v, {Key: "good"}})
			if failed, ok := errors.AsType[*mesh.ValueError](err); !ok || failed.Index != 1 {
				return fmt.Errorf("EmitAll names another value: %w", err)
			}
			return err
		},
		"Stage": func(ctx context.Context, v parcel) error { _, err := parcelSent.Stage(ctx, v); return err },
	}
	for way, emit := range ways {
		for name, test := range unencodable {
			t.Run(way+"/"+name, func(t *testing.T) {
				var inHandler error
				keys := make(chan string, 100)
				n := openCore(t, mesh.Config{MaxPayload: 2000, Exports: []mesh.Export{parcelSent.Export(mesh.Limit{})}, Handlers: []mesh.Handler{
					parcelSent.Handle("same type", func(_ context.Context, p parcel) error { keys <- p.Key; return nil }),
					mesh.HandleAll("core.parcel.sent", "any", func(_ context.Context, a mesh.Any) error {
						var l label
						err := a.Decode(&l)
						keys <- l.Key
						return err
					}),
					stepTaken.Handle("emit", func(ctx context.Context, _ step) error {
						inHandler = emit(ctx, test.value)
						return nil
					}),
				}})
				outside := emit(n.Context(t.Context()), test.value)
				emitStep(t, n, stepTaken, step{})
				finish(t, n)
				close(keys)
				for key := range keys {
					if key != "good" {
						t.Error("a handler got the event")
					}
				}
				for _, err := range []error{outside, inHandler} {
					wantRefusal(t, err, "emit", test.rule)
					if text := err.Error(); !errors.Is(err, test.is) || !strings.Contains(text, test.says) ||
						!strings.Contains(text, `core.parcel.sent`) || !strings.Contains(text, `key "k"`) {
						t.Errorf("%v; want %v that says %q with type and key", err, test.is, test.says)
					}
				}
				wantCount(t, n, "core.parcel.sent", stats.Refused, "emit", test.rule, 2)
				if lost := n.Stats().Of("core.parcel.sent", stats.Lost); lost != 0 {
					t.Errorf("%d lost", lost)
				}
			})
		}
	}
}

func TestADurableEventThatCanNotBeEncodedIsRefused(t *testing.T) {
	clue := durableClue(t)
	clue.MaxPayload = 2000
	kept := clueParcel.Export(mesh.Limit{})
	kept.KeptFor = []string{"score"}
	clue.Exports = append(clue.Exports, kept)
	got := make(chan error, 1)
	var test parcel
	clue.Handlers = append(clue.Handlers,
		clueParcel.Handle("keep", func(context.Context, parcel) error { t.Error("a handler got the event"); return nil }),
		clueJudged.Handle("emit", func(ctx context.Context, _ solved) error { got <- clueParcel.Emit(ctx, test); return nil }))
	n := openAll(t, clue, durableScore(t, func(context.Context, solved) error { return nil })).Node("clue-1")
	for name, c := range unencodable {
		test = c.value
		for way, emit := range map[string]func(ctx context.Context) error{
			"Emit":    func(ctx context.Context) error { return clueParcel.Emit(ctx, test) },
			"EmitAll": func(ctx context.Context) error { return clueParcel.EmitAll(ctx, []parcel{test}) },
			"a handler": func(ctx context.Context) error {
				if err := clueJudged.Emit(ctx, solved{}); err != nil {
					return err
				}
				return receive(t, got)
			},
		} {
			err := emit(n.Context(t.Context()))
			wantRefusal(t, err, "emit", c.rule)
			if !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s, %s: %v", name, way, err)
			}
		}
	}
	if stored := n.Stats().Of(clueParcel.Subject(), stats.Stored); stored != 0 {
		t.Errorf("%d stored", stored)
	}
}

// The bytes that Emit made are those that are sent; an event that stays is never encoded.
func TestAnExportedEventIsEncodedOnce(t *testing.T) {
	encoded := 0 // written where the event is emitted, and read when all is done
	export := mesh.Config{Exports: []mesh.Export{clueParcel.Export(mesh.Limit{})},
		Handlers: []mesh.Handler{clueParcel.Handle("same", func(context.Context, parcel) error { return nil }),
			parcelHere.Handle("here", func(context.Context, parcel) error { return nil }),
			clueParcelSeen.Handle("other", func(context.Context, label) error { return nil })}}
	export.Name = "clue-1"
	got := make(chan parcel, 1)
	nodes := openAll(t, export, mesh.Config{Name: "score-1", Imports: []mesh.Import{clueParcel.Import(mesh.Limit{}, mesh.Shared)},
		Handlers: []mesh.Handler{clueParcel.Handle("get", func(_ context.Context, p parcel) error { got <- p; return nil })}})
	send := func(e *mesh.Event[parcel]) {
		if err := e.Emit(nodes[0].Context(t.Context()), parcel{Key: "k", Codec: badCodec{7, &encoded}}); err != nil {
			t.Fatal(err)
		}
	}
	send(clueParcel)
	if p := receive(t, got); p.Codec.N != 7 {
		t.Errorf("got %+v", p)
	}
	waitUntil(t, "rest", func() bool { return nodes[0].Stats().Waiting == 0 })
	if encoded != 1 {
		t.Errorf("encoded %d times; want once", encoded)
	}
	send(parcelHere)
	waitUntil(t, "rest", func() bool { return nodes[0].Stats().Waiting == 0 })
	if encoded != 1 {
		t.Errorf("an event that stays was encoded")
	}
}

// An event that cannot be encoded takes nobody's place: a rule that coalesces keeps the one before.
func TestARuleKeepsNoEventThatCanNotBeEncoded(t *testing.T) {
	got := make(chan any, 10)
	n := openCore(t, mesh.Config{Exports: []mesh.Export{parcelSent.Export(mesh.Limit{})},
		Limits: []mesh.Rule{{Name: "newest", Event: parcelSent.Subject(), By: mesh.ByKey, Within: time.Hour,
			Limit: mesh.Limit{Rate: mesh.Per(1, time.Hour), Burst: 1, Policy: mesh.Coalesce}}},
		Handlers: []mesh.Handler{parcelSent.Handle("keep", func(_ context.Context, p parcel) error { got <- p.Any; return nil })}})
	for _, content := range []any{"first", "kept"} {
		if err := parcelSent.Emit(n.Context(t.Context()), parcel{Key: "k", Any: content}); err != nil {
			t.Fatal(err)
		}
	}
	wantRefusal(t, parcelSent.Emit(n.Context(t.Context()), parcel{Key: "k", Any: func() {}}), "emit", "not-wire-safe")
	finish(t, n)
	if a, b := receive(t, got), receive(t, got); a != "first" || b != "kept" {
		t.Errorf("got %v and %v", a, b)
	}
}

// A client at the tap is refused like an emitter in Go; what the tap cannot show is counted there.
func TestTheTapAndWhatCanNotBeEncoded(t *testing.T) {
	node := clueNode("clue-1")
	node.MaxPayload = 1024
	node.Handlers = []mesh.Handler{clueSolved.Handle("keep", func(context.Context, solved) error { return nil })}
	nodes, conn := tapped(t, node)
	payload, err := cbor.Marshal(map[int]any{1: "k", 9: strings.Repeat("x", 1000)})
	if err != nil {
		t.Fatal(err)
	}
	var reply mesh.Reply
	if err := cbor.Unmarshal(question(t, conn, "mesh.emit.clue.clue.solved.k", payload).Data, &reply); err != nil {
		t.Fatal(err)
	}
	if reply.Verdict != "refused" || reply.Rule != "payload-size" || !strings.Contains(reply.Error, "max_payload is 1024") {
		t.Errorf("%+v", reply)
	}
	wantCount(t, nodes[0], clueSolved.Subject(), stats.Delivered, "handler keep", "", 0)

	joined := mesh.NewEvent[member]("clue.member.joined")
	if _, err := conn.SubscribeSync("clue.member.>"); err != nil {
		t.Fatal(err)
	}
	if err := conn.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := joined.Emit(nodes[0].Context(t.Context()), endless()); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, "the tap to drop it", func() bool { return counted(nodes[0], joined.Subject(), stats.Lost, "tap", "malformed") == 1 })
}

func TestAnEndlessValueIsNotExported(t *testing.T) {
	n := openCore(t, mesh.Config{Exports: []mesh.Export{memberJoined.Export(mesh.Limit{})}})
	wantRefusal(t, memberJoined.Emit(n.Context(t.Context()), endless()), "emit", "not-wire-safe")
}
