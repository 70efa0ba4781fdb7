package team

import (
	"errors"
	"strings"
	"testing"
)

func TestCheckName(t *testing.T) {
	for _, test := range []struct {
		name string
		team string
		ok   bool
	}{
		{"plain", "Night Owls", true},
		{"one letter", "x", true},
		{"quotes, commas and dots", `"Tasty" Samoas, Please... Ingest'`, true},
		{"slashes", "a/b\\c", true},
		{"three dots", "...", true},
		{"emoji with a joiner", "👨\u200d🍳masterchef", true},
		{"right to left", "צוות", true},
		{"200 characters", strings.Repeat("a", 200), true},
		{"200 of four bytes", strings.Repeat("🦉", 200), true},

		{"empty", "", false},
		{"201 characters", strings.Repeat("a", 201), false},
		{"not UTF-8", "a\xff", false},
		{"line feed", "a\nb", false},
		{"null", "a\x00b", false},
		{"C1 control", "a\u0085b", false},
		{"space before", " a", false},
		{"space after", "a\u00a0", false},
		{"dot", ".", false},
		{"two dots", "..", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := CheckName(test.team)
			if (err == nil) != test.ok {
				t.Errorf("CheckName(%q) = %v", test.team, err)
			}
			if e := (*NameError)(nil); err != nil && !errors.As(err, &e) {
				t.Errorf("error is a %T", err)
			}
		})
	}
}
