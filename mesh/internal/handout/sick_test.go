package handout

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"
)

// A poisoned key has more events than may wait aside, before those of a good one. The good ones
// come at once, and the poisoned key stops.
func TestAPoisonedKeyStopsOnlyItself(t *testing.T) {
	for name, order := range map[string]Order{"unordered": Unordered, "in order by key": ByKey} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, Config{MaxAside: 64})
			b.join("score-1", Terms{Events: 16, Bytes: 1 << 20, Ordered: order})
			tries := map[uint64]int{}
			var good []uint64
			answer := func(g Gift) (Verdict, time.Duration, []string) {
				if g.Key == "poison" {
					tries[g.Sequence]++
					return Again, time.Minute, nil
				}
				good = append(good, g.Sequence)
				return Handled, 0, nil
			}
			keys := slices.Concat(slices.Repeat([]string{"poison"}, 600), slices.Repeat([]string{"good"}, 100))
			for len(keys) > 0 {
				wants := min(b.Wants(), len(keys))
				if wants == 0 {
					t.Fatalf("it reads no further with %d left: %+v", len(keys), b.Counts())
				}
				for range wants {
					b.put(keys[0], 1)
					keys = keys[1:]
				}
				b.serve(answer)
				if order == ByKey {
					b.wait(time.Second)
				}
			}
			if len(good) != 100 || !slices.IsSorted(good) {
				t.Errorf("%d good ones came, want 100 in order: %v", len(good), good)
			}
			if bound := 64 + 16; len(tries) > bound {
				t.Errorf("%d poisoned ones were tried, want at most %d", len(tries), bound)
			}
			if order == ByKey && len(tries) != 1 {
				t.Errorf("%d poisoned ones were tried, want the first", len(tries))
			}
			for n := 0; b.Floor() < b.sequence && n < 1000; n++ { // it is mended
				b.wait(time.Minute)
				b.serve(handle)
			}
			b.settled()
		})
	}
}

// All keys fail. No more wait aside than may, and nothing more is read.
func TestWhereAllFailsAllStops(t *testing.T) {
	b := newBench(t, Config{MaxAside: 64})
	b.join("score-1", Terms{Events: 16, Bytes: 1 << 20})
	for b.Wants() > 0 {
		b.put(string(rune('a'+b.sequence%26))+string(rune('a'+b.sequence/26)), 1)
		b.serve(func(Gift) (Verdict, time.Duration, []string) { return Again, time.Hour, nil })
		if b.sequence > 10_000 {
			t.Fatalf("it never stops: %+v", b.Counts())
		}
	}
	if c := b.Counts(); c.Aside != 2*64 {
		t.Errorf("%d are aside, want %d", c.Aside, 2*64)
	}
	for b.Floor() < b.sequence {
		b.wait(time.Hour)
		b.serve(handle)
	}
	b.settled()
}

// One of two handlers is cut. The other gets each event once, however many there are, and in the
// end the first does.
func TestACutHandlerDoesNotKeepAnotherFromNewEvents(t *testing.T) {
	const events = 2000
	b := newBench(t, Config{MaxAside: 64})
	b.join("score-1", Terms{Events: 32, Bytes: 1 << 20, Handlers: []string{"count", "mail"}})
	counted, mailed, cut := map[uint64]int{}, map[uint64]int{}, true
	answer := func(g Gift) (Verdict, time.Duration, []string) {
		if !slices.Contains(g.Done, "count") {
			counted[g.Sequence]++
		}
		if cut {
			return Later, time.Second, []string{"count"}
		}
		mailed[g.Sequence]++
		return Handled, 0, nil
	}
	for b.sequence < events {
		for range b.Wants() {
			b.put([]string{"", "a", "b"}[b.sequence%3], 1)
		}
		b.serve(answer)
		b.wait(10 * time.Millisecond)
	}
	if len(counted) < events {
		t.Errorf("the good handler got %d of %d events: %+v", len(counted), b.sequence, b.Counts())
	}
	if c := b.Counts(); c.Aside > 64+32 || c.Parked == 0 {
		t.Errorf("what waits: %+v", c)
	}
	b.restart()
	b.join("score-1", Terms{Events: 32, Bytes: 1 << 20, Handlers: []string{"count", "mail"}})
	cut = false
	for n := 0; b.Floor() < b.sequence && n < 1000; n++ {
		b.wait(time.Second)
		b.serve(answer)
	}
	b.settled()
	for sequence := uint64(1); sequence <= b.sequence; sequence++ {
		if counted[sequence] != 1 || mailed[sequence] != 1 {
			t.Fatalf("event %d was counted %d times and mailed %d times", sequence, counted[sequence], mailed[sequence])
		}
	}
}

// A handler is cut, and its events come again faster than the reader answers. The other handler
// gets all that is new, whatever the credit.
func TestWhatComesAgainAndAgainHoldsUpNothingNew(t *testing.T) {
	const events = 500
	keyed := func(n uint64) string { return fmt.Sprint(n % 50) }
	for _, c := range []struct {
		name string
		key  func(uint64) string
		credit
		rounds int
	}{
		{"keys", keyed, credit{32, 1 << 20}, events / 15},
		{"no keys", func(uint64) string { return "" }, credit{32, 1 << 20}, events / 15},
		{"a key each", func(n uint64) string { return fmt.Sprint(n) }, credit{32, 1 << 20}, events / 15},
		{"keys, credit for one", keyed, credit{1, 1 << 20}, 3 * events},
		{"no keys, credit for one", func(uint64) string { return "" }, credit{1, 1 << 20}, 3 * events},
		{"keys, few bytes", keyed, credit{32, 400}, events},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, Config{})
			b.join("score-1", Terms{Events: c.events, Bytes: c.bytes, Handlers: []string{"count", "mail"}})
			counted := map[uint64]bool{}
			for range c.rounds {
				for range min(b.Wants(), events-int(b.sequence)) {
					b.put(c.key(b.sequence), 1)
				}
				for _, g := range b.all() {
					counted[g.Sequence] = true
					b.say(g, Later, 0, "count")
				}
			}
			if len(counted) < events {
				t.Errorf("the good handler got %d of %d events: %+v", len(counted), events, b.Counts())
			}
		})
	}
}

type credit struct{ events, bytes int }

// One of two instances hangs. What it has goes to the other after Patience, what it would have got
// too. What it says in the end counts.
func TestWhatAHangingReaderHasGoesToAnother(t *testing.T) {
	b := newBench(t, Config{Patience: 30 * time.Second})
	b.join("score-1", Terms{Events: 8, Bytes: 1 << 20})
	b.join("score-2", plenty)
	key := b.keyOf("score-1")
	b.put(key, 6)
	first := b.all()
	b.given(first, "score-1", 1, 2, 3, 4)
	if at, ok := b.Wake(); !ok || at != b.at+int64(30*time.Second) {
		t.Errorf("wakes at %v, %v", at, ok)
	}
	b.wait(30*time.Second - 1)
	b.given(b.all(), "")
	b.wait(1)
	second := b.all()
	b.given(second, "score-2", 1, 2, 3, 4, 5, 6)
	slices.SortFunc(second, func(a, b Gift) int { return cmp.Compare(a.Sequence, b.Sequence) })
	b.say(first[0], Handled, 0)          // it has it still
	b.say(second[0], Again, time.Second) // and that is settled
	b.say(second[1], Again, time.Second) // the hanging one may still handle it
	if b.Counts().Aside != 1 {
		t.Errorf("%+v", b.Counts())
	}
	b.say(first[1], Handled, 0)
	for _, g := range second[2:] {
		b.say(g, Handled, 0)
	}
	b.settled()
	if c := b.Counts(); c.UnderWay["score-1"] != 2 || c.UnderWay["score-2"] != 0 || c.Aside != 0 {
		t.Errorf("%+v", c)
	}
	b.put(key, 1)
	b.given(b.all(), "score-2", 7) // score-1 hangs as long as it has some
	b.say(first[2], Handled, 0)
	b.say(first[3], Handled, 0)
	b.put(key, 1)
	b.given(b.all(), "score-1", 8) // and is well again
}

// Who works through what it has, slowly, is left to it.
func TestASlowReaderIsLeftToWork(t *testing.T) {
	b := newBench(t, Config{Patience: 30 * time.Second})
	b.join("score-1", plenty)
	b.put("", 20)
	gifts := b.all()
	b.join("score-2", plenty)
	for _, g := range gifts {
		b.wait(20 * time.Second)
		b.given(b.all(), "")
		b.say(g, Handled, 0)
	}
	b.settled()
}

// One event hangs at a reader that goes on with others, those that it got later.
func TestAHangingEventGoesToAnother(t *testing.T) {
	b := newBench(t, Config{Patience: 30 * time.Second})
	b.join("score-1", plenty)
	b.put("", 4)
	gifts := b.all()
	b.join("score-2", Terms{Events: 1, Bytes: 1 << 20})
	b.say(gifts[0], Handled, 0)
	b.wait(20 * time.Second)
	b.say(gifts[2], Handled, 0)
	b.wait(10 * time.Second)
	b.given(b.all(), "score-2", 2) // 3 was answered before 4, but nothing before 2
	b.wait(20 * time.Second)
	b.given(b.all(), "") // 4 is late too, and score-2 has no more credit
	b.say(gifts[1], Handled, 0)
	b.say(gifts[3], Handled, 0)
	b.settled()
}

// One of two instances puts everything off. Its keys go to the other; from time to time it is tried
// again.
func TestAReaderThatPutsOffStopsNobody(t *testing.T) {
	b := newBench(t, Config{MaxAside: 64})
	b.join("score-1", Terms{Events: 32, Bytes: 1 << 20})
	b.join("score-2", Terms{Events: 32, Bytes: 1 << 20})
	bad, good := b.keyOf("score-1"), b.keyOf("score-2")
	put := 0
	answer := func(g Gift) (Verdict, time.Duration, []string) {
		if g.Reader == "score-1" {
			put++
			return Later, time.Second, nil
		}
		return Handled, 0, nil
	}
	for range 100 {
		b.put(bad, 10)
		b.put(good, 10)
		b.serve(answer)
		b.wait(100 * time.Millisecond)
	}
	b.wait(2 * time.Second)
	b.serve(answer)
	if held := b.Counts().Held; held > 0 {
		t.Errorf("%d wait, though one reader is well", held)
	}
	if put > 600 || put < 2*laters {
		t.Errorf("the reader that puts off was asked %d times", put)
	}
}

// A reader never answers and another goes: nothing is lost, and nothing waits for the former.
func TestWhatALeavingReaderHasGoesToOthersAtOnce(t *testing.T) {
	b := newBench(t, Config{})
	b.join("score-1", plenty)
	b.put("", 3)
	gifts := b.all()
	b.say(gifts[0], Again, time.Minute)
	b.join("score-2", plenty)
	b.Leave("score-1", b.at)
	again := b.all()
	b.given(again, "score-2", 2, 3)
	for _, g := range again {
		if g.Tries != 0 {
			t.Errorf("%+v: a reader that left did not try it", g)
		}
	}
	if b.Answer("score-1", Reply{Sequence: 2}, b.at) {
		t.Error("a reader that left is believed")
	}
	b.wait(time.Minute)
	last := b.all()
	if b.given(last, "score-2", 1); last[0].Tries != 1 {
		t.Errorf("%+v was tried once", last[0])
	}
}

// restart makes the shelf anew from its state, and reads the stream again.
func (b *bench) restart() {
	b.Shelf = Restore(b.config, b.State())
	for sequence := b.Position() + 1; sequence <= b.sequence; sequence++ {
		b.Offer(Entry{sequence, []string{"", "a", "b"}[(sequence-1)%3], 100})
	}
}

// What waits apart is bounded in bytes too: at the bound its own keys get nothing new, and others
// go on.
func TestTheBoundOfBytesStopsOnlySickKeys(t *testing.T) {
	b := newBench(t, Config{MaxAsideBytes: 250})
	b.join("score-1", plenty)
	b.put("poison", 3)
	for _, g := range b.all() {
		b.say(g, Again, time.Hour)
	}
	b.put("poison", 1)
	b.given(b.all(), "")
	b.put("well", 2)
	b.given(b.all(), "score-1", 5, 6)
	if c := b.Counts(); c.Aside != 3 || c.AsideBytes != 300 {
		t.Errorf("%+v", c)
	}
}
