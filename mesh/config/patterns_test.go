package config

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Patterns finds what a look at each with Overlap finds.
func TestPatternsFindWhatOverlaps(t *testing.T) {
	pattern := rapid.Custom(func(t *rapid.T) string {
		tokens := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "*"}), 0, 4).Draw(t, "tokens")
		if len(tokens) == 0 || rapid.Bool().Draw(t, "tail") {
			tokens = append(tokens, ">")
		}
		return strings.Join(tokens, ".")
	})
	rapid.Check(t, func(t *rapid.T) {
		all, one := rapid.SliceOfN(pattern, 0, 30).Draw(t, "all"), pattern.Draw(t, "one")
		var p Patterns
		var want []int
		for i, other := range all {
			p.Add(other)
			if Overlap(one, other) {
				want = append(want, i)
			}
		}
		if got := slices.Sorted(p.Overlapping(one)); !slices.Equal(got, want) {
			t.Fatalf("%q overlaps %v of %q, want %v", one, got, all, want)
		}
		for n := range p.Overlapping(one) { // it can be left
			if !slices.Contains(want, n) {
				t.Fatalf("%d does not overlap", n)
			}
			break
		}
	})
}
