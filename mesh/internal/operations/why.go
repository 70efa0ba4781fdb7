package operations

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/why"
)

// whyWait is how long a request to explain something is kept waiting, and the others behind it.
const whyWait = 2 * time.Second

// inquired is what was asked of the mesh last, so that the later pages of an answer are of the same
// answer, and cost the mesh nothing.
type inquired struct {
	mu      sync.Mutex   // held while the mesh is asked
	ids     []cause.ID   // guarded by mu
	reports []why.Report // guarded by mu
	at      time.Time    // guarded by mu
}

// inquiredFor is how long an answer has later pages.
const inquiredFor = 30 * time.Second

// why answers what is recorded of cascades: as reports of nodes, or as text. The request is a text
// with ids, such as an id, a letter's key or a line of a log. For the reports a number may follow,
// of how much to leave out: there may be more than an answer holds, see why.Page. If all nodes are
// asked, each tells what it knows itself; else this one asks the others.
func (a *Answerer) why(r request) ([]byte, error) {
	text := string(r.data)
	ids, skip := why.IDs(text), 0
	if words := strings.Fields(text); len(words) == len(ids)+1 {
		if n, err := strconv.Atoi(words[len(ids)]); err == nil && n >= 0 {
			skip = n
		}
	}
	if len(ids) == 0 {
		return nil, &failure{400, fmt.Sprintf("%s takes an event's or root's id, a letter's key, or a line of a log that has one, not %.80q", r.name, text)}
	}
	reports := a.reports(r, ids, skip > 0)
	if r.name == "why.text" {
		return []byte(why.Explain(ids[0], reports...).String()), nil
	}
	for size := math.MaxInt32; ; {
		page := why.Page(reports, skip, size)
		data, err := json.Marshal(page)
		if err != nil || len(data) <= r.room || page.Size <= 1 {
			return data, err
		}
		size = page.Size / 2
	}
}

func (a *Answerer) reports(r request, ids []cause.ID, goesOn bool) []why.Report {
	if !r.all {
		return a.inquire(r.ctx, ids, goesOn)
	}
	own, err := a.Node.Recall(r.ctx, ids...)
	if err != nil {
		own.Problem = err.Error()
	}
	return []why.Report{own}
}

// inquire asks the mesh, unless an answer goes on.
func (a *Answerer) inquire(ctx context.Context, ids []cause.ID, goesOn bool) []why.Report {
	last := &a.inquired
	last.mu.Lock()
	defer last.mu.Unlock()
	if goesOn && slices.Equal(last.ids, ids) && time.Since(last.at) < inquiredFor {
		return last.reports
	}
	ctx, cancel := context.WithTimeout(ctx, whyWait)
	defer cancel()
	reports, err := a.Node.Inquire(ctx, ids...)
	if errors.Is(err, context.DeadlineExceeded) {
		reports[0].Problem = fmt.Sprintf("there was no time to look for all of it within %v", whyWait)
	}
	last.ids, last.reports, last.at = ids, reports, time.Now()
	return reports
}
