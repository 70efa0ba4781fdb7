package notation

import (
	"fmt"
	"strings"
)

// KeyToken is a key as the last token of a subject: docs/wire.md.
func KeyToken(key string) string {
	if key == "" {
		return "%"
	}
	var token strings.Builder
	for _, c := range []byte(key) {
		if c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '-' {
			token.WriteByte(c)
		} else {
			fmt.Fprintf(&token, "%%%02X", c)
		}
	}
	return token.String()
}
