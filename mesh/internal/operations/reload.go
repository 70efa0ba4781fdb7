package operations

import (
	"encoding/json"
	"errors"
	"strings"

	"leafmesh/mesh/config"
)

// reloadRequest says what a reload is to do.
type reloadRequest struct {
	DryRun bool `json:"dry_run"`
}

// isDry reports whether a request asks to change nothing. What is not understood is none.
func isDry(data []byte) bool {
	var r reloadRequest
	return decode(data, &r) == nil && r.DryRun
}

// reload reads the node's file again, and answers what that changed or, with dry_run, would change.
func (a *Answerer) reload(r request) ([]byte, error) {
	var asked reloadRequest
	if len(r.data) > 0 {
		if err := decode(r.data, &asked); err != nil {
			return nil, notUnderstood(r.name, `nothing, or {"dry_run": true}`, err)
		}
	}
	changes, err := a.Node.Reload(r.ctx, asked.DryRun)
	switch {
	case errors.Is(err, config.ErrNoFile):
		return nil, &failure{501, err.Error()}
	case errors.Is(err, config.ErrNeedsRestart):
		return nil, &failure{409, oneLine(err)}
	case err != nil:
		return nil, &failure{400, oneLine(err)}
	}
	return json.Marshal(append(config.Changes{}, changes...)) // a list in JSON, also without entries
}

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }
