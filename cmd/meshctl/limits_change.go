package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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

// limitQuestion asks a node to change, make or remove one rule.
type limitQuestion struct {
	name string // "limit.set"
	body any
	// told is what the node did, for people.
	told func(config.LimitChanged) string
}

// lasts says how long a change lasts, in the body of a question.
type lasts struct {
	For    string `json:"for,omitempty"`
	DryRun bool   `json:"dry_run,omitempty"`
}

func (c rulesChange) lasts() lasts {
	l := lasts{DryRun: c.DryRun}
	if c.For > 0 {
		l.For = c.For.String()
	}
	return l
}

// run asks the nodes for their rules, and then each node what is to become of those that are meant.
// The node changes one rule by itself, so that what others change there meanwhile stays.
func (c rulesChange) run(ctx context.Context, out output, questions func(meant []config.Rule) []limitQuestion) error {
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
		var meant []config.Rule
		for _, r := range s.what {
			if r.Event == c.Event && c.has(r) {
				meant = append(meant, r)
			}
		}
		for _, q := range questions(meant) {
			count++
			changed, err := q.put(ctx, m, s.Node)
			if err != nil {
				out.complain(s.Node, err)
				failed = errReported
				continue
			}
			if _, err := fmt.Fprintf(out.results, "%s: %s%s\n", s.Node, show.Printable(q.told(changed)), c.until()); err != nil {
				return err
			}
		}
	}
	if count == 0 && failed == nil {
		return errNoRule
	}
	return failed
}

// put asks the node, which checks the rule as at its start.
func (q limitQuestion) put(ctx context.Context, m nodes.Mesh, node string) (changed config.LimitChanged, err error) {
	data, err := json.Marshal(q.body)
	if err != nil {
		return changed, fmt.Errorf("write the question: %w", err)
	}
	err = m.AskOne(ctx, node, q.name, data).Decode(&changed)
	return changed, err
}

// until is for how long, for people.
func (c rulesChange) until() string {
	if c.For > 0 {
		return " for " + c.For.String()
	}
	return ""
}

// errNoRule is of a change that no rule is meant by.
var errNoRule = errors.New("no node has such a rule: meshctl limits get lists all")

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
say which. What no flag says stays. Each rule is changed by itself. Errors are those of a start with
such a file; then the rule stays as it is.

  meshctl limits set clue.answer.submitted --place emit --by key --rate 20/min --burst 5
  meshctl limits set clue.answer.submitted --rate 1/s --policy shed --for 10m
  meshctl limits set 'clue.>' --new --node clue-1 --place import --rate 500/s --policy wait`
}

// Run changes the rules.
func (c limitsSet) Run(ctx context.Context, out output) error {
	change := config.LimitChange{Limit: config.LimitNumbers{Rate: c.Rate, Burst: c.Burst, Policy: c.Policy},
		Concurrency: c.Concurrency, Waiting: c.Waiting, Keys: c.Keys, Within: (*config.Duration)(c.Within)}
	if change.IsZero() {
		return errors.New("what is to be changed? Give --rate, --burst, --policy, --concurrency, --waiting, --keys or --within")
	}
	if c.New && len(c.Node) == 0 {
		return errors.New("on which node is the rule to be made? Name it with --node")
	}
	err := c.run(ctx, out, func(meant []config.Rule) (all []limitQuestion) {
		for _, r := range meant {
			change.ID = r.Identity()
			all = append(all, limitQuestion{"limit.set", struct {
				config.LimitChange
				lasts
			}{change, c.lasts()}, func(is config.LimitChanged) string {
				return fmt.Sprintf("%s → %s", ruleText(is.Old), limitText(is.New))
			}})
		}
		if len(meant) == 0 && c.New {
			rule := change.Apply(config.Rule{Name: c.Name, Event: c.Event, Place: c.Place, Handler: c.Handler, By: c.By, Root: c.Root})
			all = append(all, limitQuestion{"limit.new", struct {
				Rule config.Rule `json:"rule"`
				lasts
			}{rule, c.lasts()}, func(is config.LimitChanged) string { return ruleText(is.New) + ", new" }})
		}
		return all
	})
	if errors.Is(err, errNoRule) {
		return fmt.Errorf("%w; --new --node NODE makes it on that node", err)
	}
	return err
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
	return c.run(ctx, out, func(meant []config.Rule) (all []limitQuestion) {
		for _, r := range meant {
			all = append(all, limitQuestion{"limit.unset", struct {
				ID config.RuleID `json:"id"`
				lasts
			}{r.Identity(), c.lasts()}, func(is config.LimitChanged) string { return ruleText(is.Old) + ", removed" }})
		}
		return all
	})
}
