package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"leafmesh/mesh/internal/document"
)

// Rate is a number of events a second. Zero means unlimited. Its text form has a unit: "200/s",
// "20/min", "3/h"; of zero it is "unlimited".
type Rate float64

// Per is the rate of n events each d: Per(20, time.Minute).
func Per(n float64, d time.Duration) Rate { return Rate(n / d.Seconds()) }

// Policy says what the gate does with an event over its limit.
type Policy string

const (
	// Refuse returns an error to the emitter. It is the default.
	Refuse Policy = "refuse"
	// Wait delays the emitter until the limit allows the event or its context ends.
	Wait Policy = "wait"
	// Shed drops the event and counts it.
	Shed Policy = "shed"
	// Coalesce keeps the newest event of each type and key and lets it go a stated time after the
	// first that was over the limit: only what lies between is left out. For rules, not for the
	// short forms of exports and imports. See [Rule].
	Coalesce Policy = "coalesce"
)

// known reports whether there is such a policy; empty is one.
func (p Policy) known() bool {
	return slices.Contains([]Policy{"", Refuse, Wait, Shed, Coalesce}, p)
}

// Limit bounds a stream of events by a token bucket: Burst events at once, refilled at Rate
// (golang.org/x/time/rate). The zero Limit is none.
type Limit struct {
	// Rate is how many events pass in the long run.
	Rate Rate `yaml:"rate,omitempty" reload:"live" json:"rate,omitzero"`
	// Burst is how many may pass at once; at least 1. Zero takes a tenth of a second's worth, and
	// at least 1.
	Burst int `yaml:"burst,omitempty" reload:"live" json:"burst,omitzero"`
	// Policy is what happens to an event over the limit. Empty is Refuse.
	Policy Policy `yaml:"policy,omitempty" reload:"live" json:"policy,omitzero"`
}

// Unlimited reports whether the limit lets everything pass.
func (l Limit) Unlimited() bool { return l.Rate == 0 }

// maxRate is the highest rate there is, in events a second; far above what a node can do, and exact
// in a float64.
const maxRate = 1e9

// units are the units of a rate's text, the one to prefer first.
var units = []struct {
	name string
	span time.Duration
}{{"s", time.Second}, {"min", time.Minute}, {"h", time.Hour}}

// ParseRate reads the text form of a rate: a number above 0 with a unit, as in "200/s", "20/min" or
// "3/h", at most a thousand million a second; or "unlimited".
func ParseRate(text string) (Rate, error) {
	if text == "unlimited" {
		return 0, nil
	}
	if document.LeadingZeros(text) {
		return 0, fmt.Errorf("rate %.80q has leading zeros, which some read as octal: write it without them", text)
	}
	number, unit, _ := strings.Cut(text, "/")
	n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	for _, u := range units {
		if rate := Per(n, u.span); err == nil && strings.TrimSpace(unit) == u.name && rate > 0 && rate <= maxRate {
			return rate, nil
		}
	}
	return 0, fmt.Errorf("rate %.80q is not a positive number with a unit, as in 200/s, 20/min or 3/h", text)
}

// UnmarshalText reads the text form, see [ParseRate].
func (r *Rate) UnmarshalText(text []byte) error {
	rate, err := ParseRate(string(text))
	if err != nil {
		return err
	}
	*r = rate
	return nil
}

// MarshalText writes the text form. ParseRate reads exactly the same rate from it. A rate that has
// none (negative, not a number, above the highest) is an error.
func (r Rate) MarshalText() ([]byte, error) {
	if !r.valid() {
		return nil, fmt.Errorf("rate %g has no text form", float64(r))
	}
	return []byte(r.String()), nil
}

func (r Rate) valid() bool { return r >= 0 && r <= maxRate }

// String returns the rate with the unit that makes it a short number: "20/min" and not
// "0.3333333333333333/s".
func (r Rate) String() string {
	if r == 0 {
		return "unlimited"
	}
	for _, decimals := range []int{0, 3} {
		for _, u := range units {
			short := strconv.FormatFloat(float64(r)*u.span.Seconds(), 'f', decimals, 64)
			if n, err := strconv.ParseFloat(short, 64); err == nil && Per(n, u.span) == r {
				return strconv.FormatFloat(n, 'f', -1, 64) + "/" + u.name
			}
		}
	}
	return strconv.FormatFloat(float64(r), 'f', -1, 64) + "/s"
}

// WithDefaults fills in what is left out.
func (l Limit) WithDefaults() Limit {
	if l.Unlimited() {
		return l // A policy without a rate would be a mistake.
	}
	if l.Policy == "" {
		l.Policy = Refuse
	}
	if l.Burst == 0 {
		l.Burst = max(1, int(l.Rate/10))
	}
	return l
}
