package readers

import (
	"sync"
	"testing"
	"time"

	"leafmesh/mesh/internal/wire"
)

// Everything may happen at once.
func TestConcurrentUse(t *testing.T) {
	names := []string{"score-1", "score-2", "score-3", "hunt-1"}
	s := newSite(t, &outbox{}, names...)
	var group sync.WaitGroup
	for n, name := range names {
		group.Go(func() {
			for i := range 300 {
				switch i % 6 {
				case 0, 3:
					s.greet(name, byte(i%2), []string{solved, "*" + opened, "+" + taken}...)
				case 1:
					s.say(name, &wire.Taken{Nonce: wire.ID{0}, Types: []wire.TakenType{{Type: solved, Run: uint64(i), Count: 1}}})
				case 2:
					s.lines[name].set(n == 0)
					s.Look(time.Now())
					s.lines[name].set(false)
				case 4:
					s.say(name, &wire.Goodbye{Nonce: wire.ID{byte(i % 2)}})
				case 5:
					s.heard(name)
				}
			}
		})
	}
	for _, subject := range []string{solved, opened} { // one goroutine sends the events of a type
		group.Go(func() {
			audience := s.Audience(subject)
			for i, key := range keys(2000) {
				for _, r := range audience.Choose(key, nil) {
					if !r.Hears() || i%50 == 0 {
						r = audience.Instead(r, key)
					}
					if r != nil && r.Largest() > 0 {
						r.Place()
						s.send(r, 1)
					}
				}
			}
		})
	}
	group.Wait()
	s.Goodbye()
	for _, name := range names {
		s.greet(name, 1, solved)
	}
	if got := s.chosen(solved, "k"); len(got) != 2 {
		t.Errorf("in the end %q get events", got)
	}
}

// Whatever readers say, the exporter goes on: another reader gets its events.
func FuzzHear(f *testing.F) {
	for _, message := range []any{helloOf(1, solved, "*"+opened, "+"+taken, hinted), helloOf(1, solved, "*"+solved, solved), helloOf(2, solved, solved), &wire.Hello{},
		&wire.Goodbye{Nonce: wire.ID{1}}, &wire.Taken{Nonce: wire.ID{1}, Types: []wire.TakenType{{Type: solved, Run: 1, Count: 1 << 63}}},
		&wire.Answers{Nonce: wire.ID{1}}, &wire.Welcome{}, &wire.Batch{}} {
		data, err := wire.EncodeTalk(message)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, data)
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		s := newSite(t, &outbox{}, "score-1", "hunt-1")
		s.greet("hunt-1", 1, solved)
		s.greet("score-1", 1, solved)
		s.Hear("score-1", first)
		s.Hear("score-1", second)
		for _, key := range []string{"", "k"} {
			chosen := s.Audience(solved).Choose(key, nil)
			if len(chosen) == 0 || len(chosen) > 2 || chosen[0].Name != "hunt-1" {
				t.Fatalf("%d get an event", len(chosen))
			}
			for _, r := range chosen {
				s.send(r, 1)
				if n := r.onItsWay(); n > 2 {
					t.Fatalf("%d are on their way to %s", n, r.Name)
				}
				if r.Largest() < 0 || r.Largest() > 1000 {
					t.Fatalf("it takes %d bytes", r.Largest())
				}
			}
		}
		s.Look(time.Now())
		s.Goodbye()
	})
}
