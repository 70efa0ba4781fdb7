package handout

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"
)

// Keys are spread, and stay where they are; only those of a reader that leaves move.
func TestAKeyStaysWithOneReader(t *testing.T) {
	b := newBench(t, Config{})
	for _, name := range []string{"score-1", "score-2", "score-3"} {
		b.join(name, plenty)
	}
	owners := func() map[string]string {
		owner := map[string]string{}
		for range 3 {
			for n := range 300 {
				b.put(fmt.Sprint("team-", n), 1)
			}
			for _, g := range b.serve(handle) {
				if was, ok := owner[g.Key]; ok && was != g.Reader {
					t.Fatalf("%s went to %s and to %s", g.Key, was, g.Reader)
				}
				owner[g.Key] = g.Reader
			}
		}
		return owner
	}
	before, share := owners(), map[string]int{}
	for _, reader := range before {
		share[reader]++
	}
	for name, n := range share {
		if n < 70 || n > 130 {
			t.Errorf("%s has %d of 300 keys", name, n)
		}
	}
	b.Leave("score-2", b.at)
	for key, reader := range owners() {
		if before[key] != "score-2" && before[key] != reader {
			t.Errorf("%s moved from %s to %s", key, before[key], reader)
		}
	}
	b.join("score-2", plenty)
	for key, reader := range owners() {
		if before[key] != reader {
			t.Errorf("%s is with %s, and was with %s", key, reader, before[key])
		}
	}
}

// What has no key goes to whoever has most credit left.
func TestWithoutAKeyTheLeastLoadedGetsIt(t *testing.T) {
	b := newBench(t, Config{})
	b.join("score-1", Terms{Events: 10, Bytes: 1 << 20})
	b.join("score-2", Terms{Events: 2, Bytes: 1 << 20})
	b.put("", 20)
	got := b.all()
	if one, two := len(sequences(got, "score-1")), len(sequences(got, "score-2")); one != 10 || two != 2 {
		t.Errorf("%d and %d, want all their credit, 10 and 2", one, two)
	}
	if first := sequences(got, "score-1"); !slices.Equal(first[:8], []uint64{1, 2, 3, 4, 5, 6, 7, 8}) {
		t.Errorf("the one with more credit got %v", first)
	}
}

// A key with many events lets one with few in between.
func TestKeysTakeTurns(t *testing.T) {
	b := newBench(t, Config{})
	b.put("many", 1000)
	b.put("few", 2)
	b.join("score-1", Terms{Events: 5, Bytes: 1 << 20})
	b.given(b.all(), "", 1, 2, 1001, 1002)
}

// A key takes no more of the credit than it leaves, so that slow ones never take all. It gets more
// as its events are answered.
func TestNoKeyTakesAllCredit(t *testing.T) {
	b := newBench(t, Config{})
	b.join("score-1", Terms{Events: 96, Bytes: 1 << 20})
	for _, c := range []struct {
		key  string
		want int
	}{{"slow", 48}, {"slow too", 24}, {"third", 12}, {"fourth", 6}, {"fifth", 3}, {"sixth", 2}} {
		b.put(c.key, 100)
		if got := len(b.all()); got != c.want {
			t.Errorf("%s has %d under way, want %d", c.key, got, c.want)
		}
	}
	b.put("good", 1)
	good := b.all()
	b.given(good, "", b.sequence)
	b.say(good[0], Handled, 0)
	b.serve(handle)
	b.given(b.all(), "")
}

// What has no key and failed takes no more than half of the credit.
func TestWhatIsGivenAgainLeavesRoomForWhatIsNew(t *testing.T) {
	b := newBench(t, Config{})
	b.join("score-1", Terms{Events: 10, Bytes: 1 << 20})
	b.put("", 10)
	for _, g := range b.all() {
		b.say(g, Again, time.Second)
	}
	b.wait(time.Second)
	b.put("", 100)
	b.given(b.all(), "", 1, 2, 3, 4, 5, 11, 12, 13, 14, 15)
}

// Behind a key that is slow it reads on, but not while the key is quick.
func TestItLooksBeyondASlowKey(t *testing.T) {
	b := newBench(t, Config{})
	b.join("score-1", Terms{Events: 10, Bytes: 1 << 20})
	b.put("key", 100)
	gifts := b.all()
	for _, g := range gifts[:3] {
		if b.Wants() != 0 {
			t.Errorf("it wants %d more", b.Wants())
		}
		b.wait(slow - 1)
		b.say(g, Handled, 0)
		b.all()
	}
	if at, ok := b.Wake(); !ok || at != b.at+int64(slow) {
		t.Errorf("wakes in %v, %v", time.Duration(at-b.at), ok)
	}
	b.wait(slow)
	if b.given(b.all(), ""); b.Wants() != 5 {
		t.Errorf("it wants %d more", b.Wants())
	}
	b.put("good", 1)
	b.given(b.all(), "", 101)
}

func TestCreditHolds(t *testing.T) {
	b := newBench(t, Config{})
	b.join("score-1", Terms{Events: 10, Bytes: 250})
	b.put("", 3)
	gifts := b.all()
	b.given(gifts, "", 1, 2)
	b.say(gifts[0], Handled, 0)
	third := b.all()
	b.given(third, "", 3)

	// Larger than the credit: alone, and not kept away by small ones.
	b.sequence++
	b.Offer(Entry{b.sequence, "large", 900})
	b.put("small", 5)
	b.given(b.all(), "")
	b.say(gifts[1], Handled, 0)
	b.given(b.all(), "")
	b.say(third[0], Handled, 0)
	large := b.all()
	b.given(large, "", 4)
	b.say(large[0], Handled, 0)
	b.given(b.all(), "", 5, 6)

	b.join("score-1", Terms{Events: 10, Bytes: 1000}) // other terms
	b.given(b.all(), "", 7, 8, 9)
}

func TestOrder(t *testing.T) {
	b := newBench(t, Config{})
	b.join("score-1", Terms{Events: 100, Bytes: 1 << 20, Ordered: ByKey})
	b.put("a", 2)
	b.put("b", 2)
	b.put("", 2)
	first := b.all()
	b.given(first, "", 1, 3, 5)
	b.say(of(first, 1), Again, time.Second)
	b.say(of(first, 3), Handled, 0)
	second := b.all()
	b.given(second, "", 4)
	b.wait(time.Second)
	third := b.all()
	b.given(third, "", 1)
	b.say(third[0], Handled, 0)
	b.given(b.all(), "", 2)

	b = newBench(t, Config{})
	b.join("score-1", Terms{Events: 100, Bytes: 1 << 20, Ordered: Strict})
	b.join("score-2", plenty) // the strictest holds for all
	for range 50 {
		b.put("a", 1)
		b.put("b", 1)
	}
	got := b.serve(handle)
	if !slices.IsSorted(sequences(got, "")) || len(got) != 100 {
		t.Errorf("%v", sequences(got, ""))
	}
	b.put("a", 2)
	if n := len(b.all()); n != 1 {
		t.Errorf("%d are under way at once", n)
	}
}

// An event that is too large for one reader goes to another. If there is none it is lost, and
// others pass.
func TestALargeEventGoesWhereItFits(t *testing.T) {
	b := newBench(t, Config{})
	b.join("score-1", Terms{Events: 10, Bytes: 1 << 20, MaxPayload: 50})
	b.join("score-2", Terms{Events: 10, Bytes: 1 << 20, MaxPayload: 500})
	b.put(b.keyOf("score-1"), 1)
	small := b.all()
	b.given(small, "score-1", 1)
	if b.Oversize("score-1", 1, b.at) {
		t.Error("it is lost, but another takes it")
	}
	if b.Oversize("score-1", 1, b.at) || b.Oversize("nobody", 1, b.at) || b.Oversize("score-1", 7, b.at) {
		t.Error("who does not have it can lose it")
	}
	again := b.all()
	b.given(again, "score-2", 1)
	if again[0].Tries != 0 || b.Counts().UnderWay["score-1"] != 0 {
		t.Errorf("%+v, %+v", again[0], b.Counts())
	}
	b.say(again[0], Handled, 0)

	b.Leave("score-2", b.at)
	b.put("", 2)
	b.given(b.all(), "score-1", 2, 3)
	if !b.Oversize("score-1", 2, b.at) || b.Counts().Oversize != 1 {
		t.Errorf("nobody takes it: %+v", b.Counts())
	}
	if b.Floor() != 2 {
		t.Errorf("the floor is %d", b.Floor())
	}
}

func TestOnlyWhoHasAnEventIsBelieved(t *testing.T) {
	b := newBench(t, Config{})
	b.join("score-1", Terms{Events: 1, Bytes: 1000, Handlers: []string{"a", "b"}})
	b.join("thief", Terms{})
	b.put("", 2)
	b.all()
	for _, c := range []struct {
		reader string
		reply  Reply
		want   bool
	}{
		{"thief", Reply{Sequence: 1}, false},
		{"nobody", Reply{Sequence: 1}, false},
		{"", Reply{Sequence: 1}, false},
		{"score-1", Reply{Sequence: 2}, false}, // not given yet
		{"score-1", Reply{Sequence: 99}, false},
		{"score-1", Reply{Sequence: 1, Verdict: 3}, false},
		{"score-1", Reply{Sequence: 1, Verdict: Again, After: -time.Hour, Done: []string{"a", "a", "stranger"}}, true},
		{"score-1", Reply{Sequence: 1}, false}, // twice
	} {
		if got := b.Answer(c.reader, c.reply, b.at); got != c.want {
			t.Errorf("%q says %+v: believed %v", c.reader, c.reply, got)
		}
	}
	g := b.all()[0]
	if g.Sequence != 1 || g.Tries != 1 || !slices.Equal(g.Done, []string{"a"}) {
		t.Errorf("%+v", g)
	}
	if !slices.Equal(b.once([]string{"a"}), g.Done) {
		t.Error("the same handlers are had twice")
	}
	b.say(g, Later, 1000*time.Hour)
	if at, ok := b.Wake(); !ok || at > b.at+int64(maxAfter) {
		t.Errorf("it stays away until %v, %v", time.Duration(at-b.at), ok)
	}
}

// Events that have the same handlers done share the list, and are not mixed up when more are.
func TestHandlersThatAreDoneAreTheEventsOwn(t *testing.T) {
	b := newBench(t, Config{})
	b.join("score-1", plenty)
	b.put("", 2)
	for _, done := range [][]string{{"a", "b", "c"}, nil} {
		for n, g := range b.all() {
			if done == nil {
				b.say(g, Again, 0, string(rune('x'+n)))
			} else {
				b.say(g, Again, 0, done...)
			}
		}
	}
	for n, g := range b.all() {
		if want := []string{"a", "b", "c", string(rune('x' + n))}; !slices.Equal(g.Done, want) {
			t.Errorf("%d: %v, want %v", g.Sequence, g.Done, want)
		}
	}
}

func TestWants(t *testing.T) {
	terms := func(o Order) Terms { return Terms{Events: 100, Bytes: 1 << 20, Ordered: o} }
	for name, c := range map[string]struct {
		prepare func(*bench)
		want    int
	}{
		"nobody":                {func(*bench) {}, 0},
		"one reader":            {func(b *bench) { b.join("score-1", terms(Unordered)) }, 100},
		"two readers":           {func(b *bench) { b.join("score-1", terms(Unordered)); b.join("score-2", terms(Unordered)) }, 200},
		"no credit":             {func(b *bench) { b.join("score-1", Terms{}) }, 0},
		"whatever it asks":      {func(b *bench) { b.join("score-1", Terms{Events: math.MaxInt32}) }, maxCredit},
		"some are there":        {func(b *bench) { b.join("score-1", terms(Unordered)); b.put("a", 30) }, 70},
		"some are under way":    {func(b *bench) { b.join("score-1", terms(Unordered)); b.put("", 30); b.all() }, 70},
		"strict":                {func(b *bench) { b.join("score-1", terms(Strict)); b.put("", 30) }, ahead - 30},
		"a key in its order":    {func(b *bench) { b.join("score-1", terms(ByKey)); b.put("a", 30); b.all() }, 99},
		"a key far ahead":       {func(b *bench) { b.join("score-1", terms(ByKey)); b.put("a", 381); b.all() }, 20},
		"a key further ahead":   {func(b *bench) { b.join("score-1", terms(ByKey)); b.put("a", 500); b.all() }, 0},
		"a key that hangs":      {func(b *bench) { b.join("score-1", terms(ByKey)); b.put("a", 500); b.all(); b.wait(time.Hour); b.all() }, 99},
		"a key that waits":      {func(b *bench) { b.join("score-1", terms(ByKey)); b.put("a", 500); b.say(b.all()[0], Again, time.Hour) }, 100},
		"far more than allowed": {func(b *bench) { b.join("score-1", terms(ByKey)); b.put("a", apart*defaultMaxAside) }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, Config{})
			c.prepare(b)
			if got := b.Wants(); got != c.want {
				t.Errorf("it wants %d, not %d", got, c.want)
			}
		})
	}
}

// An event that is handled at once allocates nothing.
func TestAPlainEventAllocatesNothing(t *testing.T) {
	b := newBench(t, Config{})
	b.join("score-1", plenty)
	b.join("score-2", plenty)
	keys := []string{"", "a", "b", "c"}
	if n := testing.AllocsPerRun(1000, func() { // no more than fit into one block
		for range 2 {
			b.sequence++
			b.Offer(Entry{b.sequence, keys[b.sequence%4], 100})
		}
		for {
			g, ok := b.Next(b.at)
			if !ok {
				return
			}
			b.at++
			b.Answer(g.Reader, Reply{Sequence: g.Sequence}, b.at)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	b.settled()
}
