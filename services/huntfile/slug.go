package huntfile

import (
	"strings"

	"golang.org/x/text/unicode/norm"
)

// Slug makes an id of a title: "Lips Are Movin’ (1)" becomes "lips-are-movin-1". Accents are
// dropped, letters that are not Latin too, so that the result may be empty and two titles may give
// the same one: number them then.
func Slug(title string) string {
	var b strings.Builder
	gap := false
	for _, r := range norm.NFKD.String(strings.ToLower(title)) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			if gap && b.Len() > 0 {
				b.WriteByte('-')
			}
			gap = false
			b.WriteRune(r)
		case r == '\'' || r == '’' || r >= 0x300 && r < 0x370: // part of a word: its apostrophe, an accent
		default:
			gap = true
		}
	}
	return strings.TrimRight(b.String()[:min(b.Len(), 64)], "-")
}
