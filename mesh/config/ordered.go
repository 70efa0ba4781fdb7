package config

import "errors"

// Ordered says which events of a durable import wait for others. In a file it is false, true (by
// key) or all.
type Ordered uint8

const (
	// OrderedNo hands events out as they come: one that failed comes again after later ones.
	OrderedNo Ordered = iota
	// OrderedByKey keeps the events of a key in the order in which their node stored them, through
	// retries and crashes. Those of other keys pass.
	OrderedByKey
	// OrderedAll keeps all events of the type that a node stored in order: one is under way at a
	// time, which costs a round trip for each.
	OrderedAll
)

var orderedTexts = [...]string{"false", "true", "all"}

// String returns the text form: false, true or all.
func (o Ordered) String() string {
	if int(o) < len(orderedTexts) {
		return orderedTexts[o]
	}
	return "an unknown order"
}

// MarshalText returns the text form. An order that there is not has none.
func (o Ordered) MarshalText() ([]byte, error) {
	if int(o) >= len(orderedTexts) {
		return nil, errOrdered
	}
	return []byte(o.String()), nil
}

// UnmarshalText reads the text form.
func (o *Ordered) UnmarshalText(text []byte) error {
	for order, known := range orderedTexts {
		if string(text) == known {
			*o = Ordered(order)
			return nil
		}
	}
	return errOrdered
}

var errOrdered = errors.New("it is no order: write true to keep the order by key, all to keep that of all events, or false")
