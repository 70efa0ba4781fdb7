package rules

import (
	"cmp"
	"fmt"
	"leafmesh/mesh/config"
	"slices"
	"strings"
	"time"
)

// gateModel is what the rules of the gate should do, written to be plain: maps,
// lists and floats. It knows nothing of package gate.
type gateModel struct {
	exports string // the one type that is exported
	rules   []config.Rule
	tables  map[tableKey]*modelTable
	gone    []*modelTable // of rules that are no longer there
	lines   map[lineKey]*modelLine
	counts  map[string]int // by "outcome rule"
}

// tableKey says which events have a table of buckets in common.
type tableKey struct {
	rule     config.Rule
	subject  string // none where all types of a cascade share
	consumer string // the handler, at place handler
}

// modelTable is the buckets of one rule, the least recently used first.
type modelTable struct {
	rule     config.Rule
	buckets  []*modelBucket
	overflow *modelBucket
	passed   map[string][]time.Time // by key: when events passed that a bucket could have stopped
}

type modelBucket struct {
	key         string
	rate, burst float64
	tokens      float64
	at          time.Time
}

// modelLine is the events that wait for a rule with one key, in the order in which they came.
type modelLine struct {
	table  *modelTable
	key    lineKey
	events []*modelEvent
	bucket *modelBucket // that the first one waits for
	due    time.Time    // when it is tried again
}

// lineKey says which events wait in one line.
type lineKey struct {
	rule                   config.Rule
	subject, consumer, key string
}

// modelEvent is an event at the gate.
type modelEvent struct {
	place            config.Place
	handler          string
	subject, key     string
	origin           string
	rootNode, rootOf string // the root's node and type
	descendant       bool
	deadline         time.Time // of its context; zero: none

	asks    []*modelTable // those that are left to ask
	verdict string        // "passed", "refused by x", "shed", "kept by x"; empty: it waits
	line    *modelLine    // where it waits; nil: it does not
}

func newGateModel(exports string) *gateModel {
	return &gateModel{exports: exports, tables: map[tableKey]*modelTable{}, lines: map[lineKey]*modelLine{}, counts: map[string]int{}}
}

// setRules forgets the buckets of rules that are no longer there. Rules by the same are
// asked in alphabetical order.
func (m *gateModel) setRules(rules []config.Rule) {
	m.rules = slices.SortedFunc(slices.Values(rules), func(a, b config.Rule) int {
		return cmp.Or(strings.Compare(a.Event, b.Event), strings.Compare(a.Handler, b.Handler), strings.Compare(a.Root, b.Root))
	})
	for key, table := range m.tables {
		if !slices.Contains(rules, key.rule) {
			m.gone = append(m.gone, table)
			delete(m.tables, key)
		}
	}
}

// matches compares token by token.
func matches(pattern, subject string) bool {
	p, s := strings.Split(pattern, "."), strings.Split(subject, ".")
	for i := range p {
		if p[i] == ">" {
			return true
		}
		if i >= len(s) || p[i] != "*" && p[i] != s[i] {
			return false
		}
	}
	return len(p) == len(s)
}

// begin asks the rules for an event until it has a verdict or waits.
func (m *gateModel) begin(e *modelEvent, now time.Time) {
	for _, by := range []config.By{config.ByKey, config.ByPeer, config.ByRoot, config.ByType} {
		e.asks = append(e.asks, m.tablesOf(e, by, false)...)
	}
	if e.place == config.AtEmit { // then the rules of the export that refuse
		for _, by := range []config.By{config.ByKey, config.ByPeer, config.ByRoot, config.ByType} {
			e.asks = append(e.asks, m.tablesOf(e, by, true)...)
		}
	}
	m.goOn(e, now)
}

// tablesOf lists the tables of rules that an event meets.
func (m *gateModel) tablesOf(e *modelEvent, by config.By, refusingExport bool) (tables []*modelTable) {
	for _, r := range m.rules {
		place := e.place
		if refusingExport {
			place = config.AtExport
		}
		refuses := r.Place == config.AtExport && r.Limit.Policy == config.Refuse
		switch {
		case r.By != by, r.Place != place, refuses != refusingExport, !matches(r.Event, e.subject):
		case r.Place == config.AtExport && e.subject != m.exports:
		case r.Handler != "" && r.Handler != e.handler:
		case r.Root != "" && r.Root != e.rootOf:
		default:
			key := tableKey{rule: r, subject: e.subject, consumer: e.handler}
			if r.By == config.ByRoot && r.Place != config.AtHandler {
				key.subject = ""
			}
			if m.tables[key] == nil {
				m.tables[key] = &modelTable{rule: r, overflow: newModelBucket(r, "(shared)"), passed: map[string][]time.Time{}}
			}
			tables = append(tables, m.tables[key])
		}
	}
	return tables
}

func newModelBucket(r config.Rule, key string) *modelBucket {
	burst := float64(r.Limit.Burst)
	return &modelBucket{key: key, rate: float64(r.Limit.Rate), burst: burst, tokens: burst}
}

// goOn asks the rules that are left.
func (m *gateModel) goOn(e *modelEvent, now time.Time) {
	for len(e.asks) > 0 {
		table := e.asks[0]
		e.asks = e.asks[1:]
		if m.ask(table, e, now); e.verdict != "" || e.line != nil {
			return
		}
	}
	e.verdict = "passed"
}

// ask asks one rule.
func (m *gateModel) ask(table *modelTable, e *modelEvent, now time.Time) {
	r := table.rule
	if line := m.lines[m.lineKeyOf(table, e)]; line != nil && !(r.By == config.ByRoot && r.Place == config.AtEmit && e.descendant) {
		m.wait(line, e, now)
		return
	}
	b := m.bucketOf(table, e, now, m.count)
	b.refill(now)
	if r.By == config.ByRoot && r.Place == config.AtEmit && e.descendant {
		if b.tokens > -10*b.burst {
			b.tokens--
		}
		return
	}
	if b.tokens >= 1 {
		b.tokens--
		table.passes(b, now)
		return
	}
	switch r.Limit.Policy {
	case config.Wait:
		m.wait(&modelLine{table: table, key: m.lineKeyOf(table, e), bucket: b, due: b.nextToken(now)}, e, now)
	case config.Shed:
		m.count("shed", r)
		e.verdict = "shed"
	case config.Coalesce:
		e.verdict = "kept by " + r.Name
	default:
		m.refuse(e, r)
	}
}

func (m *gateModel) refuse(e *modelEvent, r config.Rule) {
	m.count("refused", r)
	e.verdict = "refused by " + r.Name
}

func (m *gateModel) lineKeyOf(table *modelTable, e *modelEvent) lineKey {
	return lineKey{table.rule, e.subject, e.handler, keyOf(table.rule, e)}
}

// wait puts an event at the end of a line, if there is room and its deadline is not before its
// turn; or it is kept, if others should not wait for it.
func (m *gateModel) wait(line *modelLine, e *modelEvent, now time.Time) {
	r := line.table.rule
	turn := line.due.Add(time.Duration(float64(len(line.events)) / float64(r.Limit.Rate) * 1e9))
	if len(line.events) >= r.Waiting || !e.deadline.IsZero() && turn.After(e.deadline) {
		m.refuse(e, r)
		return
	}
	m.count("delayed", r)
	goesOn := r.By != config.ByType || r.Root != "" || r.Place == config.AtHandler
	if goesOn && (r.Place != config.AtEmit || e.descendant) {
		e.verdict = "kept by " + r.Name
		return
	}
	line.events, e.line = append(line.events, e), line
	m.lines[line.key] = line
}

func (m *gateModel) count(outcome string, r config.Rule) { m.counts[outcome+" "+r.Name]++ }

// wake lets the first event of a line pass the rule, if there is a token, and returns it.
func (m *gateModel) wake(line *modelLine, now time.Time) *modelEvent {
	e := line.events[0]
	b := m.bucketOf(line.table, e, now, func(string, config.Rule) {})
	b.refill(now)
	if line.bucket = b; b.tokens < 1 {
		line.due = b.nextToken(now)
		return nil
	}
	b.tokens--
	line.table.passes(b, now)
	line.due = b.nextToken(now)
	m.leave(e)
	m.goOn(e, now)
	return e
}

// cancel ends an event that waits.
func (m *gateModel) cancel(e *modelEvent) {
	r := e.line.table.rule
	m.leave(e)
	m.refuse(e, r)
}

func (m *gateModel) leave(e *modelEvent) {
	line := e.line
	line.events = slices.DeleteFunc(line.events, func(other *modelEvent) bool { return other == e })
	if e.line = nil; len(line.events) == 0 {
		delete(m.lines, line.key)
	}
}

func keyOf(r config.Rule, e *modelEvent) string {
	return map[config.By]string{config.ByKey: e.key, config.ByPeer: e.origin, config.ByRoot: e.rootNode + ":" + e.rootOf}[r.By]
}

func (m *gateModel) bucketOf(table *modelTable, e *modelEvent, now time.Time, count func(string, config.Rule)) *modelBucket {
	key := keyOf(table.rule, e)
	for i, b := range table.buckets {
		if b.key == key {
			table.buckets = append(slices.Delete(table.buckets, i, i+1), b)
			return b
		}
	}
	if len(table.buckets) >= table.rule.Keys {
		oldest := table.buckets[0]
		if oldest.refill(now); oldest.tokens < oldest.burst {
			count("overflowed", table.rule)
			return table.overflow
		}
		count("evicted", table.rule)
		table.buckets = table.buckets[1:]
	}
	b := newModelBucket(table.rule, key)
	table.buckets = append(table.buckets, b)
	return b
}

func (b *modelBucket) refill(now time.Time) {
	if !b.at.IsZero() {
		b.tokens = min(b.burst, b.tokens+b.rate*now.Sub(b.at).Seconds())
	}
	b.at = now
}

// nextToken is when there is a token if nobody takes one.
func (b *modelBucket) nextToken(now time.Time) time.Time {
	return now.Add(time.Duration(max(0, 1-b.tokens) / b.rate * 1e9))
}

func (t *modelTable) passes(b *modelBucket, now time.Time) {
	t.passed[b.key] = append(t.passed[b.key], now)
}

// overfull looks for a key and a window in which more of it passed than rate ×
// window + burst, in whatever buckets the key had.
func (t *modelTable) overfull() string {
	perSecond, burst := float64(t.rule.Limit.Rate), float64(t.rule.Limit.Burst)
	for key, passed := range t.passed {
		for i := range passed {
			for j := i; j < len(passed); j++ {
				window := passed[j].Sub(passed[i])
				if n := float64(j - i + 1); n > perSecond*window.Seconds()+burst {
					return fmt.Sprintf("%v events of key %q passed in %v, by %+v", n, key, window, t.rule)
				}
			}
		}
	}
	return ""
}
