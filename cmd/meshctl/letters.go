package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/nats-io/nats.go"

	"leafmesh/mesh/stats"
)

type lettersCommand struct {
	taps
	Output string `short:"o" enum:"table,json" default:"table" help:"How to print them: ${enum}."`
}

// Help is shown by meshctl letters --help.
func (lettersCommand) Help() string {
	return `It lists the durable dead letters of the nodes: events of durable imports that a handler gave up,
with where each came from, its key and the error. meshctl why takes the letter's key.

  meshctl letters -f configs/score.yaml
  meshctl letters -f configs/score.yaml -o json

The exit code is 1 if a node did not answer, or has letters that can not be read.`
}

// nodeLetters are the letters of one node.
type nodeLetters struct {
	Node    string         `json:"node"`
	Letters []stats.Letter `json:"letters"`
	// Problem says why not all are listed; "" if they are.
	Problem string `json:"problem,omitempty"`
}

// Run lists the letters.
func (c lettersCommand) Run(out output) error {
	taps, err := c.all()
	if err != nil {
		return err
	}
	var nodes []nodeLetters
	var failed error
	for _, t := range taps {
		n := nodeLetters{Node: t.name, Letters: []stats.Letter{}}
		if n.Letters, err = t.letters(n.Letters); err != nil {
			n.Problem, failed = err.Error(), errReported
		}
		nodes = append(nodes, n)
	}
	if c.Output == "json" {
		encoder := json.NewEncoder(out.results)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(nodes)
	} else {
		err = printLetters(out, nodes)
	}
	if err == nil {
		err = failed
	}
	return err
}

// letters adds the letters of a node to list, as often as it takes until it has said all.
func (t tap) letters(list []stats.Letter) ([]stats.Letter, error) {
	conn, err := t.connect()
	if err != nil {
		return list, err
	}
	defer conn.Close()
	for {
		page, more, err := lettersPage(conn, len(list))
		list = append(list, page...)
		if err != nil || more == 0 || len(page) == 0 {
			return list, err
		}
	}
}

func lettersPage(conn *nats.Conn, skip int) (list []stats.Letter, more int, err error) {
	var page struct {
		Letters []stats.Letter
		More    int
		Damaged string
	}
	if err := ask(conn, "mesh.ops.letters", fmt.Sprint(skip), &page); err != nil {
		return nil, 0, err
	}
	if page.Damaged != "" && page.More == 0 {
		err = fmt.Errorf("letters that can not be read: %s", page.Damaged)
	}
	return page.Letters, page.More, err
}

// printLetters prints a table of all letters, and what is wrong with the nodes.
func printLetters(out output, nodes []nodeLetters) error {
	table := tabwriter.NewWriter(out.results, 0, 0, 2, ' ', 0)
	count := 0
	for _, n := range nodes {
		for _, l := range n.Letters {
			if count++; count == 1 {
				row(table, "NODE", "AT", "TYPE", "KEY", "HANDLER", "TRIES", "ERROR", "ROOT", "PATH", "LETTER")
			}
			row(table, n.Node, l.At.UTC().Format(time.DateTime), l.Type, l.EventKey, l.Handler, fmt.Sprint(l.Tries), l.Error, l.Root.String(), strings.Join(l.Path, " → "), l.Key)
		}
		if n.Problem != "" {
			// There is nowhere left to say that this failed.
			_, _ = fmt.Fprintf(out.problems, "meshctl: %s: %s\n", n.Node, n.Problem)
		}
	}
	if count == 0 {
		_, err := fmt.Fprintln(out.results, "No letters.")
		return err
	}
	return table.Flush()
}

// row writes cells; what events and handlers say keeps its cell. The writer keeps an error until it is
// flushed.
func row(w io.Writer, cells ...string) {
	for i := range cells {
		cells[i] = strings.Map(func(c rune) rune {
			if c < ' ' || c >= 0x7f && c < 0xa0 {
				return ' '
			}
			return c
		}, cells[i])
	}
	_, _ = fmt.Fprintln(w, strings.Join(cells, "\t"))
}
