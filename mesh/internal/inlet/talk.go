package inlet

import (
	"crypto/rand"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"leafmesh/mesh/internal/release"
	"leafmesh/mesh/internal/steps"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/stats"
)

// talk is what this node and one exporter say to each other. One goroutine says
// all that this node says; what the exporter says is heard by who calls hear, one at a time.
type talk struct {
	*Env
	sleep
	exporter  string
	way       atomic.Pointer[Exporter] // another one after each sleep
	nonce     wire.ID
	once      atomic.Pointer[[]*inlet] // at most once; replaced as a whole, and none goes
	imports   []*durable
	malformed *steps.Point
	answers   answers
	paths     atomic.Pointer[paths] // replaced by who hears the exporter
	closing   atomic.Bool
	resting   atomic.Bool   // nothing came lately: what comes is to wake who speaks
	linked    atomic.Uint64 // the number of the link that was seen last; 0: it was down
	away      atomic.Bool   // nothing is to come in: see sleep
	// unreturned is how many goodbyes the exporter has not returned.
	unreturned atomic.Int64

	mu       sync.Mutex
	greeting greeting // guarded by mu
	mayTell  bool     // guarded by mu: the exporter knows this node's events under way
	relinked bool     // guarded by mu: an earlier link broke
	peer     peer     // guarded by mu
	upToDate bool     // guarded by mu: the last welcome was to what is imported now
	saidAt   int64    // guarded by mu: when the hello was said that is to be answered; 0: none, saidTwice: several
	room     int      // guarded by mu: of a message to the exporter, in bytes
	learned  []uint64 // guarded by mu: numbers of paths that the exporter is to hear are known

	// Owned by the goroutine that speaks.
	link       uint64 // its number
	links      uint64 // how many there were
	up         bool
	bidAt      int64 // when the link went of an exporter that had said goodbye; 0: it did not
	redialedAt int64 // since then
	goodbye    bool  // was said
	lookedAt   int64 // at the link
	spokeAt    int64 // when answers were sent
	takenAt    int64 // when it was told what was taken
}

// lookEach is how often somebody looks at the link who has nothing else to do. While nothing comes
// over a link that is up, [Set.Look] looks instead: to be woken is nearly all that an idle node
// costs.
const lookEach = 50 * time.Millisecond

// toldLately is how far back answers are told again on a new link.
const toldLately = int64(10 * time.Second)

// newTalk makes a talk that sleeps.
func newTalk(env *Env, exporter string, nonce wire.ID) *talk {
	return &talk{Env: env, exporter: exporter, nonce: nonce, room: env.MaxPayload, sleep: sleep{asleep: true},
		answers:   answers{wake: make(chan struct{}, 1)},
		malformed: env.Trace.Point(steps.Step{Outcome: stats.Lost, Place: steps.At(steps.Import), Rule: stats.Malformed})}
}

// newNonce names this process, or a beginning anew of it.
func newNonce() (n wire.ID) {
	_, _ = rand.Read(n[:]) // it never fails
	return n
}

// to is the way to the exporter.
func (t *talk) to() Exporter { return *t.way.Load() }

// run speaks until the talk falls asleep, or the set ends; then it says the last answers.
func (t *talk) run(s *Set) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-t.answers.wake:
		case <-s.ended:
			t.tell(t.Clock.Now(), 0)
			t.sayTaken()
			t.part()
			return
		}
		now := t.Clock.Now()
		s.resume(t)
		t.look(now)
		t.greet(now)
		t.tellPaths()
		if s.settle(t) {
			return
		}
		timer.Reset(t.tell(now, gatherCount))
	}
}

// look finds out whether there is another link than before.
func (t *talk) look(now int64) {
	if t.lookedAt != 0 && now-t.lookedAt < int64(lookEach) {
		return
	}
	t.lookedAt = now
	number, up := t.to().Link()
	t.linked.Store(numberOf(number, up))
	if number == t.link && up == t.up {
		t.redial(now)
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if up {
		t.links++
		t.bidAt, t.redialedAt = 0, 0
	} else if t.greeting.bidden {
		t.bidAt = now
	}
	t.relinked = t.relinked || t.up
	t.link, t.up, t.mayTell = number, up, false
	t.unreturned.Store(0)
	t.greeting = greeting{since: now}
	t.peer, t.saidAt = peer{bidden: t.peer.bidden}, 0
	t.answers.forgetGot()
	for _, i := range t.plain() {
		i.told.Store(0) // what was said last may not have arrived: it is said again
	}
	t.unbind(errLinkDown, false)
}

const (
	// redialFor is for how long an exporter is dialed again at once that said goodbye: it may only
	// be restarted. After that it is dialed now and then, as one that has died.
	redialFor = int64(30 * time.Second)
	// redialEach is for how long an exporter that listens again has time to link: to dial once more
	// ends what is under way.
	redialEach = int64(time.Second)
)

// redial dials an exporter again that has said goodbye.
func (t *talk) redial(now int64) {
	if t.up || t.bidAt == 0 || now-t.bidAt > redialFor || t.redialedAt != 0 && now-t.redialedAt < redialEach || t.closing.Load() || t.away.Load() {
		return
	}
	if t.to().Redial() == nil { // an error says that it does not listen yet
		t.redialedAt = now
	}
}

// greet says hello when it is time to, or goodbye once the node closes.
func (t *talk) greet(now int64) {
	switch {
	case !t.up:
	case t.closing.Load(), t.away.Load():
		if !t.goodbye {
			t.goodbye = t.sayGoodbye() == nil
		}
		return
	case !t.taking.Load(): // what is asked for would not be heard yet
	case t.isHelloDue(now):
		if err := t.say(t.hello()); err != nil {
			t.Log.Warn("hello not said to an exporter", "peer", t.exporter, "error", err)
		}
	}
	t.goodbye = false
}

// isHelloDue asks the greeting, and disconnects the imports whose exporter is silent.
func (t *talk) isHelloDue(now int64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	due, silent := t.greeting.ask(now)
	if due {
		if t.saidAt != 0 {
			now = saidTwice
		}
		t.saidAt = now
	}
	switch silent {
	case neverAnswered:
		if t.peer.wire == 0 { // else it was said already why
			t.unbind(errNoAnswer, true)
		}
	case stoppedAnswering:
		t.unbind(errSilent, false)
	}
	return due
}

func (t *talk) unbind(why error, final bool) {
	for _, i := range t.plain() {
		i.unbind(why, final)
	}
	for _, d := range t.imports {
		d.unbind(why, final)
	}
}

func (t *talk) hello() *wire.Hello {
	h := &wire.Hello{Nonce: t.nonce, Link: t.links, MaxPayload: uint64(t.MaxPayload), Release: release.Version()}
	for _, i := range t.plain() {
		if !i.left.Load() {
			h.Imports = append(h.Imports, wire.HelloImport{Type: i.of.Subject, Each: i.each.Load(), Limits: i.limits()})
		}
	}
	for _, d := range t.imports {
		h.Imports = append(h.Imports, d.asked())
	}
	return h
}

func (t *talk) say(message any) error {
	data, err := wire.EncodeTalk(message)
	if err != nil {
		return err
	}
	if len(data) > t.MaxPayload {
		return fmt.Errorf("%w: it has %d bytes, max_payload is %d", wire.ErrTooLarge, len(data), t.MaxPayload)
	}
	return t.to().Say(data)
}

// tell says the answers that are there, unless others were sent just now, they are fewer than
// enough, and more are to come: else the exporter may have nothing to give before it hears them, as
// in order. It returns when to look again.
func (t *talk) tell(now int64, enough int) time.Duration {
	t.mu.Lock()
	mayTell, room, helloIn := t.mayTell, t.room, time.Duration(t.greeting.helloAt-now)
	t.mu.Unlock()
	if !mayTell {
		return lookEach
	}
	t.resting.Store(true) // before it is seen that nothing came
	quiet := t.tellTaken(now)
	count, owed := t.answers.count()
	if quiet && count == 0 && !owed && !t.closing.Load() { // nobody calls Look once the node closes
		return max(lookEach, helloIn)
	}
	t.resting.Store(false)
	since := now - t.spokeAt
	switch {
	case count == 0 && !owed:
		return lookEach
	case !owed && count < enough && since < int64(gatherFor) && t.busy():
		return gatherFor - time.Duration(since)
	}
	t.spokeAt = now
	t.tellAll(t.answers.takeAll(), room)
	return lookEach
}

// busy reports whether events are under way.
func (t *talk) busy() bool {
	return slices.ContainsFunc(t.imports, func(d *durable) bool { return d.underWay() > 0 })
}

// tellAll says answers, in so many messages as they need, and what came of the exporter.
func (t *talk) tellAll(list []wire.Answer, room int) {
	got, owed := t.answers.takeGot()
	for len(list) > 0 || owed {
		n := portion(list, room)
		if !t.tellOne(&wire.Answers{Nonce: t.nonce, Answers: list[:n], Got: got}) {
			t.answers.putBack(list, owed)
			return
		}
		list, owed = list[n:], false
	}
}

func (t *talk) tellOne(a *wire.Answers) (told bool) {
	err := t.say(a)
	if err != nil {
		t.Log.Warn("answers about events not sent yet", "peer", t.exporter, "error", err)
	}
	return err == nil
}

// stir wakes who speaks, if nothing came before.
func (t *talk) stir() {
	if t.resting.Load() && t.resting.CompareAndSwap(true, false) {
		t.answers.rouse()
	}
}

// Look wakes those who speak over a link over which nothing came lately, if it is another one than
// they know of. It is to be called a few times in a second.
func (s *Set) Look() {
	for _, t := range s.exchange.Load().talks {
		if !t.resting.Load() {
			continue
		}
		if numberOf(t.to().Link()) != t.linked.Load() {
			t.stir()
		}
	}
}

// numberOf is the number of a link, or 0 if it is down.
func numberOf(link uint64, up bool) uint64 {
	if !up {
		return 0
	}
	return link
}

// tellTaken says what was taken since it was said last, and reports whether that is surely nothing.
func (t *talk) tellTaken(now int64) (nothing bool) {
	if now-t.takenAt < int64(lookEach) {
		return false
	}
	t.takenAt = now
	return t.sayTaken()
}

func (t *talk) sayTaken() (nothing bool) {
	said := &wire.Taken{Nonce: t.nonce}
	for _, i := range t.plain() {
		if run, count, changed := i.taken(); changed {
			said.Types = append(said.Types, wire.TakenType{Type: i.of.Subject, Run: run, Count: count})
		}
	}
	if len(said.Types) == 0 {
		return true
	}
	if err := t.say(said); err != nil {
		t.Log.Warn("an exporter is not told what was taken", "peer", t.exporter, "error", err)
	}
	return false
}

// all are all imports from the exporter.
func (t *talk) all() []*inlet {
	all := slices.Clone(t.plain())
	for _, d := range t.imports {
		all = append(all, d.inlet)
	}
	return all
}

// close lets the talk take no more.
func (t *talk) close() {
	t.closing.Store(true)
	t.answers.rouse()
}
