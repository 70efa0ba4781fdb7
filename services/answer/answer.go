// Package answer says when two answers are the same.
//
// # Guarantees
//
//   - [Normalize] is pure and idempotent: Normalize(Normalize(s)) == Normalize(s).
//   - Two texts are the same answer when their normal forms are equal and not empty. A text of
//     spaces and punctuation only has an empty normal form; it is the same answer as nothing, not
//     even as itself.
//   - Any bytes are accepted. Bytes that are not UTF-8 are dropped.
//
// It is a package of its own because two others need it: huntfile refuses an answer nobody could
// give, and clue judges.
package answer

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// rounds bounds the search for a stable normal form. One round changes what the next one sees:
// dropping a space brings a letter and its accent together, composing them makes a letter that
// folds. The fuzzer found texts that need four, the last to see that nothing changes.
const rounds = 8

var fold = cases.Fold()

// Same reports whether a and b are the same answer. It normalises both; to compare one guess with
// many answers, normalise the answers once and compare the results.
func Same(a, b string) bool {
	n := Normalize(a)
	return n != "" && n == Normalize(b)
}

// Normalize gives the form in which answers are compared: Unicode compatibility form (NFKC), case
// folded, without spaces, punctuation, control and invisible characters. Letters, accents, digits,
// symbols ("+", "€") and emoji stay. The result may be empty: then the text cannot be an answer.
func Normalize(s string) string {
	if out, ok := normalizeASCII(s); ok {
		return out
	}
	for range rounds {
		next := strings.Map(keep, fold.String(norm.NFKC.String(s)))
		if next == s {
			break
		}
		s = next
	}
	return s
}

// normalizeASCII does the same for a text of ASCII only, where the Unicode machinery would cost 20
// times as much.
func normalizeASCII(s string) (string, bool) {
	out := make([]byte, 0, len(s))
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return "", false
		}
		if c := ascii[s[i]]; c != 0 {
			out = append(out, c)
		}
	}
	return string(out), true
}

// ascii maps each character to its normal form, 0 when it does not count.
var ascii = func() (table [utf8.RuneSelf]byte) {
	for r := range rune(utf8.RuneSelf) {
		if keep(r) >= 0 {
			table[r] = byte(unicode.ToLower(r))
		}
	}
	return table
}()

// keep returns r, or a negative number when r does not count in an answer. It drops what is known
// not to count, rather than keeping what is known: an emoji newer than Go's Unicode tables has no
// category, and must stay.
func keep(r rune) rune {
	switch {
	case r == utf8.RuneError, unicode.IsSpace(r), unicode.IsPunct(r), unicode.Is(ignorable, r):
		return -1
	case unicode.In(r, unicode.Z, unicode.Cc, unicode.Cf):
		return -1
	}
	return r
}

// ignorable holds characters that show nothing, beyond the control and format categories: variation
// selectors (a heart with or without one is the same heart), the grapheme joiner and the Hangul
// fillers.
var ignorable = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x034F, Hi: 0x034F, Stride: 1},
		{Lo: 0x115F, Hi: 0x1160, Stride: 1},
		{Lo: 0x17B4, Hi: 0x17B5, Stride: 1},
		{Lo: 0x180B, Hi: 0x180F, Stride: 1},
		{Lo: 0x2065, Hi: 0x2065, Stride: 1},
		{Lo: 0x3164, Hi: 0x3164, Stride: 1},
		{Lo: 0xFE00, Hi: 0xFE0F, Stride: 1},
		{Lo: 0xFFA0, Hi: 0xFFA0, Stride: 1},
		{Lo: 0xFFF0, Hi: 0xFFF8, Stride: 1},
	},
	R32: []unicode.Range32{{Lo: 0xE0000, Hi: 0xE0FFF, Stride: 1}},
}
