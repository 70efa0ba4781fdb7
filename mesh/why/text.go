package why

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"leafmesh/mesh/stats"
)

// String is the explanation as text: what went wrong, the trees, and what is missing.
func (x Explanation) String() string {
	var t text
	t.line("", x.Verdict())
	for _, e := range x.Cascades {
		t.WriteByte('\n')
		t.event(e, "", "", e.firstKnown())
	}
	if len(x.Missing) > 0 {
		t.line("", "\nNot known:")
		for _, m := range x.Missing {
			t.line("  ", m)
		}
	}
	return t.Builder.String()
}

// Verdict says in a sentence what went wrong, or that nothing did.
func (x Explanation) Verdict() string {
	if !x.Found {
		return fmt.Sprintf("Nothing is known of %s.", x.Asked)
	}
	if len(x.Faults) == 0 {
		return fmt.Sprintf("Nothing went wrong in this cascade, as far as %s.", knowing(x.answered))
	}
	f := x.Faults[0]
	verdict := fmt.Sprintf("%s%s, %s", f.Type, keyed(f.Key), f.Step.words())
	if f.Outcome == stats.Shed && f.Note != "" { // else it reads as if it were lost
		verdict += "; " + f.Note
	}
	if s := sentence(f.Errors); s != "" {
		verdict += ": " + s
	}
	if more := len(x.Faults) - 1; more == 1 {
		verdict += "\nOne step more went wrong."
	} else if more > 1 {
		verdict += fmt.Sprintf("\n%d steps more went wrong.", more)
	}
	return verdict
}

func knowing(nodes []string) string {
	if len(nodes) == 1 {
		return nodes[0] + " knows"
	}
	return strings.Join(nodes, ", ") + " know"
}

func keyed(key string) string {
	if key == "" {
		return ""
	}
	return fmt.Sprintf(" (key %s)", oneLine(key))
}

// sentence is the last of some errors.
func sentence(errors []Failure) string {
	if len(errors) == 0 {
		return ""
	}
	return oneLine(errors[len(errors)-1].Error)
}

// text is being written.
type text struct{ strings.Builder }

func (t *text) line(indent, what string) {
	t.WriteString(indent)
	t.WriteString(what)
	t.WriteByte('\n')
}

// event writes an event with what became of it, and its effects. mark begins its first line and
// indent all others; times are told from the event first on.
func (t *text) event(e *Event, mark, indent string, first *Event) {
	t.line(mark, e.head(first))
	rest := indent + "   "
	if len(e.Effects) > 0 {
		rest = indent + "│  "
	}
	if e.Missing != "" {
		t.line(rest, "not known: "+e.Missing)
	}
	for _, s := range e.Steps {
		t.step(s, rest)
	}
	for left := e.Effects; len(left) > 0; {
		alike := alikeAtFirst(left)
		if alike <= mostAlike {
			alike = 1
		}
		mark, below := indent+"├─ ", indent+"│  "
		if alike == len(left) {
			mark, below = indent+"└─ ", indent+"   "
		}
		t.event(left[0], mark, below, first)
		if alike > 1 {
			t.line(below, fmt.Sprintf("… and %d more of which the same became, the last %s", alike-1, left[alike-1].since(first)))
		}
		left = left[alike:]
	}
}

// mostAlike is how many events are written one by one that came to the same: of more the first
// stands for all, as a storm has hundreds.
const mostAlike = 3

// alikeAtFirst is how many of some events, from the first on, came to the same.
func alikeAtFirst(events []*Event) int {
	n := 1
	for n < len(events) && events[0].isLike(events[n]) {
		n++
	}
	return n
}

// isLike reports whether of two events without effects the same became at the same places, which
// durations aside reads the same.
func (e *Event) isLike(other *Event) bool {
	plain := func(e *Event) bool { return len(e.Effects) == 0 && !e.Asked && e.Missing == "" }
	return plain(e) && plain(other) && e.Type == other.Type && e.Key == other.Key && e.Node == other.Node &&
		slices.EqualFunc(e.Steps, other.Steps, func(a, b Step) bool {
			return a.Node == b.Node && a.Place == b.Place && a.Outcome == b.Outcome && a.Rule == b.Rule && a.Note == b.Note && a.Of == b.Of &&
				slices.Equal(a.Errors, b.Errors)
		})
}

// firstKnown is the first event of a tree whose time is known; e if none is.
func (e *Event) firstKnown() *Event {
	for first := e; ; first = first.Effects[0] {
		if first.Emitted != 0 {
			return first
		}
		if len(first.Effects) == 0 {
			return e
		}
	}
}

// head names an event: what it is, where and when it began.
func (e *Event) head(first *Event) string {
	head := e.Type
	if head == "" {
		head = "an event"
	}
	head += keyed(e.Key)
	if e.Node != "" {
		head += " from " + e.Node
	}
	switch {
	case e.Emitted == 0:
	case e == first || first.Emitted == 0:
		head += " at " + clockOf(e.Emitted)
	default:
		head += " " + e.since(first)
	}
	if e.ID == e.Root && !e.Parent.IsZero() {
		head += ", the root of a cascade of its own"
	}
	if !e.ID.IsZero() {
		head += "  " + e.ID.String()
	}
	if e.Asked {
		head += "  ← asked for"
	}
	return head
}

func (t *text) step(s Step, indent string) {
	line := s.words()
	if s.Note != "" {
		line += "; " + s.Note
	}
	t.line(indent, line)
	for _, f := range s.Errors {
		times := ""
		if f.Count > 1 {
			times = fmt.Sprintf(" (%d times)", f.Count)
		}
		t.line(indent+"  ", oneLine(f.Error)+times)
	}
}

// words says what became of an event at a place.
func (s Step) words() string {
	words := string(s.Outcome)
	switch s.Outcome {
	case stats.Failed:
		words = "given up"
	case stats.Retried, stats.Returned:
		words = "failed so far"
	case stats.DeadLettered:
		words = "became a durable dead letter"
	case stats.Imported:
		words = "came"
	case stats.Stored:
		words = "stored"
	case stats.Unheard:
		words = "no node listened"
		if s.Rule != "" {
			words, s.Rule = "no node of service "+s.Rule+" listened", ""
		}
	case Waiting:
		words = "has not begun"
	case Running:
		words = "is running"
	case Unknown:
		words = "its end is not known"
	}
	if s.Rule != "" {
		words += " by rule " + s.Rule
	}
	words += s.durations()
	if s.Times > 1 {
		words += fmt.Sprintf(" %d times", s.Times)
	}
	if s.Of > 1 {
		words += fmt.Sprintf(", one of %d such events", s.Of)
	}
	return strings.TrimSpace(s.Place+" on "+s.Node) + ": " + words
}

func (s Step) durations() (words string) {
	if s.Tries > 1 {
		words = fmt.Sprintf(", %d calls in %v", s.Tries, round(s.Lasted))
	}
	switch {
	case s.Outcome == Running:
		words += fmt.Sprintf(" for %v", round(s.Took))
	case s.Took > 0 && s.Tries > 1:
		words += fmt.Sprintf(", the last took %v", round(s.Took))
	case s.Took > 0:
		words += fmt.Sprintf(" in %v", round(s.Took))
	}
	if s.Waited > 0 {
		words += fmt.Sprintf(", waited %v", round(s.Waited))
	}
	return words
}

// since is how long after the first event another one was emitted: before it, if the clocks of two
// nodes differ.
func (e *Event) since(first *Event) string {
	d := time.Duration(e.Emitted - first.Emitted)
	if d < 0 {
		return round(d).String()
	}
	return "+" + round(d).String()
}

// round leaves three digits, or so.
func round(d time.Duration) time.Duration {
	for _, unit := range []time.Duration{time.Microsecond, time.Millisecond, time.Second} {
		if d.Abs() < 10*unit {
			return d.Round(unit / 100)
		}
		if d.Abs() < 1000*unit {
			return d.Round(unit / 10)
		}
	}
	return d.Round(time.Second)
}

// oneLine keeps what a handler's error says from looking like the tree.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\r' || r == '\t' {
			return ' '
		}
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, s)
}
