package operations

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"strings"

	"leafmesh/mesh/config"
	"leafmesh/mesh/stats"
)

// reload reads the node's file again, and answers what that changed or, with dry_run, would change.
func (a *Answerer) reload(r request) ([]byte, error) {
	var asked struct {
		DryRun bool `json:"dry_run"`
	}
	if len(r.data) > 0 {
		if err := decode(r.data, &asked); err != nil {
			return nil, notUnderstood(r.name, `nothing, or {"dry_run": true}`, err)
		}
	}
	changes, err := a.Node.Reload(r.ctx, asked.DryRun)
	if err != nil {
		return nil, &failure{reloadCode(err), oneLine(err)}
	}
	return json.Marshal(append(config.Changes{}, changes...)) // a list in JSON, also without entries
}

// reloadCode tells whose fault it is that a reload failed. Asked again, the same file may be taken
// after 503.
func reloadCode(err error) int {
	_, field := errors.AsType[*config.FieldError](err)
	_, unread := errors.AsType[*fs.PathError](err)
	switch {
	case errors.Is(err, config.ErrNoFile):
		return 501
	case errors.Is(err, config.ErrNotUndone):
		return 500
	case errors.Is(err, config.ErrNeedsRestart):
		return 409
	case errors.Is(err, stats.ErrClosed), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return 503
	case field, unread:
		return 400
	}
	return 500
}

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }
