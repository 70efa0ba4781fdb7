package handout

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"pgregory.net/rapid"
)

// largest is the size of the largest event.
const largest = 1000

// run compares a shelf with the model, step by step.
type run struct {
	*rapid.T
	model *model
	shelf *Shelf
	small bool  // aside there is room for few
	order Order // that readers ask for
}

// A shelf does what the model says, whatever readers do: they come, go, answer rightly, wrongly,
// late, twice or not at all; time passes, events vanish from the stream, and the process begins
// anew.
func TestShelfDoesWhatTheModelSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := Config{Patience: 30 * time.Second}
		small := rapid.IntRange(0, 3).Draw(t, "small") == 0
		if small {
			c.MaxAside = rapid.IntRange(1, 4).Draw(t, "aside")
		}
		r := &run{T: t, shelf: New(c), small: small, order: Order(rapid.IntRange(0, 2).Draw(t, "order")),
			model: &model{config: c, readers: map[string]*modelReader{}, now: rapid.Int64Range(-100, 1e12).Draw(t, "now")}}
		t.Repeat(map[string]func(*rapid.T){
			"offer":   r.step(r.offer),
			"join":    r.step(r.join),
			"leave":   r.step(r.leave),
			"answer":  r.step(r.answer),
			"answer ": r.step(r.answer), // more often
			"forge":   r.step(r.forge),
			"pass":    r.step(r.pass),
			"arrive":  r.step(r.arrive),
			"keep":    r.step(r.withdraw),
			"lose":    r.step(r.lose),
			"reopen":  r.step(r.reopen),
			"put off": r.putOff,
			"vanish":  r.step(r.vanish),
			"restart": r.step(r.restart),
			"":        r.look,
		})
		r.end()
	})
}

// step does something, and then lets the shelf give what it can.
func (r *run) step(do func()) func(*rapid.T) {
	return func(t *rapid.T) {
		r.T = t
		do()
		r.drain()
	}
}

func (r *run) offer() {
	r.reread(math.MaxInt)
	for range rapid.IntRange(1, 8).Draw(r.T, "events") {
		r.model.position += rapid.SampledFrom([]uint64{1, 1, 1, 2, 5000}).Draw(r.T, "gap")
		e := Entry{r.model.position, rapid.SampledFrom([]string{"", "a", "b", "c", "d"}).Draw(r.T, "key"), rapid.IntRange(0, largest).Draw(r.T, "bytes")}
		r.model.events = append(r.model.events, &modelEvent{Entry: e, done: map[string]bool{}, due: math.MinInt64})
		r.shelf.Offer(e)
	}
}

func (r *run) join() {
	name := rapid.SampledFrom([]string{"score-1", "score-2", "score-3"}).Draw(r.T, "reader")
	if !r.small && rapid.IntRange(0, 9).Draw(r.T, "another order") == 0 {
		r.order = Order(rapid.IntRange(0, 2).Draw(r.T, "order"))
	}
	t := Terms{Events: rapid.IntRange(0, 10).Draw(r.T, "credit"), Bytes: rapid.IntRange(0, 6*largest).Draw(r.T, "bytes"),
		Ordered: r.order, Handlers: []string{"x", "y"}, MaxPayload: rapid.SampledFrom([]int{0, 900, 500}).Draw(r.T, "limit")}
	if known := r.model.readers[name]; known != nil {
		known.terms = t
	} else {
		r.model.readers[name] = &modelReader{terms: t}
	}
	r.model.settleOrder()
	r.shelf.Join(name, t, r.model.now)
}

func (r *run) leave() {
	if name, ok := r.someReader(); ok {
		delete(r.model.readers, name)
		r.model.settleOrder()
		r.shelf.Leave(name, r.model.now)
	}
}

func (r *run) someReader() (string, bool) {
	names := slices.Sorted(maps.Keys(r.model.readers))
	if len(names) == 0 {
		return "", false
	}
	return rapid.SampledFrom(names).Draw(r.T, "reader"), true
}

func (r *run) reply(sequence uint64) Reply {
	return Reply{Sequence: sequence, Verdict: Verdict(rapid.IntRange(0, 2).Draw(r.T, "verdict")),
		After: rapid.SampledFrom([]time.Duration{0, time.Second, time.Minute}).Draw(r.T, "after"),
		Done:  rapid.SampledFrom([][]string{nil, {"x"}, {"y", "z"}}).Draw(r.T, "done")}
}

func (r *run) answer() {
	name, ok := r.someReader()
	if !ok || len(r.model.readers[name].held) == 0 {
		return
	}
	for range rapid.IntRange(1, 4).Draw(r.T, "answers") {
		held := r.model.readers[name].held
		if len(held) == 0 {
			return
		}
		a := r.reply(rapid.SampledFrom(held).Draw(r.T, "hold").event.Sequence)
		if r.model.answer(name, a); !r.shelf.Answer(name, a, r.model.now) {
			r.Fatalf("%s was not believed about %+v, which it has", name, a)
		}
		if r.shelf.Answer(name, a, r.model.now) {
			r.Fatalf("%s was believed twice about %+v", name, a)
		}
	}
}

func (r *run) forge() {
	name := rapid.SampledFrom([]string{"score-1", "score-2", "score-3", "nobody"}).Draw(r.T, "forger")
	a := r.reply(rapid.Uint64Range(0, r.model.position+2).Draw(r.T, "sequence"))
	if want, got := r.model.answer(name, a), r.shelf.Answer(name, a, r.model.now); got != want {
		r.Fatalf("%s says %+v: believed %v, want %v", name, a, got, want)
	}
}

func (r *run) pass() {
	r.model.now += rapid.Int64Range(0, int64(left)).Draw(r.T, "time")
	if at, ok := r.shelf.Wake(); ok && rapid.Bool().Draw(r.T, "wake") {
		r.model.now = max(r.model.now, at)
	}
}

// putOff lets a reader answer all that it gets with Later, until it rests.
func (r *run) putOff(t *rapid.T) {
	r.T = t
	name, ok := r.someReader()
	for range 2 * laters {
		if !ok || len(r.model.readers[name].held) == 0 {
			return
		}
		a := Reply{Sequence: r.model.readers[name].held[0].event.Sequence, Verdict: Later}
		r.model.answer(name, a)
		r.shelf.Answer(name, a, r.model.now)
		r.drain()
	}
}

// vanish takes an event out of the stream. Sooner or later the shelf is told.
func (r *run) vanish() {
	if len(r.model.events) == 0 {
		return
	}
	e := rapid.SampledFrom(r.model.events).Draw(r.T, "event")
	e.gone = true
	if !e.settled && rapid.Bool().Draw(r.T, "told") {
		r.missing(e)
	}
}

func (r *run) missing(e *modelEvent) {
	e.settled = true
	for _, reader := range r.model.readers {
		reader.drop(e)
	}
	r.shelf.Missing(e.Sequence)
}

func (r *run) restart() {
	data, err := cbor.Marshal(r.shelf.State())
	if err != nil {
		r.Fatal(err)
	}
	var state State
	if err := cbor.Unmarshal(data, &state); err != nil {
		r.Fatal(err)
	}
	terms := map[string]Terms{}
	for name, reader := range r.model.readers {
		terms[name] = reader.terms
	}
	floor := r.shelf.Floor()
	r.shelf = Restore(r.model.config, state)
	r.model.restart()
	if r.shelf.Floor() != floor {
		r.Fatalf("the floor was %d and is %d", floor, r.shelf.Floor())
	}
	if rapid.Bool().Draw(r.T, "readers first") {
		r.rejoin(terms)
		r.drain()
		r.reread(rapid.IntRange(0, 20).Draw(r.T, "events"))
	} else {
		r.reread(rapid.IntRange(0, 20).Draw(r.T, "events"))
		r.rejoin(terms)
	}
}

func (r *run) rejoin(terms map[string]Terms) {
	for _, name := range slices.Sorted(maps.Keys(terms)) {
		r.model.readers[name] = &modelReader{terms: terms[name]}
		r.model.settleOrder()
		r.shelf.Join(name, terms[name], r.model.now)
	}
}

// reread offers what is left of the stream, at most so many.
func (r *run) reread(most int) {
	for _, e := range r.model.events {
		if e.Sequence > r.shelf.Position() && !e.gone && most > 0 {
			r.shelf.Offer(e.Entry)
			most--
		}
	}
}

// drain takes all that the shelf gives, and sends what can be sent.
func (r *run) drain() {
	r.model.lose()
	for n := 0; ; n++ {
		if n > 100_000 {
			r.Fatal("it does not end")
		}
		g, ok := r.shelf.Next(r.model.now)
		if !ok {
			break
		}
		if wrong := r.model.give(g, !r.small); wrong != "" {
			r.Fatalf("%+v at %d: %s", g, r.model.now, wrong)
		}
		r.send(g)
	}
	if counts := r.shelf.Counts(); !r.small && counts.Held >= 0 {
		if e := r.model.idle(); e != nil && e.Sequence <= r.shelf.Position() {
			r.Fatalf("%+v could be given and is not: %+v", e, counts)
		}
	}
}

func (r *run) send(g Gift) {
	reader := r.model.readers[g.Reader]
	e := reader.held[len(reader.held)-1].event
	switch {
	case e.gone:
		r.missing(e)
	case e.Bytes > reader.limit():
		reader.drop(e)
		others := false
		for _, other := range r.model.readers {
			others = others || other.limit() >= e.Bytes || other.hold(e) != nil
		}
		lost := r.shelf.Oversize(g.Reader, e.Sequence, r.model.now)
		if lost && others {
			r.Fatalf("%+v is lost, but another could take it", g)
		}
		e.settled = lost
	}
}

// look checks what holds at all times.
func (r *run) look(t *rapid.T) {
	r.T = t
	lowest, highest := r.model.floors()
	if floor := r.shelf.Floor(); floor < lowest || floor > highest {
		r.Fatalf("the floor is %d, want %d to %d", floor, lowest, highest)
	}
	counts := r.shelf.Counts()
	for name, reader := range r.model.readers {
		if events, _ := reader.credit(); counts.UnderWay[name] != events {
			r.Fatalf("%s has %d under way, want %d", name, counts.UnderWay[name], events)
		}
	}
	if wants := r.shelf.Wants(); wants < 0 || wants > 0 && len(r.model.readers) == 0 {
		r.Fatalf("it wants %d", wants)
	}
}

// end lets a good reader come, which handles all that is left. One more event shows what is missing
// at the end of the stream.
func (r *run) end() {
	r.reread(math.MaxInt)
	r.model.position++
	last := Entry{Sequence: r.model.position, Key: "last"}
	r.model.events = append(r.model.events, &modelEvent{Entry: last, done: map[string]bool{}, due: math.MinInt64})
	r.shelf.Offer(last)
	for name := range r.model.readers {
		r.shelf.Leave(name, r.model.now)
	}
	clear(r.model.readers)
	terms := Terms{Events: 100, Bytes: 100 * largest, Ordered: r.order}
	r.model.readers["good"] = &modelReader{terms: terms}
	r.model.settleOrder()
	r.shelf.Join("good", terms, r.model.now)
	for range 10_000 {
		r.drain()
		held := slices.Clone(r.model.readers["good"].held)
		for _, h := range held {
			a := Reply{Sequence: h.event.Sequence}
			r.model.answer("good", a)
			r.shelf.Answer("good", a, r.model.now)
		}
		if at, ok := r.shelf.Wake(); ok {
			r.model.now = max(r.model.now, at)
		} else if len(held) == 0 {
			break
		}
	}
	if lowest, highest := r.model.floors(); r.shelf.Floor() < lowest || r.shelf.Floor() > highest || highest != r.model.position {
		r.Fatalf("in the end the floor is %d, want %d: %s", r.shelf.Floor(), r.model.position, r.rest())
	}
	if c := r.shelf.Counts(); c.Aside+c.AsideBytes+c.Parked+c.Held+c.UnderWay["good"] != 0 || len(r.shelf.lanes)+len(r.shelf.items) > 0 {
		r.Fatalf("in the end there is %+v, %d lanes, %d items", c, len(r.shelf.lanes), len(r.shelf.items))
	}
}

func (r *run) rest() (text string) {
	for _, e := range r.model.events {
		if !e.settled {
			text += fmt.Sprintf("%+v ", *e)
		}
	}
	return text
}
