package show

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// toYAML writes JSON as YAML, in the same order. The library that reads node files was tried: it
// writes texts with tabs, carriage returns or ".inf" so that others come back. Here every text that
// is not plainly a word is quoted, as JSON quotes it, which YAML reads alike.
func toYAML(text []byte) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var b bytes.Buffer
	if err := writeYAML(&b, d, "\n", false); err != nil {
		return nil, err
	}
	return bytes.TrimPrefix(b.Bytes(), []byte("\n")), nil
}

// writeYAML writes one value. indent is a new line and what each line begins with; inList says that
// the value stands behind a dash, on whose line its first line goes.
func writeYAML(b *bytes.Buffer, d *json.Decoder, indent string, inList bool) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	open, nested := token.(json.Delim)
	if !nested {
		b.WriteString(" " + scalar(token))
		return nil
	}
	if !d.More() {
		b.WriteString(" " + map[json.Delim]string{'{': "{}", '[': "[]"}[open])
	}
	for first := true; d.More(); first = false {
		if first && inList {
			b.WriteByte(' ')
		} else {
			b.WriteString(indent)
		}
		if open == '[' {
			b.WriteByte('-')
			err = writeYAML(b, d, indent+"  ", true)
		} else {
			var key json.Token
			if key, err = d.Token(); err != nil {
				return err
			}
			b.WriteString(scalar(key) + ":")
			err = writeYAML(b, d, indent+"  ", false)
		}
		if err != nil {
			return err
		}
	}
	_, err = d.Token() // the bracket
	return err
}

// word is a text that YAML takes for a text without quotes, but for the reserved ones.
var word = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_./-]*$`)

func scalar(token json.Token) string {
	text, isText := token.(string)
	switch {
	case token == nil:
		return "null"
	case !isText:
		return fmt.Sprint(token)
	case word.MatchString(text) && !reserved[strings.ToLower(text)]:
		return text
	}
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(fmt.Sprintf("show: a text has no form in JSON: %v", err)) // every text has one
	}
	return strings.ReplaceAll(string(quoted), "\x7f", `\x7f`)
}

// reserved are words that some version of YAML takes for something else than a text.
var reserved = map[string]bool{"true": true, "false": true, "null": true, "yes": true, "no": true, "on": true, "off": true, "y": true, "n": true}
