package inlet

import (
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/stats"
	"slices"
	"strings"
	"testing"
)

// A message of answers is no larger than the exporter takes, and names that are too long go first.
func TestPortion(t *testing.T) {
	answer := func(names ...string) wire.Answer {
		return wire.Answer{Type: solved, Sequence: 1 << 60, After: 1 << 60, Done: names}
	}
	long := strings.Repeat("x", 256)
	for name, c := range map[string]struct {
		list       []wire.Answer
		room, want int
	}{
		"none":            {nil, 4096, 0},
		"few":             {[]wire.Answer{answer(), answer()}, 4096, 2},
		"many":            {slices.Repeat([]wire.Answer{answer()}, 2000), 4096, 63},
		"in a large room": {slices.Repeat([]wire.Answer{{}}, 5000), 1 << 20, 681},
		"long names":      {[]wire.Answer{answer(long, long), answer(long, long), answer(long)}, 1400, 2},
		"too long names":  {[]wire.Answer{answer(long, long, long, long), answer()}, 1024, 1},
	} {
		t.Run(name, func(t *testing.T) {
			n := portion(c.list, c.room)
			if n != c.want {
				t.Errorf("%d, want %d", n, c.want)
			}
			data, err := wire.EncodeTalk(&wire.Answers{Nonce: wire.ID{1}, Answers: c.list[:n]})
			if err != nil || len(data) > c.room {
				t.Errorf("%d bytes in a room of %d, %v", len(data), c.room, err)
			}
		})
	}
}

// Parts of large events may have small events between them.
func TestParts(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newSite(t, nil)
		s.link()
		whole := event(1, "owls")
		part := func(from, to int, more bool) wire.BatchEvent {
			return wire.BatchEvent{Sequence: 1, Tries: 1, Done: []string{"count"}, Message: whole.Message[from:to], More: more, From: uint64(from)}
		}
		s.give(part(0, 10, true), event(2, "owls"))
		s.want("2 handled")
		s.cutLink() // the rest is lost
		s.link()
		s.heard()
		s.give(part(0, 20, true))
		s.give(event(3, "owls"), part(20, 30, true), part(30, len(whole.Message), false))
		s.want("1 handled", "3 handled")
		s.wantCalled("mail", 2, 3, 1)
		s.wantCalled("count", 2, 3)
		// A part that is missing is no event, and does not become one: it comes again.
		gap := part(0, 10, true)
		gap.Sequence = 4
		s.give(gap)
		gap = part(20, len(whole.Message), false)
		gap.Sequence = 4
		s.give(gap)
		s.want("4 later but for count")
		for n := range uint64(maxBegun + 1) {
			begun := part(0, 10, true)
			begun.Sequence = 100 + n
			s.give(begun)
		}
		if got := s.count(stats.Lost, stats.Malformed); got != 2 {
			t.Errorf("%d dropped, want 2", got)
		}
		s.wantKept()
	})
}
