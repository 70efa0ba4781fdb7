package config

import (
	"fmt"
	"time"
)

// LimitChange changes the numbers of one rule of a running node. What is nil stays as it is, so
// that two who change two numbers of a rule do not undo each other. In JSON it has the keys and
// texts that a rule has in a node's file.
type LimitChange struct {
	// ID names the rule: see [Rule.Identity].
	ID RuleID `json:"id"`
	// Limit is for a rule that has a rate.
	Limit LimitNumbers `json:"limit,omitzero"`
	// Concurrency is for a rule that has one.
	Concurrency *int      `json:"concurrency,omitempty"`
	Keys        *int      `json:"keys,omitempty"`
	Waiting     *int      `json:"waiting,omitempty"`
	Within      *Duration `json:"within,omitempty"`
}

// LimitNumbers are those of a [Limit]; what is nil stays as it is.
type LimitNumbers struct {
	Rate   *Rate   `json:"rate,omitempty"`
	Burst  *int    `json:"burst,omitempty"`
	Policy *Policy `json:"policy,omitempty"`
}

// LimitChanged is what a rule was and what became of it; nil: there was no such rule, or there is
// none any more.
type LimitChanged struct {
	Old *Rule `json:"old,omitempty"`
	New *Rule `json:"new,omitempty"`
}

// IsZero reports whether the change changes nothing.
func (c LimitChange) IsZero() bool { return c == LimitChange{ID: c.ID} }

// Apply returns a rule with the change, and defaults filled in. What belongs to its former policy
// alone goes with that: how many wait, and for how long an event is kept. It does not check the
// rule.
func (c LimitChange) Apply(r Rule) Rule {
	if p := c.Limit.Policy; p != nil && *p != Wait {
		r.Waiting = 0
	}
	if p := c.Limit.Policy; p != nil && *p != Coalesce {
		r.Within = 0
	}
	change(&r.Limit.Rate, c.Limit.Rate)
	change(&r.Limit.Burst, c.Limit.Burst)
	change(&r.Limit.Policy, c.Limit.Policy)
	change(&r.Concurrency, c.Concurrency)
	change(&r.Keys, c.Keys)
	change(&r.Waiting, c.Waiting)
	change((*Duration)(&r.Within), c.Within)
	return r.WithDefaults()
}

// Covers reports whether the change sets all numbers that another one sets, so that nothing is left
// of that one once this one is made.
func (c LimitChange) Covers(other LimitChange) bool {
	return covers(c.Limit.Rate, other.Limit.Rate) && covers(c.Limit.Burst, other.Limit.Burst) && covers(c.Limit.Policy, other.Limit.Policy) &&
		covers(c.Concurrency, other.Concurrency) && covers(c.Keys, other.Keys) && covers(c.Waiting, other.Waiting) && covers(c.Within, other.Within)
}

func covers[T any](number, other *T) bool { return number != nil || other == nil }

func change[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}

// Duration is a time.Duration whose text is that of a node's file: "500ms", "10s".
type Duration time.Duration

// UnmarshalText reads the text.
func (d *Duration) UnmarshalText(text []byte) error {
	read, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%.80q is no duration, as in 500ms, 10s or 5m", text)
	}
	*d = Duration(read)
	return nil
}

// MarshalText writes the text.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }
