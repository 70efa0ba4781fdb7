package wire

import (
	"testing"

	"github.com/fxamacker/cbor/v2"
)

// judged is the payload of the figures: a judged answer.
type judged struct {
	Attempt string `cbor:"1,keyasint"`
	Team    string `cbor:"2,keyasint"`
	Clue    string `cbor:"3,keyasint"`
	Verdict uint8  `cbor:"4,keyasint"`
	At      int64  `cbor:"5,keyasint"`
	Guess   string `cbor:"6,keyasint"`
}

var typicalPayload = judged{"a-000017", "Team Łódź", "clue-07", 2, 1_522_000_000_000, "BUTTERFLY"}

// typical is the envelope of the figures: the third event of a cascade over two nodes.
func typical() *Envelope {
	return &Envelope{
		ID: testID(3), Root: testID(1), Parent: testID(2), Time: 1_522_000_000_123_456_789, Key: "Team Łódź",
		Path: steps("clue-1:clue.answer.submitted", "clue-1:clue.answer.judged", "hunt-1:hunt.clue.unlocked"),
	}
}

func BenchmarkAppendPayload(b *testing.B) {
	b.ReportAllocs()
	buffer := make([]byte, 0, 1024)
	for b.Loop() {
		if _, err := AppendPayload(buffer, &typicalPayload); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAppendMessage is what an export costs: payload, envelope, and the subject.
func BenchmarkAppendMessage(b *testing.B) {
	b.ReportAllocs()
	e := typical()
	payload, message, subject := make([]byte, 0, 1024), make([]byte, 0, 1024), make([]byte, 0, 256)
	for b.Loop() {
		e.Payload, _ = AppendPayload(payload, &typicalPayload)
		if _, err := AppendEvent(message, e); err != nil {
			b.Fatal(err)
		}
		AppendSubject(subject, "hunt.clue.unlocked", e.Key)
	}
}

// BenchmarkThereAndBack is what an event costs that crosses a link, but for the link: payload and
// envelope, into a message, and out of it again. The bench module runs it beside another codec.
func BenchmarkThereAndBack(b *testing.B) {
	b.ReportAllocs()
	e := typical()
	payload, event, events := make([]byte, 0, 1024), make([]byte, 0, 1024), make([][]byte, 0, 1)
	var message Container
	var back Envelope
	for b.Loop() {
		var value judged
		e.Payload = must(AppendPayload(payload, &typicalPayload))
		message.Reset()
		message.Add(must(AppendEvent(event, e)))
		if err := DecodeEvent(must(SplitContainer(message.Bytes(), events))[0], &back); err != nil {
			b.Fatal(err)
		}
		if err := DecodePayload(back.Payload, &value); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendEvent(b *testing.B) {
	e := typical()
	e.Payload = must(AppendPayload(nil, &typicalPayload))
	b.Run("hand", func(b *testing.B) {
		b.ReportAllocs()
		buffer := make([]byte, 0, 1024)
		for b.Loop() {
			if _, err := AppendEvent(buffer, e); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("library", func(b *testing.B) {
		b.ReportAllocs()
		in := libraryEnvelope{ID: e.ID[:], Root: e.Root[:], Parent: e.Parent[:], Time: e.Time, Age: uint64(e.Age), Key: e.Key, Payload: e.Payload}
		for _, step := range e.Path {
			in.Path = append(in.Path, string(step))
		}
		for b.Loop() {
			if _, err := libraryEncoder.Marshal(&in); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkDecodeEvent(b *testing.B) {
	e := typical()
	e.Payload = must(AppendPayload(nil, &typicalPayload))
	message := must(AppendEvent(nil, e))
	b.ReportMetric(float64(len(message)), "bytes")
	b.Run("hand", func(b *testing.B) {
		b.ReportAllocs()
		var into Envelope
		for b.Loop() {
			if err := DecodeEvent(message, &into); err != nil {
				b.Fatal(err)
			}
		}
	})
	// Without any of the format's own rules: only what the library does by itself.
	b.Run("library", func(b *testing.B) {
		b.ReportAllocs()
		var into libraryEnvelope
		for b.Loop() {
			if err := libraryDecoder.Unmarshal(message, &into); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkDecodePayload(b *testing.B) {
	payload := must(AppendPayload(nil, &typicalPayload))
	b.Run("wire", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var into judged
			if err := DecodePayload(payload, &into); err != nil {
				b.Fatal(err)
			}
		}
	})
	// The library with its defaults: what the limits and the search for duplicate keys cost.
	b.Run("library", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var into judged
			if err := cbor.Unmarshal(payload, &into); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkShorten is what an exporter does with an event out of its outbox, and BenchmarkLinked
// what a reader does with one of a link, by its form.
func BenchmarkShorten(b *testing.B) {
	e := typical()
	e.Payload = must(AppendPayload(nil, &typicalPayload))
	event, buffer := must(AppendEvent(nil, e)), make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := Shorten(buffer, event, firstNumber); !ok || PathOf(event) == nil {
			b.Fatal("not shortened")
		}
	}
}

func BenchmarkLinked(b *testing.B) {
	e := typical()
	e.Payload = must(AppendPayload(nil, &typicalPayload))
	d := told(b, e.Path)
	for name, event := range map[string][]byte{"whole": must(AppendEvent(nil, e)), "short": must(AppendShort(nil, e, firstNumber, len(e.Path)))} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var into Envelope
			for b.Loop() {
				if err := DecodeLinked(event, &into, d, 0); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
