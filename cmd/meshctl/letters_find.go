package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"leafmesh/cmd/meshctl/internal/nodes"
	"leafmesh/cmd/meshctl/internal/show"
	"leafmesh/mesh/config"
	"leafmesh/mesh/stats"
)

// letterFilter says which letters are meant.
type letterFilter struct {
	Type    string   `placeholder:"PATTERN" help:"Only letters of this event type, or pattern: clue.>"`
	Handler string   `help:"Only letters of this handler."`
	Key     string   `help:"Only letters of events with this key."`
	Node    []string `help:"Only letters of this node. Repeat it for several."`
	Older   span     `placeholder:"DURATION" help:"Only letters given up longer ago: 10m, 24h."`
}

// isZero reports whether all letters are meant.
func (f letterFilter) isZero() bool {
	return f.Type == "" && f.Handler == "" && f.Key == "" && len(f.Node) == 0 && f.Older == 0
}

// nodeLetter is a letter with the node that keeps it.
type nodeLetter struct {
	Node string `json:"node"`
	stats.Letter
}

// triesName is what the letter counts as tries: of a durable import, each delivery may have been
// several calls.
func (l nodeLetter) triesName() string {
	if l.Peer != "" {
		return "deliveries"
	}
	return "calls"
}

// triesText has the number with its name.
func (l nodeLetter) triesText() string {
	if l.Tries == 1 {
		return map[string]string{"deliveries": "1 delivery", "calls": "1 call"}[l.triesName()]
	}
	return strconv.Itoa(l.Tries) + " " + l.triesName()
}

// of gives the letters that are meant.
func (f letterFilter) of(all []nodeLetter) []nodeLetter {
	list := []nodeLetter{}
	for _, l := range all {
		if (f.Type == "" || config.Match(f.Type, l.Type)) && (f.Handler == "" || f.Handler == l.Handler) && (f.Key == "" || f.Key == l.EventKey) &&
			(len(f.Node) == 0 || slices.Contains(f.Node, l.Node)) && (f.Older == 0 || time.Since(l.At) > time.Duration(f.Older)) {
			list = append(list, l)
		}
	}
	return list
}

// lettersPage is an answer to letters.
type lettersPage struct {
	Letters []stats.Letter
	More    int
	Damaged string
}

// allLetters asks for the letters of all nodes, as often as it takes until all have said all. What
// is missing is reported, with those of the named nodes that are not there.
func allLetters(ctx context.Context, out output, m nodes.Mesh, named []string) (all []nodeLetter, failed error) {
	have, done := map[string]int{}, map[string]bool{}
	for skip := 0; skip >= 0; {
		answers := m.Ask(ctx, "letters", strconv.AppendInt(nil, int64(skip), 10))
		answers = slices.DeleteFunc(answers, func(a nodes.Answer) bool { return done[a.Node] })
		for _, a := range answers {
			done[a.Node] = a.Err != nil // it is reported below
		}
		pages, err := understand[lettersPage](out, answers)
		if err != nil {
			failed = err
		}
		next := -1
		for _, p := range pages {
			fresh := p.what.Letters[min(have[p.Node]-skip, len(p.what.Letters)):] // others may have asked for a page that begins earlier
			for _, l := range fresh {
				all = append(all, nodeLetter{p.Node, l})
			}
			have[p.Node] += len(fresh)
			switch {
			case p.what.More > 0 && len(p.what.Letters) > 0:
				if next < 0 || have[p.Node] < next {
					next = have[p.Node]
				}
				continue
			case p.what.Damaged != "":
				out.complain(p.Node, fmt.Errorf("letters that cannot be read: %s", p.what.Damaged))
				failed = errReported
			}
			done[p.Node] = true
		}
		skip = next
	}
	if failed == nil {
		failed = out.missing(named, slices.Collect(maps.Keys(done)))
	}
	slices.SortStableFunc(all, func(a, b nodeLetter) int { return strings.Compare(a.Node, b.Node) })
	return all, failed
}

func lettersTable(list []nodeLetter) show.Table {
	t := show.Table{Head: []string{"NODE", "AT", "TYPE", "KEY", "HANDLER", "TRIES", "ERROR", "ROOT", "PATH", "LETTER"}, None: "No letters."}
	for _, l := range list {
		t.Add(l.Node, l.At.UTC().Format(time.DateTime), l.Type, l.EventKey, l.Handler, l.triesText(), l.Error, l.Root.String(), strings.Join(l.Path, " → "), l.Letter.Key)
	}
	return t
}
