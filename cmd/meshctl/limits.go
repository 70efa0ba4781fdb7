package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"leafmesh/cmd/meshctl/internal/nodes"
	"leafmesh/cmd/meshctl/internal/show"
	"leafmesh/mesh/config"
)

type limitsCommand struct {
	Get   limitsGet   `cmd:"" default:"withargs" help:"List the rules in force (the default)."`
	Set   limitsSet   `cmd:"" help:"Change rules while the nodes run, or make one."`
	Unset limitsUnset `cmd:"" help:"Remove rules while the nodes run."`
}

// Help is shown by meshctl limits --help.
func (limitsCommand) Help() string {
	return `What is changed here lasts until the node is started again: its file says what holds then.

  meshctl limits get clue.answer.submitted
  meshctl limits set clue.answer.submitted --rate 20/s --for 10m
  meshctl limits unset clue.answer.submitted --place emit`
}

// rulesMeant says which rules of which nodes are meant.
type rulesMeant struct {
	Name    string       `placeholder:"NAME" help:"Only rules of this name."`
	Place   config.Place `enum:"emit,export,import,handler," default:"" placeholder:"PLACE" help:"Only rules at this place: emit, export, import or handler."`
	Handler string       `placeholder:"NAME" help:"Only rules for this handler."`
	By      config.By    `enum:"type,key,root,peer," default:"" placeholder:"WHAT" help:"Only rules by this: type, key, root or peer."`
	Root    string       `placeholder:"TYPE" help:"Only rules for cascades that began with this type."`
	Node    []string     `help:"Only on this node. Repeat it for several."`
}

// has reports whether a rule is meant, whatever its event.
func (m rulesMeant) has(r config.Rule) bool {
	return (m.Name == "" || m.Name == r.Name) && (m.Place == "" || m.Place == r.Place) && (m.Handler == "" || m.Handler == r.Handler) &&
		(m.By == "" || m.By == r.By) && (m.Root == "" || m.Root == r.Root)
}

// rules asks all nodes for their rules. A node that is named and not there is reported, too.
func (m rulesMeant) rules(ctx context.Context, out output, all nodes.Mesh) (list []said[[]config.Rule], failed error) {
	list, failed = askAll[[]config.Rule](ctx, out, all, "rules")
	if failed == nil {
		var answered []string
		for _, s := range list {
			answered = append(answered, s.Answer.Node)
		}
		failed = out.missing(m.Node, answered)
	}
	return list, failed
}

// on reports whether rules of a node are meant.
func (m rulesMeant) on(node string) bool { return len(m.Node) == 0 || slices.Contains(m.Node, node) }

type limitsGet struct {
	target
	printed
	rulesMeant
	Event string `arg:"" optional:"" help:"Only rules that hold for events of this type, or for some that match this pattern."`
}

// Help is shown by meshctl limits get --help.
func (limitsGet) Help() string {
	return `Rules of exports and imports are there too. JSON and YAML have the keys and texts of a node's file.

  meshctl limits get
  meshctl limits get clue.answer.submitted --node clue-1 -o yaml`
}

// nodeRule is a rule with its node.
type nodeRule struct {
	Node string      `json:"node"`
	Rule config.Rule `json:"rule"`
}

// Run lists the rules.
func (c limitsGet) Run(ctx context.Context, out output) error {
	m, err := c.mesh()
	if err != nil {
		return err
	}
	defer m.Close()
	all, failed := c.rules(ctx, out, m)
	rows := []nodeRule{}
	for _, s := range all {
		for _, r := range s.what {
			if c.on(s.Node) && c.has(r) && (c.Event == "" || config.Overlap(c.Event, r.Event)) {
				rows = append(rows, nodeRule{s.Node, r})
			}
		}
	}
	return list(out, c.Output, rows, func() show.Table { return rulesTable(rows) }, failed)
}

func rulesTable(rows []nodeRule) show.Table {
	t := show.Table{Head: []string{"NODE", "EVENT", "PLACE", "BY", "LIMIT", "NAME"}, None: "No rules."}
	for _, row := range rows {
		t.Add(row.Node, row.Rule.Event, placeText(row.Rule), string(cmp.Or(row.Rule.By, config.ByType)), limitText(&row.Rule), row.Rule.Name)
	}
	return t
}

func placeText(r config.Rule) string {
	text := string(cmp.Or(r.Place, config.AtEmit))
	if r.Handler != "" {
		text += " " + r.Handler
	}
	if r.Root != "" {
		text += ", root " + r.Root
	}
	return text
}

// ruleText is a rule for people: what it is for, and what it allows. nil is one that there is not.
func ruleText(r *config.Rule) string {
	if r == nil {
		return "no rule"
	}
	return fmt.Sprintf("%s at %s: %s", r.Event, placeText(*r), limitText(r))
}

// limitText is what a rule allows, and what it does beyond, for people.
func limitText(r *config.Rule) string {
	if r == nil {
		return "no rule"
	}
	parts := []string{r.Limit.Rate.String(), "burst " + strconv.Itoa(r.Limit.Burst)}
	if r.Concurrency > 0 {
		parts = []string{fmt.Sprintf("%d at once", r.Concurrency)}
	}
	parts = append(parts, string(cmp.Or(r.Limit.Policy, config.Refuse)))
	if r.Within > 0 {
		parts = append(parts, "within "+r.Within.String())
	}
	if r.Waiting > 0 && r.Waiting != 4096 {
		parts = append(parts, fmt.Sprintf("%d may wait", r.Waiting))
	}
	return strings.Join(parts, ", ")
}
