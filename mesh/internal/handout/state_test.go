package handout

import (
	"encoding/binary"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A state has in full what was given; the rest is read again.
func TestState(t *testing.T) {
	b := newBench(t, Config{})
	b.sequence = 9
	b.put("a", 6) // 10 to 15
	b.join("score-1", Terms{Events: 8, Bytes: 1 << 20})
	gifts := b.all()
	b.say(gifts[1], Handled, 0)
	b.say(gifts[2], Again, time.Minute, "x")
	b.wait(10 * time.Second)
	b.all() // 14 and 15 too
	want := State{Floor: 9, Position: 15, Known: 15, Settled: []byte{1, 1, 4, 0}, Waiting: []Waiting{
		{Sequence: 10, Key: "a", Bytes: 100},
		{Sequence: 12, Key: "a", Bytes: 100, Tries: 1, Due: 50 * time.Second, Done: []string{"x"}},
		{Sequence: 13, Key: "a", Bytes: 100}, {Sequence: 14, Key: "a", Bytes: 100}, {Sequence: 15, Key: "a", Bytes: 100},
	}}
	if got := b.State(); !reflect.DeepEqual(got, want) {
		t.Errorf("\n%+v, want\n%+v", got, want)
	}
	b.put("b", 3)
	b.Missing(17)
	want.Position, want.Known, want.Settled = 15, 18, []byte{1, 1, 5, 1, 1, 0}
	if got := b.State(); !reflect.DeepEqual(got, want) {
		t.Errorf("\n%+v, want\n%+v", got, want)
	}

	b.Shelf = Restore(Config{}, b.State())
	if got := b.State(); !reflect.DeepEqual(got, want) {
		t.Errorf("restored\n%+v, want\n%+v", got, want)
	}
	b.at = -5 // another clock
	b.join("score-1", plenty)
	b.given(b.all(), "", 10, 13, 14, 15)
	b.Offer(Entry{16, "b", 100})
	b.Offer(Entry{17, "b", 100}) // settled, whatever the stream has
	b.Offer(Entry{18, "b", 100})
	b.given(b.all(), "", 16, 18)
	b.wait(50*time.Second - 1)
	b.given(b.all(), "")
	b.wait(1)
	b.given(b.all(), "", 12)
}

// An empty shelf, and one that has nothing left, are restored as they were.
func TestStateOfLittle(t *testing.T) {
	b := newBench(t, Config{})
	if got := b.State(); !reflect.DeepEqual(got, State{}) {
		t.Errorf("%+v", got)
	}
	b.join("score-1", plenty)
	b.put("", 3)
	b.serve(handle)
	want := State{Floor: 3, Position: 3, Known: 3}
	if got := b.State(); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	b.Shelf = Restore(Config{}, want)
	b.join("score-1", plenty)
	b.put("", 1)
	b.given(b.all(), "", 4)
}

// An order became stricter while later events were given, and then the process began anew: they
// wait until the earlier ones are read again.
func TestAStricterOrderHoldsWhenAShelfIsRestored(t *testing.T) {
	b := newBench(t, Config{})
	b.join("score-1", Terms{Events: 2, Bytes: 1 << 20})
	b.put("a", 10)
	b.put("b", 1)
	b.given(b.all(), "", 1, 11)
	b.Shelf = Restore(Config{}, b.State())
	b.join("score-1", Terms{Events: 2, Bytes: 1 << 20, Ordered: Strict})
	var got []uint64
	got = append(got, sequences(b.serve(handle), "")...)
	for b.Position() < 11 && b.Wants() > 0 {
		next := b.Position() + 1
		b.Offer(Entry{next, map[bool]string{true: "a", false: "b"}[next < 11], 100})
		got = append(got, sequences(b.serve(handle), "")...)
	}
	if len(got) != 11 || !slices.IsSorted(got) {
		t.Errorf("%v", got)
	}
	b.settled()
}

// A state that contradicts itself loses nothing: what it tells is taken for unsettled.
func TestAStateThatContradictsItself(t *testing.T) {
	endless := binary.AppendUvarint(nil, 1<<40)
	for name, state := range map[string]State{
		"a position before the floor": {Floor: 9, Position: 5, Known: 20},
		"known before the position":   {Floor: 9, Position: 15, Known: 12},
		"runs too short":              {Floor: 9, Position: 15, Known: 20, Settled: []byte{1, 1}},
		"runs too long":               {Floor: 9, Position: 15, Known: 20, Settled: []byte{1, 90}},
		"half a run":                  {Floor: 9, Position: 15, Known: 20, Settled: []byte{11}},
		"no number":                   {Floor: 9, Position: 15, Known: 20, Settled: []byte{0x80, 0x80}},
		"very many":                   {Floor: 9, Position: 9, Known: 9 + 1<<40, Settled: append(endless, 0)},
		"no runs":                     {Floor: 9, Position: 15, Known: 20},
	} {
		t.Run(name, func(t *testing.T) {
			state.Waiting = []Waiting{{Sequence: 10}, {Sequence: 10}, {Sequence: 3}}
			state.Parked = []Parked{{Sequences: []byte{10, 3}}, {Sequences: []byte{0x80}}}
			s := Restore(Config{}, state)
			if s.Floor() != 9 || s.Position() != 9 {
				t.Errorf("floor %d, position %d; want 9", s.Floor(), s.Position())
			}
			s.Join("score-1", plenty, 0)
			s.Offer(Entry{Sequence: 10})
			if g, ok := s.Next(0); !ok || g.Sequence != 10 {
				t.Errorf("%+v, %v", g, ok)
			}
		})
	}
}

// Whatever a state says, restoring it ends, and what is offered behind it is handed out.
func TestAnyStateCanBeRestored(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sequence := rapid.Uint64Range(0, 50)
		names := rapid.SliceOfN(rapid.SampledFrom([]string{"x", "y"}), 0, 3)
		text := rapid.SliceOfN(rapid.ByteRange(0, 20), 0, 8)
		state := State{Floor: sequence.Draw(t, "floor"), Position: sequence.Draw(t, "position"), Known: sequence.Draw(t, "known"), Settled: text.Draw(t, "settled")}
		for range rapid.IntRange(0, 5).Draw(t, "waiting") {
			state.Waiting = append(state.Waiting, Waiting{Sequence: sequence.Draw(t, "sequence"), Key: rapid.SampledFrom([]string{"", "a"}).Draw(t, "key"),
				Bytes: rapid.Int().Draw(t, "bytes"), Tries: rapid.Int().Draw(t, "tries"), Due: time.Duration(rapid.Int64().Draw(t, "due")), Done: names.Draw(t, "done")})
		}
		for range rapid.IntRange(0, 3).Draw(t, "parked") {
			state.Parked = append(state.Parked, Parked{Tries: rapid.Int().Draw(t, "tries"), Done: names.Draw(t, "done"), Sequences: text.Draw(t, "sequences")})
		}
		s := Restore(Config{MaxAside: 2}, state)
		again := Restore(Config{MaxAside: 2}, s.State())
		if a, b := s.State(), again.State(); !reflect.DeepEqual(a, b) {
			t.Fatalf("\n%+v restored is\n%+v", a, b)
		}
		s.Join("score-1", Terms{Events: 10, Bytes: math.MaxInt32, Ordered: Order(rapid.IntRange(0, 2).Draw(t, "order"))}, 0)
		for n := s.Position() + 1; n <= 60; n++ {
			s.Offer(Entry{Sequence: n})
		}
		for now := int64(0); s.Floor() < 60; {
			if g, ok := s.Next(now); ok {
				s.Answer(g.Reader, Reply{Sequence: g.Sequence}, now)
			} else if at, ok := s.Wake(); ok && at > now {
				now = at
			} else {
				t.Fatalf("it stops at %d: %+v", s.Floor(), s.Counts())
			}
		}
	})
}

// What the stream has no more is settled, wherever it is.
func TestMissing(t *testing.T) {
	b := newBench(t, Config{})
	b.join("score-1", Terms{Events: 6, Bytes: 1 << 20})
	b.put("a", 5)
	gifts := b.all()
	b.say(gifts[0], Again, time.Hour)
	for _, sequence := range []uint64{1, 2, 5, 5, 9} { // aside, under way, never given, twice, never offered
		b.Missing(sequence)
	}
	if b.Answer("score-1", Reply{Sequence: 2}, b.at) {
		t.Error("a reader is believed about what is missing")
	}
	b.say(gifts[2], Handled, 0)
	last := b.all()
	b.given(last, "", 4)
	b.say(last[0], Handled, 0)
	b.settled()
	if c := b.Counts(); c.Missing != 3 || c.Aside != 0 || c.Held != 0 || c.UnderWay["score-1"] != 0 {
		t.Errorf("%+v", c)
	}
}

func TestUnsettled(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u, model, last := newUnsettled(), map[uint64]bool{}, uint64(0)
		for range rapid.IntRange(1, 100).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "add") {
				last += rapid.SampledFrom([]uint64{1, 2, 63, 64, 4095, 4096, 1 << 40}).Draw(t, "gap")
				u.add(last)
				model[last] = true
			} else if from, ok := u.from(rapid.Uint64Range(0, last+1).Draw(t, "from")); ok {
				u.remove(from)
				delete(model, from)
			}
			bound := rapid.Uint64Range(0, last+1).Draw(t, "bound")
			lowest, found := uint64(0), false
			for sequence := range model {
				if sequence >= bound && (!found || sequence < lowest) {
					lowest, found = sequence, true
				}
				if !u.has(sequence) {
					t.Fatalf("%d is not there", sequence)
				}
			}
			if got, ok := u.from(bound); got != lowest || ok != found {
				t.Fatalf("from %d: %d, %v; want %d, %v", bound, got, ok, lowest, found)
			}
			if len(u.blocks) > len(model)+1 {
				t.Fatalf("%d blocks for %d sequences", len(u.blocks), len(model))
			}
		}
	})
}
