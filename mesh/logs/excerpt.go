package logs

import (
	"strings"
	"unicode/utf8"
)

// maxExcerpt is how many bytes of a request a line shows.
const maxExcerpt = 200

// Excerpt returns what a line shows of data that somebody sent: at most its first 200 bytes, with
// "…" behind them if there are more. Bytes that are not UTF-8 become "?".
func Excerpt(data []byte) string {
	end, more := len(data), ""
	if end > maxExcerpt {
		end, more = maxExcerpt, "…"
		for end > maxExcerpt-utf8.UTFMax && !utf8.RuneStart(data[end]) {
			end-- // to the start of the character that is cut
		}
	}
	return strings.ToValidUTF8(string(data[:end]), "?") + more
}
