package main

import (
	"fmt"
	"time"
)

// span is a duration that a flag gives: 30s, 10m, 24h. Without the flag it is 0.
type span time.Duration

// UnmarshalText reads it. What is not above 0 is an error: it would be taken for no flag.
func (s *span) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	if err != nil || d <= 0 {
		return fmt.Errorf("%.80q is no duration above 0, as in 30s, 10m or 24h", text)
	}
	*s = span(d)
	return nil
}

// String is the duration as Go writes it.
func (s span) String() string { return time.Duration(s).String() }
