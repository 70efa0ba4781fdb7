package handout

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// bench is a shelf in a test, with a clock.
type bench struct {
	*testing.T
	*Shelf
	at       int64
	sequence uint64
}

func newBench(t *testing.T, c Config) *bench {
	return &bench{T: t, Shelf: New(c), at: int64(time.Hour)}
}

// plenty is credit for all that a test has.
var plenty = Terms{Events: maxCredit, Bytes: 1 << 30}

func (b *bench) join(name string, t Terms) { b.Join(name, t, b.at) }

// put offers events of a key, of 100 bytes each.
func (b *bench) put(key string, events int) {
	for range events {
		b.sequence++
		b.Offer(Entry{b.sequence, key, 100})
	}
}

func (b *bench) wait(d time.Duration) { b.at += int64(d) }

// all takes what the shelf gives now.
func (b *bench) all() (gifts []Gift) {
	for {
		g, ok := b.Next(b.at)
		if !ok {
			return gifts
		}
		gifts = append(gifts, g)
	}
}

func (b *bench) say(g Gift, v Verdict, after time.Duration, done ...string) {
	b.Helper()
	if !b.Answer(g.Reader, Reply{g.Sequence, v, after, done}, b.at) {
		b.Fatalf("%s is not believed about %d", g.Reader, g.Sequence)
	}
}

// serve lets readers answer what is given, again and again, until nothing is given any more. It
// gives what was handled, in turn.
func (b *bench) serve(answer func(Gift) (Verdict, time.Duration, []string)) (handled []Gift) {
	b.Helper()
	for gifts := b.all(); len(gifts) > 0; gifts = b.all() {
		for _, g := range gifts {
			v, after, done := answer(g)
			b.say(g, v, after, done...)
			if v == Handled {
				handled = append(handled, g)
			}
		}
	}
	return handled
}

func handle(Gift) (Verdict, time.Duration, []string) { return Handled, 0, nil }

// settled fails the test if not all is settled.
func (b *bench) settled() {
	b.Helper()
	if floor := b.Floor(); floor != b.sequence {
		b.Errorf("settled up to %d of %d: %+v", floor, b.sequence, b.Counts())
	}
}

// sequences are those of gifts to a reader, or to all.
func sequences(gifts []Gift, reader string) (list []uint64) {
	for _, g := range gifts {
		if reader == "" || g.Reader == reader {
			list = append(list, g.Sequence)
		}
	}
	return list
}

// of is the gift of an event.
func of(gifts []Gift, sequence uint64) Gift {
	return gifts[slices.IndexFunc(gifts, func(g Gift) bool { return g.Sequence == sequence })]
}

func (b *bench) given(gifts []Gift, reader string, want ...uint64) {
	b.Helper()
	got := sequences(gifts, reader)
	if slices.Sort(got); !slices.Equal(got, want) {
		b.Errorf("given to %q: %v, want %v", reader, got, want)
	}
}

// keyOf finds a key that goes to a reader.
func (b *bench) keyOf(reader string) string {
	for n := 0; ; n++ {
		if key := fmt.Sprint("key-", n); b.pick(key, nil).name == reader {
			return key
		}
	}
}
