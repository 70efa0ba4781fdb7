// Package show prints lists for people and for programs.
package show

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Format is how something is printed: as a table for people, or as JSON or YAML for programs.
type Format string

// The formats.
const (
	AsTable Format = "table"
	JSON    Format = "json"
	YAML    Format = "yaml"
)

// Table is a list for people.
type Table struct {
	Head []string
	Rows [][]string
	// None stands in place of a table without rows.
	None string
}

// Add adds a row.
func (t *Table) Add(cells ...string) { t.Rows = append(t.Rows, cells) }

// Write prints a value for programs, with the names it has in JSON, or the table that table makes
// of it.
func (f Format) Write(w io.Writer, value any, table func() Table) error {
	if f == AsTable {
		return table().Write(w)
	}
	data, err := json.MarshalIndent(value, "", "  ")
	if err == nil && f == YAML {
		data, err = toYAML(data)
	}
	if err != nil {
		return fmt.Errorf("print as %s: %w", f, err)
	}
	_, err = fmt.Fprintln(w, strings.TrimSuffix(string(data), "\n"))
	return err
}

// Write prints the table, with its columns below each other.
func (t Table) Write(w io.Writer) error {
	if len(t.Rows) == 0 {
		_, err := fmt.Fprintln(w, t.None)
		return err
	}
	var text bytes.Buffer
	columns := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, cells := range append([][]string{t.Head}, t.Rows...) {
		for i := range cells {
			cells[i] = Printable(cells[i])
		}
		fmt.Fprintln(columns, strings.Join(cells, "\t"))
	}
	if err := columns.Flush(); err != nil {
		return fmt.Errorf("print a table: %w", err)
	}
	for line := range strings.Lines(text.String()) { // the last cells may be empty
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// Printable is a text on one line without control characters: what events and handlers say keeps
// its place, and does nothing to a terminal.
func Printable(text string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c >= 0x7f && c < 0xa0 {
			return ' '
		}
		return c
	}, text)
}
