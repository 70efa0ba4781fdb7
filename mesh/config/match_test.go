package config

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestMatch(t *testing.T) {
	for _, test := range []struct {
		pattern, subject string
		want             bool
	}{
		{"a.b.c", "a.b.c", true},
		{"a.b.c", "a.b.d", false},
		{"a.b.c", "a.b", false},
		{"a.b", "a.b.c", false},
		{"*.b.c", "a.b.c", true},
		{"a.*.c", "a.x.c", true},
		{"a.*", "a.b.c", false},
		{"a.>", "a.b.c", true},
		{"a.>", "a", false},
		{">", "a", true},
		{"a.b.c.>", "a.b.c", false},
		{"*.*.*", "a.b.c", true},
	} {
		if got := Match(test.pattern, test.subject); got != test.want {
			t.Errorf("Match(%q, %q) = %v", test.pattern, test.subject, got)
		}
	}
}

// slowMatch says the same by recursion over token lists.
func slowMatch(pattern, subject []string) bool {
	if len(pattern) == 1 && pattern[0] == ">" {
		return len(subject) > 0
	}
	if len(pattern) == 0 || len(subject) == 0 {
		return len(pattern) == len(subject)
	}
	return (pattern[0] == "*" || pattern[0] == subject[0]) && slowMatch(pattern[1:], subject[1:])
}

func TestMatchAndOverlapMatchTheModel(t *testing.T) {
	tokens := func(t *rapid.T, wild bool, label string) []string {
		alphabet := []string{"a", "b"}
		if wild {
			alphabet = append(alphabet, "*")
		}
		list := rapid.SliceOfN(rapid.SampledFrom(alphabet), 1, 4).Draw(t, label)
		if wild && rapid.Bool().Draw(t, label+" tail") {
			list = append(list, ">")
		}
		return list
	}
	rapid.Check(t, func(t *rapid.T) {
		p, q, s := tokens(t, true, "p"), tokens(t, true, "q"), tokens(t, false, "s")
		pattern, other, subject := strings.Join(p, "."), strings.Join(q, "."), strings.Join(s, ".")
		if got, want := Match(pattern, subject), slowMatch(p, s); got != want {
			t.Fatalf("Match(%q, %q) = %v", pattern, subject, got)
		}
		if Match(pattern, subject) && Match(other, subject) && !Overlap(pattern, other) {
			t.Fatalf("%q matches %q and %q, which are said not to overlap", subject, pattern, other)
		}
		if Overlap(pattern, other) != Overlap(other, pattern) {
			t.Fatalf("overlap of %q and %q is not symmetric", pattern, other)
		}
	})
}
