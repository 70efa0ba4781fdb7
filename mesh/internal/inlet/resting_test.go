package inlet

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/wire"
)

// plain is a talk of score-1 that imports one type from clue-1 at most once.
type plain struct {
	*site
	talk *talk
	*inlet
}

func newPlainSite(t *testing.T) *plain {
	s := newSite(t, func(i *config.Import) { i.Ordered = config.OrderedByKey })
	s.link()
	known := s.set.exchange.Load().talks["clue-1"]
	p := &plain{site: s, talk: newTalk(known.Env, "clue-1", wire.ID{1})}
	var way Exporter = s
	p.talk.way.Store(&way)
	p.talk.taking.Store(true)
	p.inlet = newInlet(p.talk, known.imports[0].of, "import")
	p.talk.once.Store(&[]*inlet{p.inlet})
	ended := make(chan struct{})
	go p.talk.run(&Set{ended: ended})
	t.Cleanup(func() {
		close(ended)
		synctest.Wait()
	})
	s.wait(time.Second)
	p.mayTell()
	return p
}

// mayTell lets the talk tell what was taken, as a welcome does.
func (p *plain) mayTell() {
	p.talk.mu.Lock()
	defer p.talk.mu.Unlock()
	p.talk.mayTell = true
}

// come lets an event come that is behind so many others. It cannot be read, and counts all the
// same.
func (p *plain) come(before uint64) {
	data := wire.AppendPlace(nil, 7, before)
	p.receive(&nats.Msg{Data: wire.AppendContainer(data, []byte{1})})
}

// told is how many events clue-1 was told last that were taken.
func (p *plain) told() (count uint64) {
	synctest.Wait()
	p.site.mu.Lock()
	defer p.site.mu.Unlock()
	for _, message := range p.said {
		if m, ok := message.(*wire.Taken); ok {
			count = m.Types[0].Count
		}
	}
	return count
}

// Who has nothing to say looks seldom. What comes wakes it, and is told as soon as among others:
// the exporter has little room for what it was not told to be taken.
func TestWhatComesAfterARestIsToldSoon(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		p := newPlainSite(t)
		for n := range uint64(8) { // at any time between two looks
			time.Sleep(7*lookEach + lookEach/2)
			p.come(n)
			time.Sleep(lookEach)
			if got := p.told(); got != n+1 {
				t.Errorf("told of %d within %v, want %d", got, lookEach, n+1)
			}
		}
	})
}

// What was taken is told again on a new link: it may have been on its way when the former one
// broke.
func TestWhatWasTakenIsToldAgainOnANewLink(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		p := newPlainSite(t)
		p.site.mu.Lock()
		p.deaf = true
		p.site.mu.Unlock()
		p.come(0)
		p.wait(time.Second)
		p.site.mu.Lock()
		p.deaf = false
		p.epoch++
		p.site.mu.Unlock()
		p.wait(time.Second)
		p.talk.stir() // as Set.Look does
		p.wait(time.Second)
		p.mayTell()
		p.talk.stir()
		p.wait(time.Second)
		if got := p.told(); got != 1 {
			t.Errorf("told of %d, want 1", got)
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
