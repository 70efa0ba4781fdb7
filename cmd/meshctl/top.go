package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"leafmesh/cmd/meshctl/internal/nodes"
	"leafmesh/cmd/meshctl/internal/show"
	"leafmesh/cmd/meshctl/internal/traffic"
	"leafmesh/mesh/stats"
)

type topCommand struct {
	target
	printed
	Every time.Duration `default:"2s" placeholder:"DURATION" help:"How long to count, and then to show: ${default}."`
	Once  bool          `help:"Show it once and end."`
	Rows  uint          `default:"10" help:"How many of each list at most, ${default}; 0 for all."`
}

// Help is shown by meshctl top --help.
func (topCommand) Help() string {
	return `It counts for a while, shows the rates a second, and goes on until it is interrupted: types of events,
handlers by the time that events take there, what rules stop or coalesce, what waits for rules, calls of
handlers that take too long, and the slowest cascades and those that went wrong last. The time of a handler is
that of its queue and its calls, worked out of how many wait and how many are done. Why a cascade
takes long or went wrong says meshctl why, with its root.

  meshctl top
  meshctl top --once --every 10s --rows 0
  meshctl top --once -o json | jq '.stopped[] | select(.rate > 1)'

JSON and YAML have a document for each time.`
}

// clearScreen puts what follows on an empty screen.
const clearScreen = "\x1b[H\x1b[2J"

// Run shows the traffic. A node that does not answer is reported each time, and the others are
// shown.
func (c topCommand) Run(ctx context.Context, out output) error {
	if c.Every < 100*time.Millisecond {
		return fmt.Errorf("--every %v is too short to count anything: give 100ms or more", c.Every)
	}
	m, err := c.mesh()
	if err != nil {
		return err
	}
	defer m.Close()
	if c.Once {
		out.problems = &distinct{to: out.problems}
	}
	before, failed := counters(ctx, out, m)
	var looked topCascades
	var lookedAt time.Time
	for first := true; ; first = false {
		select {
		case <-ctx.Done():
			return nil // whoever looks on has seen enough
		case <-time.After(c.Every):
		}
		after, err := counters(ctx, out, m)
		if time.Since(lookedAt) >= cascadesEvery {
			said := out
			if err != nil {
				said.problems = io.Discard // who does not answer is named above
			}
			var unknown error
			looked, unknown = cascades(ctx, said, m)
			lookedAt, err = time.Now(), cmp.Or(err, unknown)
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			failed = err
		}
		if err := c.show(out, happening{traffic.Between(before, after), looked}, first); err != nil {
			return err
		}
		if c.Once {
			return failed
		}
		before = after
	}
}

// distinct passes on each text once: who did not answer before and after is named once.
type distinct struct {
	to   io.Writer
	said map[string]bool
}

// Write writes a text that was not written before.
func (d *distinct) Write(text []byte) (int, error) {
	if d.said[string(text)] {
		return len(text), nil
	}
	if d.said == nil {
		d.said = map[string]bool{}
	}
	d.said[string(text)] = true
	return d.to.Write(text)
}

func counters(ctx context.Context, out output, m nodes.Mesh) (all []stats.Stats, failed error) {
	list, failed := askAll[stats.Stats](ctx, out, m, "stats")
	return whats(list), failed
}

// show prints what happened. On a screen it takes the place of what was there.
func (c topCommand) show(out output, t happening, first bool) error {
	var b bytes.Buffer
	switch {
	case c.Output == show.AsTable && out.terminal && !c.Once:
		b.WriteString(clearScreen)
	case c.Output == show.YAML && !first:
		b.WriteString("---\n")
	case c.Output == show.AsTable && !first:
		b.WriteByte('\n')
	}
	switch {
	case c.Output == show.JSON:
		line, err := json.Marshal(t)
		if err != nil {
			return fmt.Errorf("print as JSON: %w", err)
		}
		b.Write(append(line, '\n'))
	case c.Output == show.YAML:
		if err := c.Output.Write(&b, t, nil); err != nil {
			return err
		}
	default:
		if err := c.tables(&b, t); err != nil {
			return err
		}
	}
	_, err := out.results.Write(b.Bytes())
	return err
}

func (c topCommand) tables(w io.Writer, t happening) error {
	types := show.Table{Head: []string{"TYPE", "EMITTED/s", "IMPORTED/s", "EXPORTED/s", "HANDLED/s", "FAILED/s", "STOPPED/s"}, None: "No events yet."}
	for _, r := range t.Types {
		types.Add(r.Type, rateText(r.Emitted), rateText(r.Imported), rateText(r.Exported), rateText(r.Handled), rateText(r.Failed), rateText(r.Stopped))
	}
	handlers := show.Table{Head: []string{"HANDLER", "NODE", "TYPE", "TIME", "QUEUE", "HANDLED/s", "RETRIED/s", "FAILED/s"}}
	for _, r := range t.Handlers {
		handlers.Add(r.Handler, r.Node, r.Type, r.Time.Round(10*time.Microsecond).String(), strconv.FormatUint(r.Queue, 10), rateText(r.Handled), rateText(r.Retried), rateText(r.Failed))
	}
	stopped := show.Table{Head: []string{"STOPPED BY", "NODE", "PLACE", "TYPE", "OUTCOME", "RATE/s", "TOTAL"}}
	for _, r := range t.Stopped {
		stopped.Add(r.Rule, r.Node, r.Place, r.Type, string(r.Outcome), rateText(r.Rate), strconv.FormatUint(r.Total, 10))
	}
	waiting := show.Table{Head: []string{"WAIT FOR", "NODE", "PLACE", "TYPE", "EVENTS", "KEYS", "OLDEST", "MOST WAIT WITH"}}
	for _, r := range t.Waiting {
		waiting.Add(r.Rule, r.Node, r.Place, r.Type, strconv.Itoa(r.Line.Waiting), strconv.Itoa(r.Keys), r.Oldest.Round(time.Millisecond).String(), r.Longest)
	}
	long := show.Table{Head: []string{"RUNS FOR", "NODE", "HANDLER", "TYPE", "KEY", "ROOT"}}
	for _, r := range t.LongCalls {
		long.Add(r.For.Round(time.Millisecond).String(), r.Node, r.Handler, r.Type, r.Key, r.Root.String())
	}
	for i, part := range []struct {
		show.Table
		more int // that are not among the rows
	}{{types, 0}, {handlers, 0}, {stopped, 0}, {waiting, 0}, {long, 0}, {t.slowestTable(), t.moreSlowest}, {t.worstTable(), t.moreWorst}} {
		table, left := part.Table, part.more
		if i > 0 && len(table.Rows) == 0 {
			continue // nothing to tell
		}
		if i > 0 {
			if _, err := fmt.Fprintln(w); err != nil {
				return err
			}
		}
		if n := uint(len(table.Rows)); c.Rows > 0 && n > c.Rows {
			table.Rows, left = table.Rows[:c.Rows], left+int(n-c.Rows)
		}
		if err := table.Write(w); err != nil {
			return err
		}
		if left > 0 {
			if _, err := fmt.Fprintf(w, "and %d more\n", left); err != nil {
				return err
			}
		}
	}
	return nil
}

// rateText is a rate for people: three digits.
func rateText(rate float64) string {
	if rate == 0 {
		return "0"
	}
	text := strconv.FormatFloat(rate, 'f', max(0, 2-len(strconv.Itoa(int(rate)))+1), 64)
	if strings.Contains(text, ".") {
		text = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
	}
	return text
}
