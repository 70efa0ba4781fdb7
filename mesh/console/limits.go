package console

import (
	"net/http"

	"leafmesh/mesh/config"
	"leafmesh/mesh/stats"
)

// limitsView is what the page of limits shows. Counts are since the nodes were opened, so that a
// page makes rates of two views.
type limitsView struct {
	At       int64       `json:"at"` // in milliseconds since 1970
	Rules    []ruleView  `json:"rules"`
	Places   []placeView `json:"places"`
	Changes  []string    `json:"changes"` // the nodes that may be changed from here
	Problems problems    `json:"problems"`
}

// ruleView is a rule with its use.
type ruleView struct {
	Node string        `json:"node"`
	ID   config.RuleID `json:"id"` // with which a page names it
	Rule config.Rule   `json:"rule"`
	// PerSecond is the rate of the rule as a number; 0: it has none.
	PerSecond float64 `json:"per_second"`
	Passed    uint64  `json:"passed"`
	Stopped   uint64  `json:"stopped"` // refused, shed or coalesced by it
	Delayed   uint64  `json:"delayed"`
	Waiting   int     `json:"waiting"`
}

// placeView is a place of a node that can be cut.
type placeView struct {
	Node string `json:"node"`
	stats.Place
}

func (c *Console) getLimits(w http.ResponseWriter, _ *http.Request) {
	rules, _ := c.now.rules.get(c.ctx)
	places, _ := c.now.places.get(c.ctx)
	counted, at := c.now.stats.get(c.ctx)
	v := limitsView{At: at.UnixMilli(), Rules: []ruleView{}, Places: []placeView{},
		Problems: addProblems(addProblems(addProblems(problems{}, rules), places), counted)}
	v.Changes, v.Problems = c.now.changeable(c.ctx, v.Problems)
	of := map[string]stats.Stats{}
	for _, a := range counted {
		if a.Err == nil {
			of[a.Node] = a.Value
		}
	}
	for _, a := range rules {
		for _, rule := range a.Value {
			v.Rules = append(v.Rules, useOf(a.Node, rule, of[a.Node]))
		}
	}
	for _, a := range places {
		for _, p := range a.Value {
			v.Places = append(v.Places, placeView{a.Node, p})
		}
	}
	respond(w, v)
}

// useOf tells what passed a rule, and what it stopped.
func useOf(node string, rule config.Rule, s stats.Stats) ruleView {
	v := ruleView{Node: node, ID: rule.Identity(), Rule: rule, PerSecond: float64(rule.Limit.Rate)}
	place := string(rule.Place)
	isAt := func(at string) bool {
		if rule.Place != config.AtHandler {
			return at == place
		}
		return rule.Handler == "" && len(at) > len("handler ") && at[:len("handler ")] == "handler " || at == "handler "+rule.Handler
	}
	var admitted, imported uint64
	for _, c := range s.Counts {
		if !config.Match(rule.Event, c.Type) {
			continue
		}
		switch c.Outcome {
		case stats.Admitted:
			admitted += c.Count
		case stats.Imported:
			imported += c.Count
		case stats.Exported, stats.Stored:
			if rule.Place == config.AtExport {
				v.Passed += c.Count
			}
		case stats.Handled, stats.Failed:
			if rule.Place == config.AtHandler && isAt(c.Place) && c.Rule == "" {
				v.Passed += c.Count
			}
		case stats.Refused, stats.Shed, stats.Coalesced:
			if c.Rule == rule.Name && isAt(c.Place) {
				v.Stopped += c.Count
			}
		case stats.Delayed:
			if c.Rule == rule.Name && isAt(c.Place) {
				v.Delayed += c.Count
			}
		}
	}
	switch rule.Place {
	case config.AtEmit: // of the admitted ones, those that did not come in
		v.Passed = admitted - min(admitted, imported)
	case config.AtImport:
		v.Passed = imported
	}
	for _, l := range s.Lines {
		if l.Rule == rule.Name && isAt(l.Place) && config.Match(rule.Event, l.Type) {
			v.Waiting += l.Waiting
		}
	}
	return v
}

// limitChange is what a page asks for.
type limitChange struct {
	Node string `json:"node"`
	config.LimitChange
}

// postLimit changes the numbers of one rule, and leaves all else as it is.
func (c *Console) postLimit(w http.ResponseWriter, r *http.Request) {
	if in, ok := read[limitChange](w, r); ok {
		c.done(w, r, in.Node, in, c.Changer.SetLimit(r.Context(), in.Node, in.LimitChange))
	}
}

// cutChange is what a page asks for.
type cutChange struct {
	Node  string `json:"node"`
	Type  string `json:"type"`
	Place string `json:"place"`
	Cut   bool   `json:"cut"`
}

func (c *Console) postCut(w http.ResponseWriter, r *http.Request) {
	in, ok := read[cutChange](w, r)
	if !ok {
		return
	}
	change := c.Changer.Restore
	if in.Cut {
		change = c.Changer.Cut
	}
	c.done(w, r, in.Node, in, change(r.Context(), in.Node, in.Type, in.Place))
}
