package logs

import (
	"strings"
	"testing"
)

// A request that is cut says so, and is cut between two characters.
func TestExcerptSaysThatItIsCut(t *testing.T) {
	full := strings.Repeat("x", maxExcerpt)
	for _, test := range []struct{ name, data, want string }{
		{"nothing", "", ""},
		{"all of it", full, full},
		{"one byte more", full + "y", full + "…"},
		{"a character on the edge", full[1:] + "ü", full[1:] + "…"},
		{"a long character on the edge", full[3:] + "🦦!", full[3:] + "…"},
		{"bytes that are no text", "a\xffb", "a?b"},
		{"no text at all", strings.Repeat("\x80", 300), "?…"},
	} {
		if got := Excerpt([]byte(test.data)); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}
