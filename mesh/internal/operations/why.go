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
	"time"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/why"
)

// whyWait is how long a request to explain something is kept waiting, and the others behind it.
const whyWait = 2 * time.Second

// inquired is what was asked of the mesh last, so that the later pages of an answer are of the same
// answer, and cost the mesh nothing.
type inquired struct {
	ids     []cause.ID
	reports []why.Report
	at      time.Time
}

// inquiredFor is how long an answer has later pages.
const inquiredFor = 30 * time.Second

// why answers what the mesh recorded of cascades: as reports of nodes, or as text. The request is a
// text with ids, such as an id, a letter's key or a line of a log. For the reports a number may
// follow, of how much to leave out: there may be more than an answer holds, see why.Page.
func (l *lane) why(question, request string) ([]byte, *failure) {
	ids, skip := why.IDs(request), 0
	if words := strings.Fields(request); len(words) == len(ids)+1 {
		if n, err := strconv.Atoi(words[len(ids)]); err == nil && n >= 0 {
			skip = n
		}
	}
	if len(ids) == 0 {
		return nil, &failure{400, fmt.Sprintf("%s takes an event's or root's id, a letter's key, or a line of a log that has one, not %.80q", question, request)}
	}
	reports := l.inquire(ids, skip > 0)
	if question == "why.text" {
		return []byte(why.Explain(ids[0], reports...).String()), nil
	}
	for size := math.MaxInt32; ; {
		page := why.Page(reports, skip, size)
		data, err := json.Marshal(page)
		if err != nil {
			return nil, &failure{500, err.Error()}
		}
		if len(data) <= l.maxPayload || page.Size <= 1 {
			return data, nil
		}
		size = page.Size / 2
	}
}

// inquire asks the mesh, unless an answer goes on.
func (l *lane) inquire(ids []cause.ID, goesOn bool) []why.Report {
	last := &l.inquired
	if goesOn && slices.Equal(last.ids, ids) && time.Since(last.at) < inquiredFor {
		return last.reports
	}
	ctx, cancel := context.WithTimeout(context.Background(), whyWait)
	defer cancel()
	reports, err := l.node.Inquire(ctx, ids...)
	if errors.Is(err, context.DeadlineExceeded) {
		reports[0].Problem = fmt.Sprintf("there was no time to look for all of it within %v", whyWait)
	}
	*last = inquired{ids, reports, time.Now()}
	return reports
}
