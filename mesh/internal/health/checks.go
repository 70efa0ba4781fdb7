package health

import (
	"context"
	"fmt"
	"slices"
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
	problem error         // guarded by mu of Checks: what it said last
	asked   time.Time     // guarded by mu of Checks: when it was asked last
	running chan struct{} // guarded by mu of Checks: closed when the present call ends; nil: there is none
}

// Add adds a check. The name begins the text of its problem.
func (c *Checks) Add(name string, ask func(context.Context) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = append(c.list, &check{name: name, ask: ask})
}

// Ask asks those whose time has come, each by a goroutine of its own. The context of each ends with
// ctx, and [Checks.Await] waits for them.
func (c *Checks) Ask(ctx context.Context, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, one := range c.list {
		if one.running != nil || !one.asked.IsZero() && now.Sub(one.asked) < checkEach {
			continue
		}
		one.running, one.asked = make(chan struct{}), now
		go c.run(ctx, one, one.running) // ends with the check's answer
	}
}

func (c *Checks) run(ctx context.Context, one *check, ended chan struct{}) {
	within, cancel := context.WithTimeout(ctx, checkFor)
	defer cancel()
	problem := one.ask(within)
	c.mu.Lock()
	defer c.mu.Unlock()
	one.running, one.problem = nil, problem
	close(ended)
}

// Await waits for the checks that are being asked, until ctx ends. The error names one that does
// not heed its context. Nobody asks meanwhile.
func (c *Checks) Await(ctx context.Context) error {
	c.mu.Lock()
	list := slices.Clone(c.list)
	c.mu.Unlock()
	for _, one := range list {
		c.mu.Lock()
		running := one.running
		c.mu.Unlock()
		if running == nil {
			continue
		}
		select {
		case <-running:
		case <-ctx.Done():
			return fmt.Errorf("check %s still runs after its context ended", one.name)
		}
	}
	return nil
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
