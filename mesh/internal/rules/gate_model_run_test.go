package rules

import (
	"context"
	"errors"
	"fmt"
	"leafmesh/mesh/cause"
	"leafmesh/mesh/config"
	"leafmesh/mesh/stats"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

const (
	gateOpened = "core.gate.opened" // exported
	gateClosed = "core.gate.closed"
)

// gateTick is a fraction of a second that floats hold exactly, as they do the
// rates here: the gate and its model agree to the nanosecond, or one is wrong.
const gateTick = time.Second / 512

// gateMachine does the same to the rules of a node and to their model.
type gateMachine struct {
	node    *house
	model   *gateModel
	roots   *cause.Tree
	named   int // rules made so far
	waiting map[*modelEvent]*gateAsk
}

// gateAsk is an event that asks the rules of the node.
type gateAsk struct {
	cancel  context.CancelFunc
	verdict chan string
}

// Whatever the rules, the events and their times: each event gets the verdict
// that plain code gives it, at the same moment, and is counted under the same
// rule; and no bucket ever lets more pass than its rate and burst, also while
// other rules come and go.
func TestGateAgainstModel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 3 { // each time a hundred runs
			rapid.Check(struct{ testing.TB }{t}, runGate) // a *testing.T would be asked for its deadline, and has none here
		}
	})
}

func runGate(t *rapid.T) {
	x := newGateMachine(t)
	defer x.stop()
	t.Repeat(map[string]func(*rapid.T){"": x.check, "events": x.ask, "wait": x.wait, "give up": x.giveUpOne,
		"events and wait": func(t *rapid.T) { x.ask(t); x.wait(t) }, "set rules": x.setRules})
	x.checkBuckets(t)
}

func newGateMachine(t *rapid.T) *gateMachine {
	x := &gateMachine{node: newHouse(nil), model: newGateModel(gateOpened), roots: cause.NewTree(100), waiting: map[*modelEvent]*gateAsk{}}
	x.setRules(t)
	return x
}

func (x *gateMachine) stop() {
	for _, ask := range x.waiting {
		ask.cancel()
	}
	synctest.Wait()
}

// check compares what was counted, by outcome and rule.
func (x *gateMachine) check(t *rapid.T) {
	counts := map[string]int{}
	for _, c := range x.node.trace.Counts() {
		counts[fmt.Sprint(c.Outcome, " ", c.Rule)] += int(c.Count)
	}
	if !maps.Equal(counts, x.model.counts) {
		t.Fatalf("counted %v, want %v", counts, x.model.counts)
	}
}

// checkBuckets looks at the buckets of all rules that there are and were.
func (x *gateMachine) checkBuckets(t *rapid.T) {
	for _, table := range slices.AppendSeq(x.model.gone, maps.Values(x.model.tables)) {
		if problem := table.overfull(); problem != "" {
			t.Fatal(problem)
		}
	}
}

// setRules keeps some rules, changes some and makes others.
func (x *gateMachine) setRules(t *rapid.T) {
	var rules []config.Rule
	add := func(r config.Rule) {
		if houseNode.CheckRules(append(rules, r), everyType) == nil {
			rules = append(rules, r.WithDefaults())
		}
	}
	for _, r := range x.model.rules {
		switch rapid.SampledFrom([]string{"keep", "keep", "change", "drop"}).Draw(t, "old rule") {
		case "keep":
			add(r)
		case "change":
			r.Limit.Burst++
			add(r)
		}
	}
	for range rapid.IntRange(0, 4).Draw(t, "new rules") {
		add(x.drawRule(t))
	}
	for e := range x.waiting { // what becomes of them is TestWaitingWhileRulesChange's
		x.giveUp(t, e)
	}
	rules = rapid.Permutation(rules).Draw(t, "rules")
	x.node.setRules(rules)
	x.model.setRules(rules)
}

func (x *gateMachine) drawRule(t *rapid.T) config.Rule {
	x.named++
	r := config.Rule{
		Name:  fmt.Sprint("rule-", x.named),
		Place: rapid.SampledFrom([]config.Place{config.AtEmit, config.AtEmit, config.AtExport, config.AtImport, config.AtHandler}).Draw(t, "place"),
		Event: rapid.SampledFrom([]string{">", "core.>", "core.*.opened", gateOpened, gateClosed}).Draw(t, "event"),
		Root:  rapid.SampledFrom([]string{"", "", gateOpened, gateClosed}).Draw(t, "root"),
		By:    rapid.SampledFrom([]config.By{config.ByType, config.ByKey, config.ByRoot, config.ByPeer}).Draw(t, "by"),
		Keys:  rapid.IntRange(0, 3).Draw(t, "keys"), // so few share one list; 0: more than there are
		Limit: config.Limit{
			Rate:   config.Rate(int(1) << rapid.IntRange(0, 9).Draw(t, "rate")),
			Burst:  rapid.IntRange(1, 4).Draw(t, "burst"),
			Policy: rapid.SampledFrom([]config.Policy{config.Refuse, config.Wait, config.Wait, config.Shed, config.Coalesce}).Draw(t, "policy"),
		},
	}
	if r.Limit.Policy == config.Wait {
		r.Waiting = rapid.SampledFrom([]int{0, 1, 3}).Draw(t, "waiting")
	}
	if r.Place == config.AtHandler {
		r.Handler = rapid.SampledFrom([]string{"", "one", "two"}).Draw(t, "handler")
	}
	return r
}

// ask asks the rules for some events, and for some of them again and again.
func (x *gateMachine) ask(t *rapid.T) {
	for range rapid.IntRange(1, 6).Draw(t, "events") {
		e := drawEvent(t)
		for range rapid.SampledFrom([]int{1, 1, 1, 5, 25}).Draw(t, "times") {
			x.askOne(t, e)
		}
	}
}

func drawEvent(t *rapid.T) modelEvent {
	subjects := []string{gateOpened, gateClosed}
	e := modelEvent{
		place:      rapid.SampledFrom([]config.Place{config.AtEmit, config.AtEmit, config.AtExport, config.AtImport, config.AtHandler}).Draw(t, "place"),
		subject:    rapid.SampledFrom(subjects).Draw(t, "subject"),
		key:        rapid.SampledFrom([]string{"", "a", "b", "c", "d"}).Draw(t, "key"),
		origin:     rapid.SampledFrom([]string{"core-1", "core-2", "clue-1"}).Draw(t, "origin"),
		rootNode:   rapid.SampledFrom([]string{"core-1", "clue-1"}).Draw(t, "root node"),
		rootOf:     rapid.SampledFrom(subjects).Draw(t, "root"),
		descendant: rapid.Bool().Draw(t, "descendant"),
	}
	if !e.descendant {
		e.origin = e.rootNode
	}
	if e.place == config.AtHandler {
		e.handler = rapid.SampledFrom([]string{"one", "two"}).Draw(t, "handler")
	}
	if ticks := rapid.IntRange(-1000, 1000).Draw(t, "deadline"); ticks > 0 {
		e.deadline = time.Now().Add(time.Duration(ticks)*gateTick + gateTick/2 - 1) // between the moments at which a wait ends
	}
	return e
}

func (x *gateMachine) askOne(t *rapid.T, drawn modelEvent) {
	e := &drawn
	ctx, cancel := context.WithCancel(context.Background())
	if !e.deadline.IsZero() {
		ctx, cancel = context.WithDeadline(ctx, e.deadline)
	}
	ask := &gateAsk{cancel: cancel, verdict: make(chan string, 1)}
	x.waiting[e] = ask
	go func() { ask.verdict <- x.verdict(ctx, e) }()
	x.model.begin(e, time.Now())
	x.compare(t, e)
}

// verdict asks the node.
func (x *gateMachine) verdict(ctx context.Context, e *modelEvent) string {
	now := x.node.clock.Now()
	path := x.roots.Root(e.rootNode + ":" + e.rootOf)
	if e.descendant {
		path = path.Child(e.origin + ":" + e.subject)
	}
	event := Event{Key: e.key, Path: path, Handled: e.descendant}
	set := x.node.set(e.subject)
	var v Verdict
	var err error
	switch e.place {
	case config.AtEmit:
		v, err = x.node.admitEmit(ctx, e.subject, &event, now)
	case config.AtExport:
		v, err = Admit(ctx, set.Export, &event, now)
	case config.AtImport:
		v, err = Admit(ctx, set.Import, &event, now)
	default:
		if handlers := x.node.handlerSet(e.handler, e.subject); handlers != nil {
			v, err = Admit(ctx, handlers.Rates, &event, now)
		}
	}
	var refused stats.RefusedError
	switch {
	case errors.As(err, &refused):
		return "refused by " + refused.Rule
	case err != nil:
		return err.Error()
	case v.Shed != nil:
		return "shed"
	case v.Keep != nil:
		return "kept by " + v.Keep.Name()
	}
	return "passed"
}

// compare looks whether the node gave the model's verdict, or waits as it says.
func (x *gateMachine) compare(t *rapid.T, e *modelEvent) {
	synctest.Wait()
	ask := x.waiting[e]
	var got string
	select {
	case got = <-ask.verdict:
		ask.cancel()
		delete(x.waiting, e)
	default:
	}
	if got != e.verdict {
		t.Fatalf("at %v: verdict %q, want %q, of %+v", time.Now(), got, e.verdict, *e)
	}
	// Which of two events asks the next rule first is not said if they go on at one moment: those
	// of two lines that wait for one bucket or one moment, and those of one line whose key gets a
	// fresh bucket after it waited for the shared one. One of them gives up.
	if e.line != nil && len(e.line.events) > 1 && e.line.table.rule.By != config.ByType && e.line.table.rule.Keys <= 3 {
		x.giveUp(t, e)
		return
	}
	for other := range x.waiting {
		if e.line != nil && other.line != e.line && (other.line.bucket == e.line.bucket || other.line.due.Equal(e.line.due)) {
			x.giveUp(t, e)
			return
		}
	}
}

func (x *gateMachine) giveUp(t *rapid.T, e *modelEvent) {
	x.waiting[e].cancel()
	x.model.cancel(e)
	x.compare(t, e)
}

// giveUpOne ends the context of an event that waits, wherever it stands in its line.
func (x *gateMachine) giveUpOne(t *rapid.T) {
	line := x.next()
	if line == nil {
		t.Skip("nothing waits")
	}
	x.giveUp(t, rapid.SampledFrom(line.events).Draw(t, "event"))
}

// next is the line whose first event waits least.
func (x *gateMachine) next() (next *modelLine) {
	for e := range x.waiting {
		if next == nil || e.line.due.Before(next.due) {
			next = e.line
		}
	}
	return next
}

// wait lets time pass, and goes on with each event when its wait is over.
func (x *gateMachine) wait(t *rapid.T) {
	end := time.Now().Add(time.Duration(rapid.IntRange(1, 1000).Draw(t, "ticks")) * gateTick)
	for line := x.next(); line != nil && !line.due.After(end); line = x.next() {
		if x.expire(t, line.due) {
			continue
		}
		x.thin(t, line)
		time.Sleep(time.Until(line.due))
		if e := x.model.wake(line, time.Now()); e != nil {
			x.compare(t, e)
		}
	}
	for x.expire(t, end) {
	}
	time.Sleep(time.Until(end))
	synctest.Wait()
}

// expire goes on with an event whose context ends before a time, and reports whether there was one:
// its token was promised in time, and then others in its cascade were charged.
func (x *gateMachine) expire(t *rapid.T, before time.Time) bool {
	var first *modelEvent
	for e := range x.waiting {
		if !e.deadline.IsZero() && e.deadline.Before(before) && (first == nil || e.deadline.Before(first.deadline)) {
			first = e
		}
	}
	if first == nil {
		return false
	}
	for e := range x.waiting {
		if e != first && e.deadline.Equal(first.deadline) { // of two that end together, either is first
			x.giveUp(t, e)
		}
	}
	time.Sleep(time.Until(first.deadline))
	x.model.cancel(first)
	x.compare(t, first)
	return true
}

// thin ends the other lines that wait for the same moment.
func (x *gateMachine) thin(t *rapid.T, line *modelLine) {
	for e := range x.waiting {
		if e.line != line && e.line.due.Equal(line.due) {
			x.giveUp(t, e)
		}
	}
}

// Keys that an attacker makes up, a million of them, while rules come and go: no
// more memory than the table, no more events than its buckets and one let pass,
// and the key that was there goes on.
func TestAMillionKeysCostATable(t *testing.T) {
	const keys, burst, perSecond = 64, 2, 1
	kept := config.Rule{Name: "kept", Event: ">", By: config.ByKey, Keys: keys, Limit: config.Limit{Rate: perSecond, Burst: burst}}.WithDefaults()
	n := newHouse([]config.Rule{kept})
	rule, path := n.set(gateOpened).Emit[0], cause.NewTree(1).Root("core-1:"+gateOpened)
	now, count, honest := int64(1e18), 0, 0
	ask := func(key string) bool {
		v, err := n.admitEmit(t.Context(), gateOpened, &Event{Key: key, Path: path}, now)
		return v == Passed && err == nil
	}
	for i := range 1_000_000 {
		now += int64(10 * time.Microsecond) // 10 s in all
		if i%95_000 == 0 && ask("honest") { // one in 0.95 s: its bucket is never full again
			honest++
		}
		if i%100_000 == 0 { // with a rule that comes or goes
			rules := []config.Rule{kept, {Name: "other", Event: ">", By: config.ByType, Limit: config.Limit{Rate: 1e9, Burst: 1e6}}}[:1+i/100_000%2]
			n.setRules(rules)
		}
		if ask(fmt.Sprint("made up ", i)) {
			count++
		}
	}
	if honest != 11 {
		t.Errorf("%d of 11 events of the honest key passed", honest)
	}
	if bound := (keys + 1) * (10*perSecond + burst); count > bound || count < bound/2 {
		t.Errorf("%d passed, at most %d may", count, bound)
	}
	if got := n.set(gateOpened).Emit; rule.buckets.Len() > keys || !slices.Contains(got, rule) {
		t.Errorf("%d buckets of %d; rules %+v", rule.buckets.Len(), keys, got)
	}
	if got := len(n.trace.Counts()); got > 10 {
		t.Errorf("%d counters", got)
	}
}
