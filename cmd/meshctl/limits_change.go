package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"leafmesh/cmd/meshctl/internal/nodes"
	"leafmesh/cmd/meshctl/internal/show"
	"leafmesh/mesh/config"
)

// rulesChange says which rules are to be changed, and for how long.
type rulesChange struct {
	target
	rulesMeant
	Event  string `arg:"" help:"The event type or pattern, as the rule has it."`
	For    span   `placeholder:"DURATION" help:"Undo it after this: 10m."`
	DryRun bool   `short:"n" help:"Only say what would be changed."`
}

// changed is what becomes of the rules of a node.
type changed struct {
	rules []config.Rule
	lines []string // for people: one for each rule that changes
}

// run asks the nodes for their rules, and gives each back with what how makes of them, if that
// changes something.
func (c rulesChange) run(ctx context.Context, out output, how func(node string, rules []config.Rule) (changed, error)) error {
	m, err := c.mesh()
	if err != nil {
		return err
	}
	defer m.Close()
	all, failed := c.rules(ctx, out, m)
	count := 0
	for _, s := range all {
		if !c.on(s.Node) {
			continue
		}
		change, err := how(s.Node, s.what)
		if err != nil {
			return err
		}
		if len(change.lines) == 0 {
			continue
		}
		count++
		if !c.DryRun {
			if err := c.put(ctx, m, s.Node, change.rules); err != nil {
				out.complain(s.Node, err)
				failed = errReported
				continue
			}
		}
		for _, line := range change.lines {
			if _, err := fmt.Fprintf(out.results, "%s: %s\n", s.Node, show.Printable(line)); err != nil {
				return err
			}
		}
	}
	if count == 0 && failed == nil {
		return errors.New("no node has such a rule: meshctl limits get lists all")
	}
	return failed
}

// put gives a node its rules. It checks them as at its start, and takes all or none.
func (c rulesChange) put(ctx context.Context, m nodes.Mesh, node string, rules []config.Rule) error {
	rules = append([]config.Rule{}, rules...) // a list in JSON, also without entries
	var body any = rules
	if c.For > 0 {
		body = map[string]any{"rules": rules, "for": c.For.String()}
	}
	data, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("write the rules: %w", err)
	}
	return m.AskOne(ctx, node, "rules.set", data).Err
}

// until is for how long, for people.
func (c rulesChange) until() string {
	if c.For > 0 {
		return " for " + c.For.String()
	}
	return ""
}

type limitsSet struct {
	rulesChange
	New         bool           `help:"Make a rule where there is none. Name the nodes with --node."`
	Rate        *config.Rate   `placeholder:"RATE" help:"Events a second, minute or hour: 200/s, 20/min, 3/h."`
	Burst       *int           `placeholder:"NUMBER" help:"How many may come at once."`
	Policy      *config.Policy `enum:"refuse,wait,shed,coalesce" placeholder:"POLICY" help:"What happens to one too many: ${enum}."`
	Concurrency *int           `placeholder:"NUMBER" help:"How many calls of a handler may run at once."`
	Waiting     *int           `placeholder:"NUMBER" help:"How many events of a key may wait."`
	Keys        *int           `placeholder:"NUMBER" help:"How many keys have a bucket of their own."`
	Within      *time.Duration `placeholder:"DURATION" help:"How long a rule that coalesces keeps an event."`
}

// Help is shown by meshctl limits set --help.
func (limitsSet) Help() string {
	return `All rules for exactly this event type or pattern are changed, on all nodes that have one, unless flags
say which. What no flag says stays. Errors are those of a start with such a file; then the node
keeps its rules.

  meshctl limits set clue.answer.submitted --place emit --by key --rate 20/min --burst 5
  meshctl limits set clue.answer.submitted --rate 1/s --policy shed --for 10m
  meshctl limits set 'clue.>' --new --node clue-1 --place import --rate 500/s --policy wait`
}

// Run changes the rules.
func (c limitsSet) Run(ctx context.Context, out output) error {
	if c.Rate == nil && c.Burst == nil && c.Policy == nil && c.Concurrency == nil && c.Waiting == nil && c.Keys == nil && c.Within == nil {
		return errors.New("what is to be changed? Give --rate, --burst, --policy, --concurrency, --waiting, --keys or --within")
	}
	if c.New && len(c.Node) == 0 {
		return errors.New("on which node is the rule to be made? Name it with --node")
	}
	return c.run(ctx, out, func(_ string, rules []config.Rule) (change changed, err error) {
		change.rules = slices.Clone(rules)
		for i, r := range change.rules {
			if r.Event == c.Event && c.has(r) {
				change.rules[i] = c.applied(r)
				change.lines = append(change.lines, fmt.Sprintf("%s at %s: %s → %s%s", r.Event, placeText(r), limitText(r), limitText(change.rules[i]), c.until()))
			}
		}
		if len(change.lines) == 0 && c.New {
			r := c.applied(config.Rule{Name: c.Name, Event: c.Event, Place: c.Place, Handler: c.Handler, By: c.By, Root: c.Root}).WithDefaults()
			change.rules = append(change.rules, r)
			change.lines = append(change.lines, fmt.Sprintf("%s at %s: %s, new%s", r.Event, placeText(r), limitText(r), c.until()))
		}
		return change, nil
	})
}

// applied is a rule with what the flags say. What belongs to its former policy alone goes with
// that: how many wait, and for how long an event is kept.
func (c limitsSet) applied(r config.Rule) config.Rule {
	if c.Policy != nil && *c.Policy != r.Limit.Policy {
		r.Waiting, r.Within = 0, 0
	}
	set(&r.Limit.Rate, c.Rate)
	set(&r.Limit.Burst, c.Burst)
	set(&r.Limit.Policy, c.Policy)
	set(&r.Concurrency, c.Concurrency)
	set(&r.Waiting, c.Waiting)
	set(&r.Keys, c.Keys)
	set(&r.Within, c.Within)
	return r
}

func set[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}

type limitsUnset struct{ rulesChange }

// Help is shown by meshctl limits unset --help.
func (limitsUnset) Help() string {
	return `All rules for exactly this event type or pattern are removed, on all nodes that have one, unless flags
say which.

  meshctl limits unset clue.answer.submitted --place emit --by key
  meshctl limits unset 'clue.>' --node clue-1 --for 10m --dry-run`
}

// Run removes the rules.
func (c limitsUnset) Run(ctx context.Context, out output) error {
	return c.run(ctx, out, func(_ string, rules []config.Rule) (change changed, err error) {
		for _, r := range rules {
			if r.Event != c.Event || !c.has(r) {
				change.rules = append(change.rules, r)
				continue
			}
			change.lines = append(change.lines, fmt.Sprintf("%s at %s: %s, removed%s", r.Event, placeText(r), limitText(r), c.until()))
		}
		return change, nil
	})
}
