package outbox

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"leafmesh/mesh/internal/wire"
)

// as says hello with what a reader remembers.
func (s *site) as(t *testing.T, p *peer, handled uint64, link uint64) {
	t.Helper()
	asked := imports(1000, taken)
	asked[0].Stream, asked[0].Handled = s.identity, handled
	p.say(t, &wire.Hello{Nonce: p.nonce, MaxPayload: 68 << 10, Imports: asked, Link: link})
}

// A reader that remembers less than it has handled was restored: that is in the log, once, with the
// figures, and it takes what still lies in the outbox. One that was killed may have forgotten the
// last seconds.
func TestARestoredReaderIsNoticed(t *testing.T) {
	for name, c := range map[string]struct {
		age     time.Duration // of what it handled last
		restart bool          // of the exporter
		noticed bool
	}{
		"restored":                       {time.Hour, false, true},
		"restored, the exporter as well": {time.Hour, true, true},
		"killed just now":                {0, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := serving(t, func(s *site) { s.config.Duplicates = time.Hour })
			p := s.peer("score-1")
			s.as(t, p, 0, 0)
			s.storeSingly(t, taken, 1, 20)
			p.answer(t, wire.Handled, p.get(t, 20)...)
			eventually(t, "all are handled", func() bool { return s.readerOf("score").Unacked == 0 && s.readerOf("score").Pending == 0 })
			s.library.do(t.Context(), func() {
				told := s.library.shelves[0].toldBy("score-1")
				told.since -= int64(c.age)
				told.pending = told.highest
				told.settle(s.library.now())
				s.library.changed = true
			})
			if c.restart {
				s.reopen(t)
			}
			p = s.peer("score-1") // another process
			s.as(t, p, lastNumber(7), 0)
			if c.noticed {
				if got := texts(p.get(t, 13)); got != numbered(8, 20) {
					t.Errorf("got %s", got)
				}
			}
			s.as(t, p, lastNumber(7), 0) // a sign of life
			s.store(t, taken, 21, 21)
			if got := texts(p.get(t, 1)); got != "21" {
				t.Errorf("then it got %s", got)
			}
			line := fmt.Sprintf("type=clue.hint.taken handled=%d last=%d", lastNumber(20), lastNumber(7))
			if n, want := strings.Count(s.log.String(), line), map[bool]int{true: 1}[c.noticed]; n != want {
				t.Errorf("%d lines, want %d:\n%s", n, want, s.log.String())
			}
		})
	}
}
