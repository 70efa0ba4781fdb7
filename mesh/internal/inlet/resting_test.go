package inlet

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/wire"
)

// Who has nothing to say looks seldom. What comes wakes it, and is told as soon as among others:
// the exporter has little room for what it was not told to be taken.
func TestWhatComesAfterARestIsToldSoon(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newSite(t, func(i *config.Import) { i.Ordered = config.OrderedByKey })
		s.link()
		known := s.set.exchange.Load().talks["clue-1"]
		other := newTalk(known.Env, "clue-1", wire.ID{1})
		var way Exporter = s
		other.way.Store(&way)
		other.taking.Store(true)
		i := newInlet(other, known.imports[0].of, "import")
		other.once.Store(&[]*inlet{i})
		ended := make(chan struct{})
		go other.run(&Set{ended: ended})
		defer func() {
			close(ended)
			synctest.Wait()
		}()
		time.Sleep(time.Second)
		synctest.Wait()
		other.mu.Lock()
		other.mayTell = true
		other.mu.Unlock()
		taken := func() (count uint64) {
			synctest.Wait()
			s.mu.Lock()
			defer s.mu.Unlock()
			for _, message := range s.said {
				if m, ok := message.(*wire.Taken); ok {
					count = m.Types[0].Count
				}
			}
			return count
		}
		message := func(before uint64) *nats.Msg {
			data := wire.AppendPlace(nil, 7, before)
			return &nats.Msg{Data: wire.AppendContainer(data, []byte{1})} // no event, which counts as one that came
		}
		for n := range uint64(8) { // at any time between two looks
			time.Sleep(7*lookEach + lookEach/2)
			i.receive(message(n))
			time.Sleep(lookEach)
			if got := taken(); got != n+1 {
				t.Errorf("told of %d within %v, want %d", got, lookEach, n+1)
			}
		}
	})
}

// Who rests is woken for another link than before, and for nothing else: to be woken is what an
// idle node costs.
func TestWhoRestsIsWokenForAnotherLink(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newSite(t, nil)
		s.link()
		s.wait(time.Second)
		talk := s.set.exchange.Load().talks["clue-1"]
		rests := func() bool {
			s.set.Look()
			return talk.resting.Load()
		}
		if !rests() {
			t.Error("it is woken for the link that it knows")
		}
		s.mu.Lock()
		s.epoch++ // it broke and came back between two looks
		s.mu.Unlock()
		if rests() {
			t.Error("it sleeps on another link")
		}
		s.wait(lookEach)
		if talk.linked.Load() != s.epoch || len(s.heard()) == 0 {
			t.Errorf("it knows link %d of %d, and said %q", talk.linked.Load(), s.epoch, s.heard())
		}
		s.welcome("")
		s.wait(time.Second)
		s.cutLink()
		s.wait(time.Second)
		if rests() || talk.linked.Load() != 0 {
			t.Errorf("it knows link %d, which is down", talk.linked.Load())
		}
	})
}
