package mesh

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/gate"
	"leafmesh/mesh/internal/steps"
	"leafmesh/mesh/stats"
)

// cascadeModel is what the cascade guard should do, written to be plain: paths
// are lists of steps, and the ledger is a list, the least recently used first.
type cascadeModel struct {
	bounds map[string]Cascade // by the root's type; "" for all others
	ledger []modelAccount
	size   int // of the ledger

	forgotten uint64 // accounts that made room
}

type modelAccount struct {
	root  ID
	count int
}

// modelCause is an event that may cause others.
type modelCause struct {
	header Header
	steps  []string  // the path
	begun  time.Time // its handler
	age    time.Duration
}

func (c modelCause) rootType() string { return subjectOfStep(c.steps[0]) }

func subjectOfStep(step string) string {
	_, subject, _ := strings.Cut(step, ":")
	return subject
}

func (m *cascadeModel) boundsOf(rootType string) Cascade {
	b, found := m.bounds[rootType]
	if !found {
		b = m.bounds[""]
	}
	if b.Depth == 0 {
		b.Depth = 16
	}
	if b.Descendants == 0 {
		b.Descendants = 1000
	}
	if b.Deadline == 0 {
		b.Deadline = 30 * time.Second
	}
	return b
}

// refusalText is the text of a CascadeError's numbers, or "" for none.
func refusalText(rule string, limit, value int64, path []string) string {
	return fmt.Sprint(rule, " ", value, " over ", limit, ": ", strings.Join(path, " → "))
}

// emit says what the guard answers to an event that one causes.
func (m *cascadeModel) emit(parent modelCause, step string, allowance int, age time.Duration) string {
	b, path := m.boundsOf(parent.rootType()), append(slices.Clone(parent.steps), step)
	recurrence := -1 // itself
	for _, s := range path {
		if subjectOfStep(s) == subjectOfStep(step) {
			recurrence++
		}
	}
	if depth := len(path) - 1; depth > b.Depth {
		return refusalText("cascade-depth", int64(b.Depth), int64(depth), path)
	}
	if allowed := max(allowance, b.Loops); recurrence > allowed {
		return refusalText("cascade-loop", int64(allowed), int64(recurrence), path)
	}
	return m.late(parent, path, age)
}

// take says what the guard answers to an event that came over a link.
func (m *cascadeModel) take(c modelCause) string {
	depth := len(c.steps) - 1
	if depth == 0 {
		return ""
	}
	if b := m.boundsOf(c.rootType()); depth > b.Depth {
		return refusalText("cascade-depth", int64(b.Depth), int64(depth), c.steps)
	}
	return m.late(c, c.steps, c.age)
}

func (m *cascadeModel) late(c modelCause, path []string, age time.Duration) string {
	b := m.boundsOf(c.rootType())
	if age > b.Deadline {
		return refusalText("cascade-deadline", int64(b.Deadline), int64(age), path)
	}
	return m.charge(c, path)
}

func (m *cascadeModel) charge(c modelCause, path []string) string {
	account := modelAccount{root: c.header.Root}
	if at := slices.IndexFunc(m.ledger, func(a modelAccount) bool { return a.root == c.header.Root }); at >= 0 {
		account = m.ledger[at]
		m.ledger = slices.Delete(m.ledger, at, at+1)
	} else if len(m.ledger) == m.size {
		m.ledger = m.ledger[1:]
		m.forgotten++
	}
	b := m.boundsOf(c.rootType())
	over := account.count >= b.Descendants
	if !over {
		account.count++
	}
	m.ledger = append(m.ledger, account)
	if over {
		return refusalText("cascade-descendants", int64(b.Descendants), int64(account.count)+1, path)
	}
	return ""
}

// cascadeMachine does the same to the guard of a node and to its model.
type cascadeMachine struct {
	node    *flow
	model   *cascadeModel
	now     time.Time
	causes  []modelCause
	refused map[string]int // by type, place and rule
}

// cascadeTick is so long that many events come just at a deadline.
const cascadeTick = 250 * time.Millisecond

var cascadeTypes = []string{"core.cascade.begun", "core.cascade.spread", "core.cascade.ended"}

// Whatever the bounds, and whatever causes what and when, here or on other nodes:
// the guard answers each event as plain code does, with the same rule, numbers
// and path, and counts it, also when the ledger is too small for the cascades.
func TestGuardAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := newCascadeMachine(t)
		t.Repeat(map[string]func(*rapid.T){"": x.check, "begin": x.begin, "import": x.arrive, "time": x.pass,
			"emit": x.emit, "emit more": x.emitMany, "give back": x.giveBack, "dead letter": x.deadLetter})
	})
}

func newCascadeMachine(t *rapid.T) *cascadeMachine {
	var cascades []Cascade
	bounds := map[string]Cascade{}
	for _, root := range append([]string{""}, cascadeTypes[:2]...) {
		if !rapid.Bool().Draw(t, "has bounds") {
			continue
		}
		c := Cascade{Root: root, Depth: rapid.IntRange(0, 6).Draw(t, "depth"), Descendants: rapid.IntRange(0, 12).Draw(t, "descendants"),
			Loops: rapid.IntRange(0, 3).Draw(t, "loops"), Deadline: time.Duration(rapid.IntRange(0, 20).Draw(t, "deadline")) * cascadeTick}
		cascades, bounds[root] = append(cascades, c), c
	}
	n, err := newFlow(Config{Name: "core-1", Cascades: cascades})
	if err != nil {
		t.Fatal(err)
	}
	size := rapid.IntRange(1, 4).Draw(t, "ledger")
	n.guard.Guard = gate.NewGuard(size)
	return &cascadeMachine{node: n, model: &cascadeModel{bounds: bounds, size: size}, now: time.UnixMilli(1_700_000_000_000), refused: map[string]int{}}
}

func (x *cascadeMachine) check(t *rapid.T) {
	counts := map[string]int{}
	for _, c := range x.node.trace.Counts() {
		counts[fmt.Sprint(c.Type, " ", c.Outcome, " ", c.Place, " ", c.Rule)] = int(c.Count)
	}
	if !maps.Equal(counts, x.refused) {
		t.Fatalf("counted %v, want %v", counts, x.refused)
	}
	if got, want := x.node.guard.Stats(), (stats.Cascades{Known: len(x.model.ledger), Forgotten: x.model.forgotten}); got != want {
		t.Fatalf("the ledger is %+v, want %+v", got, want)
	}
}

// compare looks at the error that the guard gave.
func (x *cascadeMachine) compare(t *rapid.T, err error, want, subject, place string, root ID) {
	var got string
	var cascade CascadeError
	if errors.As(err, &cascade) {
		got = refusalText(cascade.Rule, cascade.Limit, cascade.Value, cascade.Path())
		if cascade.Type != subject || cascade.Place != place || cascade.Root != root || !errors.Is(err, ErrCascade) {
			t.Fatalf("%+v, want type %s, place %s, root %s", cascade, subject, place, root)
		}
	} else if err != nil {
		got = err.Error()
	}
	if got != want {
		t.Fatalf("at %v: %q, want %q", x.now, got, want)
	}
	if want != "" {
		rule, _, _ := strings.Cut(want, " ")
		x.refused[fmt.Sprint(subject, " refused ", place, " ", rule)]++
	}
}

func (x *cascadeMachine) eventType(t *rapid.T, subject string) *eventType {
	made, err := x.node.typeOf(subject)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func (x *cascadeMachine) pass(t *rapid.T) {
	x.now = x.now.Add(time.Duration(rapid.IntRange(1, 8).Draw(t, "gap")) * cascadeTick)
}

// begin makes a root event of this node, which the guard is not asked about.
func (x *cascadeMachine) begin(t *rapid.T) {
	made := x.eventType(t, rapid.SampledFrom(cascadeTypes).Draw(t, "type"))
	x.causes = append(x.causes, modelCause{header: cause.NewRoot(made.root, "", x.now.UnixNano()), steps: []string{made.step}, begun: x.now})
}

// arrive imports an event of a cascade of its own, or of one known here.
func (x *cascadeMachine) arrive(t *rapid.T) {
	path := []string{}
	for range rapid.IntRange(1, 8).Draw(t, "path") {
		path = append(path, rapid.SampledFrom([]string{"clue-1:", "core-1:"}).Draw(t, "node")+rapid.SampledFrom(cascadeTypes).Draw(t, "type"))
	}
	age := time.Duration(rapid.IntRange(0, 24).Draw(t, "age")) * cascadeTick
	c := modelCause{steps: path, begun: x.now, age: age, header: Header{ID: cause.NewID(x.now.UnixNano()), Root: cause.NewID(x.now.UnixNano())}}
	if len(x.causes) > 0 && rapid.Bool().Draw(t, "of a known cascade") {
		known := rapid.SampledFrom(x.causes).Draw(t, "cause")
		c.steps[0], c.header.Root = known.steps[0], known.header.Root
	}
	encoded := make([][]byte, len(path))
	for i, step := range path {
		encoded[i] = []byte(step)
	}
	c.header = c.header.On(x.node.paths.imported.Walk(encoded), 0, c.age)
	subject := subjectOfStep(path[len(path)-1])
	want := x.model.take(c)
	x.eventType(t, subject)
	x.compare(t, x.node.refuseAt(steps.At(steps.Import), &c.header, x.node.guard.Import(&c.header)), want, subject, "import", c.header.Root)
	if want == "" {
		x.causes = append(x.causes, c)
	}
}

func (x *cascadeMachine) emit(t *rapid.T) {
	if len(x.causes) == 0 {
		t.Skip("nothing to cause it")
	}
	parent := rapid.SampledFrom(x.causes).Draw(t, "cause")
	made := x.eventType(t, rapid.SampledFrom(cascadeTypes).Draw(t, "type"))
	allowance := rapid.IntRange(0, 2).Draw(t, "allowance")
	age := parent.age + x.now.Sub(parent.begun) // that its handler began when it came, and still runs
	want := x.model.emit(parent, made.step, allowance, age)
	x.compare(t, x.admit(made, &parent.header, allowance, age), want, made.Subject, "emit", parent.header.Root)
	if want == "" {
		child := parent.header.Effect(parent.header.Lineage().Child(made.step), "", x.now.UnixNano(), age)
		x.causes = append(x.causes, modelCause{header: child, steps: append(slices.Clone(parent.steps), made.step), begun: x.now, age: age})
	}
}

// admit asks the guard as a handler's emit does.
func (x *cascadeMachine) admit(made *eventType, parent *Header, allowance int, age time.Duration) error {
	path := parent.Lineage().Child(made.step)
	bound, refused := made.admitDescendant(parent, path, allowance, age)
	if refused == nil {
		return nil
	}
	made.passRefused(x.node.trace.Tally(parent.Subject(), steps.AtHandler("one")), parent, &refusal{bound: bound, path: path, err: refused})
	return refused
}

func (x *cascadeMachine) emitMany(t *rapid.T) {
	for range rapid.IntRange(1, 10).Draw(t, "times") {
		x.emit(t)
	}
}

// giveBack is what a try of a handler was charged, when there is another.
func (x *cascadeMachine) giveBack(t *rapid.T) {
	if len(x.causes) == 0 {
		t.Skip("nothing to try again")
	}
	parent, count := rapid.SampledFrom(x.causes).Draw(t, "cause"), rapid.IntRange(0, 5).Draw(t, "count")
	for i := range x.model.ledger {
		if a := &x.model.ledger[i]; a.root == parent.header.Root {
			a.count = max(0, a.count-count)
		}
	}
	x.node.guard.GiveBack(&parent.header, count)
}

// deadLetter is charged too, and never refused.
func (x *cascadeMachine) deadLetter(t *rapid.T) {
	if len(x.causes) == 0 {
		t.Skip("nothing to give up")
	}
	parent := rapid.SampledFrom(x.causes).Draw(t, "cause")
	letters := x.eventType(t, DeadLetters.Subject())
	x.model.charge(parent, parent.steps)
	x.compare(t, x.admit(letters, &parent.header, 0, parent.age), "", letters.Subject, "emit", parent.header.Root)
}
