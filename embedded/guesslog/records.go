package guesslog

import (
	"encoding/csv"
	"errors"
	"fmt"
	"strings"
)

// Bounds of a record, which may go over several lines, because a quoted field holds line breaks.
// They keep a quote that is never closed from taking the rest of the file with it. No line of one
// is longer either.
const (
	maxRecordLines = 20
	maxRecordBytes = 64 << 10
)

var (
	// errUnclosed is a quote without its partner near by.
	errUnclosed = errors.New("a quote is not closed")
	// errLong is a line that no row of a log can be.
	errLong = fmt.Errorf("the line is longer than %d bytes", maxRecordBytes)
)

// records cuts a text into records of CSV. encoding/csv alone was rejected for two reasons: after a
// quote that is not closed it takes all that follows for one field, and it copies each record,
// which took longer than all else here.
type records struct {
	rest  string
	lines int // cut off so far

	// The current record.
	line   int // where it begins
	fields []string
	err    error // why it has no fields
}

// next goes to the next record, and past blank lines. A record that cannot be read costs its first
// line only.
func (r *records) next() bool {
	for r.rest != "" {
		first, after, _ := strings.Cut(r.rest, "\n")
		r.lines++
		r.line = r.lines
		if strings.TrimSuffix(first, "\r") == "" {
			r.rest = after
			continue
		}
		if len(first) > maxRecordBytes {
			r.rest, r.fields, r.err = after, nil, errLong
			return true
		}
		text, lines := r.rest[:len(r.rest)-len(after)], 1
		if strings.Contains(first, `"`) {
			text, lines = quoted(r.rest)
		}
		r.fields, r.err = split(text)
		if lines > 1 && (r.err != nil || len(r.fields) != columns) {
			text, lines, r.err = r.rest[:len(r.rest)-len(after)], 1, errUnclosed
		}
		r.rest = r.rest[len(text):]
		r.lines += lines - 1
		return true
	}
	return false
}

// quoted takes lines off the front until each quote has a partner. If none is found it takes the
// first line.
func quoted(rest string) (text string, lines int) {
	end, quotes := 0, 0
	for lines = 1; lines <= maxRecordLines && end < maxRecordBytes && end < len(rest); lines++ {
		line, _, found := strings.Cut(rest[end:], "\n")
		end += len(line)
		if found {
			end++
		}
		if quotes += strings.Count(line, `"`); quotes%2 == 0 {
			return rest[:end], lines
		}
	}
	line, _, _ := strings.Cut(rest, "\n")
	return rest[:min(len(line)+1, len(rest))], 1
}

// split cuts a record into its fields.
func split(text string) ([]string, error) {
	if !strings.Contains(text, `"`) {
		text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
		return strings.Split(text, ","), nil
	}
	reader := csv.NewReader(strings.NewReader(text))
	reader.FieldsPerRecord = -1 // Counted later, with a better message.
	fields, err := reader.Read()
	if err == nil {
		return fields, nil
	}
	if strings.Count(text, `"`)%2 != 0 {
		return nil, errUnclosed
	}
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		err = parse.Err // Its lines count from the record's first.
	}
	return nil, err
}
