package inlet

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"leafmesh/mesh/internal/leaf"
	"leafmesh/mesh/internal/steps"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/stats"
)

// talk is what this node and one exporter say to each other about durable events. One goroutine says
// all that this node says; what the exporter says is heard by who calls hear, one at a time.
type talk struct {
	*Env
	exporter  string
	nonce     wire.ID
	imports   []*durable
	malformed *steps.Point
	answers   answers
	closing   atomic.Bool

	mu       sync.Mutex
	greeting greeting // guarded by mu
	mayTell  bool     // guarded by mu: the exporter knows this node's events under way
	relinked bool     // guarded by mu: an earlier link broke
	room     int      // guarded by mu: of a message to the exporter, in bytes

	// Owned by the goroutine that speaks.
	epoch    uint64
	up       bool
	goodbye  bool  // was said
	lookedAt int64 // at the link
	spokeAt  int64 // when answers were sent
	aliveAt  int64
}

// lookEach is how often somebody looks at the link who has nothing else to do.
const lookEach = 50 * time.Millisecond

// aliveEvery is how often the exporter is told that events are under way here.
const aliveEvery = int64(3 * time.Second)

// toldLately is how far back answers are told again on a new link.
const toldLately = int64(10 * time.Second)

var (
	errLinkDown = errors.New("the link is down")
	errEnding   = errors.New("the exporter is ending")
	errSilent   = errors.New("the exporter has stopped answering")
	errNoAnswer = fmt.Errorf("%w: it does not answer: name this service in an export's kept_for there, import without durable, or upgrade it if it is older than this node", leaf.ErrNotExported)
)

func newTalk(env *Env, exporter string, nonce wire.ID) *talk {
	return &talk{Env: env, exporter: exporter, nonce: nonce, room: env.MaxPayload,
		answers:   answers{wake: make(chan struct{}, 1)},
		malformed: env.Trace.Point(steps.Step{Outcome: stats.Lost, Place: steps.At(steps.Import), Rule: stats.Malformed})}
}

// newNonce names this process, or a beginning anew of it.
func newNonce() (n wire.ID) {
	_, _ = rand.Read(n[:]) // it never fails
	return n
}

// run speaks until ended is closed, and then says the last answers.
func (t *talk) run(ended <-chan struct{}) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-t.answers.wake:
		case <-ended:
			t.tell(t.Clock.Now(), 0)
			return
		}
		now := t.Clock.Now()
		t.look(now)
		t.greet(now)
		timer.Reset(t.tell(now, gatherCount))
	}
}

// look finds out whether there is another link than before.
func (t *talk) look(now int64) {
	if t.lookedAt != 0 && now-t.lookedAt < int64(lookEach) {
		return
	}
	t.lookedAt = now
	epoch, up := t.Linked(t.exporter)
	if epoch == t.epoch && up == t.up {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.relinked = t.relinked || t.up
	t.epoch, t.up, t.mayTell = epoch, up, false
	t.greeting = greeting{since: now}
	for _, d := range t.imports {
		d.unbind(errLinkDown, false)
	}
}

// greet says hello when it is time to, or goodbye once the node closes.
func (t *talk) greet(now int64) {
	switch {
	case !t.up:
	case t.closing.Load():
		if !t.goodbye {
			t.goodbye = t.say(&wire.Goodbye{Nonce: t.nonce}) == nil
		}
	case t.isHelloDue(now):
		if err := t.say(t.hello()); err != nil {
			t.Log.Rarely("hello not said to an exporter", "peer", t.exporter, "error", err)
		}
	}
}

// isHelloDue asks the greeting, and disconnects the imports whose exporter is silent.
func (t *talk) isHelloDue(now int64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	due, silent := t.greeting.ask(now)
	switch silent {
	case neverAnswered:
		t.unbind(errNoAnswer, true)
	case stoppedAnswering:
		t.unbind(errSilent, false)
	}
	return due
}

func (t *talk) unbind(why error, final bool) {
	for _, d := range t.imports {
		d.unbind(why, final)
	}
}

func (t *talk) hello() *wire.Hello {
	h := &wire.Hello{Nonce: t.nonce, MaxPayload: uint64(t.MaxPayload)}
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
	return t.Say(t.exporter, data)
}

// tell says the answers that are there, unless others were sent just now, they are fewer than enough,
// and more are to come: else the exporter may have nothing to give before it hears them, as in order.
// It returns when to look again.
func (t *talk) tell(now int64, enough int) time.Duration {
	t.mu.Lock()
	mayTell, room := t.mayTell, t.room
	t.mu.Unlock()
	if !mayTell {
		return lookEach
	}
	count, since := t.answers.count(), now-t.spokeAt
	alive := now-t.aliveAt >= aliveEvery
	switch {
	case count == 0 && !alive:
		return lookEach
	case count < enough && since < int64(gatherFor) && t.busy():
		return gatherFor - time.Duration(since)
	}
	if alive {
		t.aliveAt = now
		if living := t.living(); living != nil {
			t.tellOne(&wire.Answers{Nonce: t.nonce, Alive: living})
		}
	}
	if count > 0 {
		t.spokeAt = now
		t.tellAll(t.answers.takeAll(), room)
	}
	return lookEach
}

// busy reports whether events are under way.
func (t *talk) busy() bool {
	return slices.ContainsFunc(t.imports, func(d *durable) bool { return d.underWay() > 0 })
}

// living lists the types of which events are under way.
func (t *talk) living() (types []string) {
	for _, d := range t.imports {
		if d.underWay() > 0 {
			types = append(types, d.of.Subject)
		}
	}
	return types
}

func (t *talk) tellAll(list []wire.Answer, room int) {
	for len(list) > 0 {
		n := portion(list, room)
		if !t.tellOne(&wire.Answers{Nonce: t.nonce, Answers: list[:n]}) {
			t.answers.putBack(list)
			return
		}
		list = list[n:]
	}
}

func (t *talk) tellOne(a *wire.Answers) (told bool) {
	err := t.say(a)
	if err != nil {
		t.Log.Rarely("answers about events not sent yet", "peer", t.exporter, "error", err)
	}
	return err == nil
}

// close lets the talk take no more.
func (t *talk) close() {
	t.closing.Store(true)
	t.answers.rouse()
}
