package storm

import (
	"errors"
	"sync"

	"leafmesh/mesh"
)

// examples keeps the first refusal of each rule, as its error says it. It is safe for concurrent
// use.
type examples struct{ byRule sync.Map }

// keep looks at an error of Emit. There are hundreds of thousands a second in a storm, of which it
// writes out one a rule.
func (e *examples) keep(err error) {
	rule := ruleOf(err)
	if rule == "" {
		return
	}
	if _, seen := e.byRule.Load(rule); !seen {
		e.byRule.LoadOrStore(rule, err.Error())
	}
}

// ruleOf is the rule by which an event was refused, or "" for another error.
func ruleOf(err error) string {
	// The common case, as Emit returns it: errors.As allocates, and took a quarter of the storm's
	// own time.
	if cascade, ok := err.(mesh.CascadeError); ok {
		return cascade.Rule
	}
	var refused mesh.RefusedError
	if errors.As(err, &refused) {
		return refused.Rule
	}
	return ""
}

func (e *examples) all() map[string]string {
	all := make(map[string]string)
	e.byRule.Range(func(rule, text any) bool {
		all[rule.(string)] = text.(string)
		return true
	})
	return all
}
