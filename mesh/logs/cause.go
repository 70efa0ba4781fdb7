package logs

import (
	"context"
	"hash/maphash"
	"log/slog"
	"math/bits"
	"slices"
	"strings"
	"unicode"
)

// inCause are the attributes that say the cause of a record, beside the words of its error.
var inCause = []string{"node", "peer", "direction", "type", "handler", "place", "rule", "service"}

// causeOf is the cause of a record, as hashes of ever more of what says it. It says the same for
// two records of one cause.
type causeOf struct {
	message uint64 // level and message
	whole   uint64 // and what attributes say
	error   uint64 // and the words of the error; 0: it has none
	given   bool   // by WithCause: an error does not count
}

// causeOf begins the cause of a record: its attributes are to be added.
func (h *Handler) causeOf(ctx context.Context, level slog.Level, message string) causeOf {
	c := h.cause
	if given, ok := ctx.Value(causeKey{}).(string); ok {
		message, c.given = given, true
	}
	c.message = mix(uint64(level)+1, message)
	c.whole = c.message ^ bits.RotateLeft64(c.whole, 17)
	return c
}

// needs reports whether an attribute says something of the cause.
func (c *causeOf) needs(key string) bool {
	return slices.Contains(inCause, key) || key == "error" && !c.given
}

// add adds an attribute that says something of the cause.
func (c *causeOf) add(key, value string) {
	if key == "error" {
		c.error = wordsOf(value)
	} else {
		c.whole = mix(mix(c.whole, key), value)
	}
}

// addAttr adds any attribute.
func (c *causeOf) addAttr(a slog.Attr) {
	if c.needs(a.Key) {
		c.add(a.Key, textOfValue(a.Value))
	}
}

func textOf(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case error: // slog would make another text of it
		return textOfError(v)
	}
	return textOfValue(slog.AnyValue(value))
}

func textOfValue(v slog.Value) string {
	v = v.Resolve()
	if v.Kind() != slog.KindAny {
		return v.String()
	}
	if err, ok := v.Any().(error); ok {
		return textOfError(err)
	}
	return v.String()
}

// textOfError is "" for an error that panics, such as a nil pointer: the handler that writes has
// its own word for it.
func textOfError(err error) (text string) {
	defer func() { _ = recover() }()
	return err.Error()
}

// group notes that what follows is in a group of attributes.
func (c *causeOf) group(name string) { c.whole = mix(c.whole, name) }

// exact is the cause with the words of the error.
func (c *causeOf) exact() uint64 {
	if c.error == 0 {
		return c.whole
	}
	return bits.RotateLeft64(c.whole, 29) ^ c.error
}

// longestError is how much of the text of an error is looked at.
const longestError = 512

// wordsOf is a hash of what a text has in common with others of its cause: its words of letters
// alone. What is quoted, or has a digit or another sign in it, is a name, a number or an id.
func wordsOf(text string) uint64 {
	var words maphash.Hash
	words.SetSeed(seed)
	quoted := false
	for word := range strings.FieldsSeq(text[:min(len(text), longestError)]) {
		before := quoted
		if strings.Count(word, `"`)%2 == 1 {
			quoted = !quoted
		}
		if !before && !strings.ContainsFunc(strings.TrimRight(word, ":,;."), isNoLetter) {
			_, _ = words.WriteString(word) // it never fails
			_ = words.WriteByte(' ')
		}
	}
	return words.Sum64() | 1
}

func isNoLetter(r rune) bool { return !unicode.IsLetter(r) }

var seed = maphash.MakeSeed()

// mix makes one cause of two. Nobody can make up texts that collide: the seed is secret.
func mix(cause uint64, text string) uint64 {
	return bits.RotateLeft64(cause, 5)*0x9e3779b97f4a7c15 ^ maphash.String(seed, text)
}
