package outbox

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"leafmesh/mesh/internal/handout"
	"leafmesh/mesh/internal/wire"
)

func stored(sequence uint64, message string) fed {
	return fed{handout.Entry{Sequence: sequence, Bytes: len(message)}, []byte(message)}
}

// A tail has all behind where it begins, or says that it has not.
func TestTail(t *testing.T) {
	tail := &tail{most: 30, from: 4}
	after := func(sequence uint64, want string) {
		t.Helper()
		some, all, ok := tail.after(sequence, 2)
		got := fmt.Sprint(all, ok)
		for _, e := range some {
			got += " " + string(e.message)
		}
		if got != want {
			t.Errorf("behind %d: %q, want %q", sequence, got, want)
		}
	}
	after(3, "0 false")
	after(4, "0 true")
	for n := uint64(5); n < 14; n += 2 { // others are of other types
		tail.add(stored(n, fmt.Sprintf("%9d", n)))
	}
	after(6, "0 false") // 7 is pushed out
	after(7, "3 true         9        11")
	after(9, "2 true        11        13")
	after(11, "1 true        13")
	after(12, "1 true        13")
	after(13, "0 true")
	tail.cut() // one that nobody knows
	after(13, "0 false")
	tail.add(stored(16, "a")) // behind it
	after(15, "0 false")
	after(16, "0 true")
	tail.add(stored(17, "b"))
	after(16, "1 true b")
	tail.add(fed{handout.Entry{Sequence: 18, Bytes: 1 << 20}, nil}) // too large
	after(17, "0 false")
	after(18, "0 true")
}

// Whatever readers do while events are stored and the node is started anew, each event is handled,
// whether it came out of memory or out of the stream.
func TestReadersComeAndGo(t *testing.T) {
	const events, keys = 3000, 40
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	s := newSite(t, func(s *site) { s.config.tuning.tail = 400 }).open(t)
	var mu sync.Mutex
	handled := map[string]map[string]int{"hunt": {}, "score": {}}
	next := 1
	for round := range 80 {
		for range 60 {
			if next <= events {
				s.storeKey(t, solved, fmt.Sprintf("k%d", next%keys), next, next)
				next++
			}
		}
		name := []string{"hunt-1", "hunt-2", "score-1"}[random.IntN(3)]
		switch {
		case random.IntN(20) == 0:
			s.reopen(t)
		case random.IntN(5) == 0:
			s.Gone(name)
		default:
			p := s.peer(name)
			byService := imports(1+random.IntN(100), solved)
			if serviceOf(name) == "score" {
				byService[0].Ordered = 1
			}
			verdicts := rand.New(rand.NewPCG(seed, uint64(round)))
			p.handles(func(b *wire.Batch) {
				answers := &wire.Answers{Nonce: p.nonce}
				for _, e := range b.Events {
					a := wire.Answer{Type: b.Type, Sequence: e.Sequence}
					if a.Verdict = wire.Verdict(max(0, verdicts.IntN(6)-3)); a.Verdict == wire.Handled {
						mu.Lock()
						handled[serviceOf(name)][string(e.Message)]++
						mu.Unlock()
					}
					a.After = uint64(verdicts.IntN(int(time.Millisecond)))
					answers.Answers = append(answers.Answers, a)
				}
				if b.Nonce == p.nonce {
					p.say(t, answers)
				}
			})
			p.hello(t, byService...)
		}
	}
	for _, name := range []string{"hunt-3", "score-3"} {
		p := s.peer(name)
		p.handles(func(b *wire.Batch) {
			answers := &wire.Answers{Nonce: p.nonce}
			for _, e := range b.Events {
				mu.Lock()
				handled[serviceOf(name)][string(e.Message)]++
				mu.Unlock()
				answers.Answers = append(answers.Answers, wire.Answer{Type: b.Type, Sequence: e.Sequence})
			}
			p.say(t, answers)
		})
		p.hello(t, imports(100, solved)...)
	}
	for _, name := range []string{"hunt-1", "hunt-2", "score-1"} {
		s.Gone(name)
	}
	eventually(t, "all are handled and removed", func() bool { return s.events(t) == 0 })
	for service, got := range handled {
		if len(got) != events {
			t.Errorf("%s handled %d of %d events", service, len(got), events)
		}
	}
	if lost := s.readerOf("hunt").Lost + s.readerOf("score").Lost; lost > 0 {
		t.Errorf("%d are lost", lost)
	}
}
