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

	mu     sync.Mutex // held while the checks are asked
	at     time.Time  // guarded by mu
	status int        // guarded by mu
	text   string     // guarded by mu
}

func newReadiness(checks []Check) *readiness { return &readiness{checks: checks} }

// answer says whether all is ready: status 200 or 503, and a line for each check.
func (r *readiness) answer(w http.ResponseWriter, _ *http.Request) {
	status, text := r.present()
	answer(w, status, text)
}

// present returns the answer, and asks the checks if the last one is too old.
func (r *readiness) present() (status int, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.at.IsZero() || time.Since(r.at) >= checkEvery {
		r.askLocked()
	}
	return r.status, r.text
}

// askLocked asks all checks at once. Who asked for the answer may leave: others wait for it.
func (r *readiness) askLocked() {
	ctx, cancel := context.WithTimeout(context.Background(), checkTimeout)
	defer cancel()
	missing := make([]error, len(r.checks))
	var asked sync.WaitGroup
	for i, c := range r.checks {
		asked.Go(func() { missing[i] = c.Ready(ctx) })
	}
	asked.Wait()
	var text strings.Builder
	for i, c := range r.checks {
		says := "ok"
		if missing[i] != nil {
			says = strings.ReplaceAll(missing[i].Error(), "\n", "; ")
		}
		fmt.Fprintf(&text, "%s: %s\n", c.Name, says)
	}
	r.at, r.status, r.text = time.Now(), http.StatusOK, text.String()
	if errors.Join(missing...) != nil {
		r.status = http.StatusServiceUnavailable
	}
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
