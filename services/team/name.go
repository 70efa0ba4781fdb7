// Package team says what a team may be called. Three services take team names from outside; they
// agree here.
package team

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of a name. They are those of real hunts, where jokes of 180 characters and names of
// nothing but emoji occur; the second keeps the escaped name well inside one subject token.
const (
	// MaxCharacters counts code points.
	MaxCharacters = 200
	// MaxBytes counts bytes of UTF-8.
	MaxBytes = 800
)

// NameError says why a text is no team name.
type NameError struct{ Problem string }

// Error gives the problem as a sentence about "the team name".
func (e *NameError) Error() string { return "the team name " + e.Problem }

// CheckName returns a [*NameError] when name cannot be a team's: empty, too long, not UTF-8, with
// control characters or with white space at an end, or "." or "..", which cannot stand in a URL's
// path. Names are otherwise compared byte for byte: "Owls" and "owls" are two teams.
func CheckName(name string) error {
	switch {
	case name == "":
		return &NameError{"is missing"}
	case len(name) > MaxBytes || utf8.RuneCountInString(name) > MaxCharacters:
		return &NameError{fmt.Sprintf("is longer than %d characters or %d bytes", MaxCharacters, MaxBytes)}
	case !utf8.ValidString(name):
		return &NameError{"is not UTF-8"}
	case strings.ContainsFunc(name, unicode.IsControl):
		return &NameError{"holds a control character"}
	case strings.TrimSpace(name) != name:
		return &NameError{"begins or ends with white space"}
	case name == "." || name == "..":
		return &NameError{"cannot be a dot or two"}
	}
	return nil
}
