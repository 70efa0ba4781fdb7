package operations

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"leafmesh/mesh/config"
	"leafmesh/mesh/operator"
)

// askRate is how many signed questions a second a node takes of one operator, and askBurst how many
// at once.
const askRate, askBurst = rate.Limit(50), 200

// guard is who may ask the node, beside those who know its tap's password.
type guard struct {
	node string

	mu        sync.Mutex
	operators map[string]config.Operator // guarded by mu: by key
	nonces    operator.Nonces            // guarded by mu
	rates     map[string]*rate.Limiter   // guarded by mu: by key
}

func newGuard(node string, operators []config.Operator) *guard {
	g := &guard{node: node}
	g.set(operators)
	return g
}

// set replaces the operators. What those that stay have asked counts on.
func (g *guard) set(operators []config.Operator) {
	g.mu.Lock()
	defer g.mu.Unlock()
	before := g.rates
	g.operators, g.rates = map[string]config.Operator{}, map[string]*rate.Limiter{}
	for _, o := range operators {
		g.operators[o.Key] = o
		g.rates[o.Key] = before[o.Key]
		if g.rates[o.Key] == nil {
			g.rates[o.Key] = rate.NewLimiter(askRate, askBurst)
		}
	}
}

// find is the operator with a key; any says whether there are operators at all.
func (g *guard) find(key string) (who config.Operator, found, any bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	who, found = g.operators[key]
	return who, found, len(g.operators) > 0
}

// admit tells which operator asks a question, once. known is false if that is nobody whom the node
// knows: then no other node is asked for it either. now counts how many the operator asks, and wall
// is the wall clock's time, which may go back.
func (g *guard) admit(q operator.Question, needs config.May, now, wall time.Time) (who config.Operator, known bool, why *failure) {
	if _, _, any := g.find(""); !any {
		return who, false, &failure{403, fmt.Sprintf("node %s knows no operators: name them under operators in its file, with the public keys that sign questions", g.node)}
	}
	signed, err := operator.Verify(q.Subject, q.Header, q.Body, wall)
	if err != nil {
		return who, false, &failure{403, fmt.Sprintf("node %s: %v: sign it with the key of an operator that the file of the node names", g.node, err)}
	}
	who, found, _ := g.find(signed.Key)
	if !found {
		return who, false, &failure{403, fmt.Sprintf("node %s knows no operator with the key %s: name it under operators in its file", g.node, signed.Key)}
	}
	if err := g.spend(signed, now, wall); err != nil {
		return who, false, refusalOf(g.node, err)
	}
	if !who.May.Includes(needs) {
		return who, true, &failure{403, fmt.Sprintf("operator %s may not change anything on node %s: write may: change there", who.Name, g.node)}
	}
	return who, true, nil
}

func (g *guard) spend(s operator.Signed, now, wall time.Time) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if r := g.rates[s.Key]; r == nil || !r.AllowN(now, 1) {
		return operator.ErrTooMany
	}
	return g.nonces.Spend(s, wall)
}

func refusalOf(node string, err error) *failure {
	code := 403
	if errors.Is(err, operator.ErrTooMany) {
		code = 429
	}
	return &failure{code, fmt.Sprintf("node %s: %v", node, err)}
}
