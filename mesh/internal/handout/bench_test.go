package handout

import (
	"fmt"
	"testing"
	"time"
)

// BenchmarkPlainEvent is the life of an event that is handled at once.
func BenchmarkPlainEvent(b *testing.B) {
	for name, t := range map[string]struct {
		keys, readers, window int
		order                 Order
	}{
		"one reader":         {500, 1, 512, Unordered},
		"one reader, no key": {1, 1, 512, Unordered},
		"three readers":      {500, 3, 512, Unordered},
		"in order by key":    {500, 1, 512, ByKey},
		"strict":             {500, 1, 512, Strict},
	} {
		b.Run(name, func(b *testing.B) {
			s := New(Config{})
			for i := range t.readers {
				s.Join(fmt.Sprintf("score-%d", i), Terms{Events: t.window, Bytes: 1 << 20, Ordered: t.order}, 0)
			}
			keys := make([]string, t.keys)
			for i := range keys {
				if len(keys) > 1 {
					keys[i] = fmt.Sprintf("team-%d", i)
				}
			}
			now, sequence := int64(time.Second), uint64(0)
			step := func(n int) {
				for range n {
					sequence++
					s.Offer(Entry{sequence, keys[sequence%uint64(len(keys))], 200})
				}
				for {
					g, ok := s.Next(now)
					if !ok {
						return
					}
					now += 100
					s.Answer(g.Reader, Reply{Sequence: g.Sequence}, now)
				}
			}
			step(4096)
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N / 64 {
				step(64)
			}
			b.StopTimer()
			if floor := s.Floor(); floor != sequence {
				b.Fatalf("settled up to %d of %d", floor, sequence)
			}
		})
	}
}

// BenchmarkBesideSickOnes is the same beside as many events as may wait aside, and many that are
// held behind them.
func BenchmarkBesideSickOnes(b *testing.B) {
	s := New(Config{})
	s.Join("score-1", Terms{Events: 512, Bytes: 1 << 20, Handlers: []string{"a", "b"}}, 0)
	now, sequence := int64(time.Second), uint64(0)
	offer := func(key string, events int) {
		for range events {
			sequence++
			s.Offer(Entry{sequence, key, 200})
		}
	}
	give := func(verdict Verdict, done ...string) {
		for {
			g, ok := s.Next(now)
			if !ok {
				return
			}
			s.Answer(g.Reader, Reply{g.Sequence, verdict, time.Hour, done}, now)
		}
	}
	for n := range 50 {
		offer(fmt.Sprint("poison-", n), 1000)
		give(Again)
	}
	offer("cut", 100_000)
	give(Later, "a")
	if c := s.Counts(); c.Aside < 4096 || c.Parked < 90_000 || c.Held < 40_000 {
		b.Fatalf("%+v", c)
	}
	keys := []string{"good-1", "good-2", "good-3", "good-4"}
	b.ReportAllocs()
	b.ResetTimer()
	for n := range b.N / 64 {
		offer(keys[n%4], 64)
		give(Handled)
	}
}

// BenchmarkState makes the state of a shelf as it is while all goes well, and of one with many that
// are parked.
func BenchmarkState(b *testing.B) {
	for name, cut := range map[string]int{"well": 0, "a handler is cut": 50_000} {
		b.Run(name, func(b *testing.B) {
			s := New(Config{})
			s.Join("score-1", Terms{Events: 512, Bytes: 1 << 20}, 0)
			for n := range uint64(cut + 600) {
				s.Offer(Entry{n + 1, "", 200})
				if g, ok := s.Next(0); ok && n < uint64(cut) {
					s.Answer(g.Reader, Reply{g.Sequence, Later, time.Hour, []string{"a"}}, 0)
				}
			}
			b.ReportAllocs()
			for b.Loop() {
				s.State()
			}
		})
	}
}
