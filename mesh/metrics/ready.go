package metrics

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/stats"
)

// Check is one part of readiness.
type Check struct {
	// Name is what the answer calls it: "database".
	Name string
	// Ready returns what is missing, nil for nothing. It returns when ctx ends. It may be called by
	// one goroutine at a time.
	Ready func(ctx context.Context) error
}

const (
	// checkTimeout is how long a check may take.
	checkTimeout = time.Second
	// checkEvery is how long an answer holds.
	checkEvery = time.Second
)

// readiness asks all checks, and remembers the answer for a while.
type readiness struct {
	checks []Check

	mu   sync.Mutex // held while the checks are asked
	at   time.Time  // guarded by mu
	said []said     // guarded by mu: replaced as a whole
}

// said is what a check says: what is missing, nil for nothing.
type said struct {
	name    string
	missing error
}

func newReadiness(checks []Check) *readiness { return &readiness{checks: checks} }

// answer says whether all is ready: status 200 or 503, and a line for each check.
func (r *readiness) answer(w http.ResponseWriter, _ *http.Request) {
	status, text := r.present()
	answer(w, status, text)
}

// present returns the answer.
func (r *readiness) present() (status int, text string) {
	status = http.StatusOK
	var lines strings.Builder
	for _, s := range r.all() {
		says := "ok"
		if s.missing != nil {
			status = http.StatusServiceUnavailable
			says = strings.ReplaceAll(s.missing.Error(), "\n", "; ")
		}
		fmt.Fprintf(&lines, "%s: %s\n", s.name, says)
	}
	return status, lines.String()
}

// all returns what each check says, and asks them if that is too old.
func (r *readiness) all() []said {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.at.IsZero() || time.Since(r.at) >= checkEvery {
		r.askLocked()
	}
	return r.said
}

// askLocked asks all checks at once. Who asked for the answer may leave: others wait for it.
func (r *readiness) askLocked() {
	ctx, cancel := context.WithTimeout(context.Background(), checkTimeout)
	defer cancel()
	all := make([]said, len(r.checks))
	var asked sync.WaitGroup
	for i, c := range r.checks {
		asked.Go(func() { all[i] = said{c.Name, c.Ready(ctx)} })
	}
	asked.Wait()
	r.at, r.said = time.Now(), all
}

// health checks what a node needs: see mesh.Node.Health.
func health(node *mesh.Node) []Check {
	of := func(about ...stats.About) func(context.Context) error {
		return func(context.Context) error {
			var missing []error
			for _, p := range node.Health().Problems {
				if slices.Contains(about, p.About) {
					missing = append(missing, errors.New(p.Text))
				}
			}
			return errors.Join(missing...)
		}
	}
	return []Check{
		{"node", of(stats.AboutClosing)},
		{"imports", of(stats.AboutLink, stats.AboutImport, stats.AboutWire)},
		{"outbox", of(stats.AboutOutbox, stats.AboutBacklog)},
		{"clocks", of(stats.AboutClock)},
	}
}
