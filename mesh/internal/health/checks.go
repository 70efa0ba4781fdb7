package health

import (
	"context"
	"fmt"
	"sync"
	"time"

	"leafmesh/mesh/stats"
)

const (
	// checkEach is the time between two looks at what a program checks: they may write to a disk.
	checkEach = 5 * time.Second
	// checkFor is how long a check may take.
	checkFor = 5 * time.Second
)

// Checks are what a program knows of that keeps its node from what it is there for. The zero value
// has none. Its methods are safe for concurrent use.
type Checks struct {
	mu   sync.Mutex
	list []*check // guarded by mu
}

type check struct {
	name    string
	ask     func(context.Context) error
	problem error     // guarded by mu of Checks: what it said last
	asked   time.Time // guarded by mu of Checks: when it was asked last
	runs    bool      // guarded by mu of Checks
}

// Add adds a check. The name begins the text of its problem.
func (c *Checks) Add(name string, ask func(context.Context) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = append(c.list, &check{name: name, ask: ask})
}

// Ask asks those whose time has come, each by a goroutine of its own that begin starts. Its context
// ends with ctx.
func (c *Checks) Ask(ctx context.Context, now time.Time, begin func(func())) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, one := range c.list {
		if one.runs || !one.asked.IsZero() && now.Sub(one.asked) < checkEach {
			continue
		}
		one.runs, one.asked = true, now
		begin(func() {
			within, cancel := context.WithTimeout(ctx, checkFor)
			defer cancel()
			err := one.ask(within)
			c.mu.Lock()
			defer c.mu.Unlock()
			one.runs, one.problem = false, err
		})
	}
}

// Problems are what they said last.
func (c *Checks) Problems() (problems []Problem) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, one := range c.list {
		if one.problem != nil {
			problems = append(problems, NewProblem(stats.Problem{About: stats.AboutService}, fmt.Errorf("%s: %w", one.name, one.problem)))
		}
	}
	return problems
}
