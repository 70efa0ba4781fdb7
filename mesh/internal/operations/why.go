package operations

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"leafmesh/mesh/why"
)

// whyWait is how long a request to explain something is kept waiting, and the others behind it.
const whyWait = 2 * time.Second

// why answers what the node recorded of cascades: as a report to be joined with those of other
// nodes, or as text. The request is a text with ids, such as an id, a letter's key or a line of a
// log. For the report a number may follow, of records to leave out: there may be more than an
// answer holds.
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
	ctx, cancel := context.WithTimeout(context.Background(), whyWait)
	defer cancel()
	report, err := l.node.Recall(ctx, ids...)
	if errors.Is(err, context.DeadlineExceeded) {
		report.Problem = fmt.Sprintf("there was no time to look for all of it within %v", whyWait)
	}
	if question == "why.text" {
		return []byte(why.Explain(ids[0], report).String()), nil
	}
	records := report.Records[min(skip, len(report.Records)):]
	before := report.More
	for shown := len(records); ; shown /= 2 {
		report.Records, report.More = records[:shown], before+len(records)-shown
		data, err := json.Marshal(report)
		if err != nil {
			return nil, &failure{500, err.Error()}
		}
		if len(data) <= l.maxPayload || shown <= 1 {
			return data, nil
		}
	}
}
