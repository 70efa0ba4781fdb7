package operations

import (
	"encoding/json"
	"errors"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/changes"
	"leafmesh/mesh/stats"
)

// lasts is what each request for a change of one rule may have.
type lasts struct {
	For    string `json:"for"`
	DryRun bool   `json:"dry_run"`
}

// setLimit changes the numbers of one rule.
func (a *Answerer) setLimit(r request) ([]byte, error) {
	var asked struct {
		config.LimitChange
		lasts
	}
	err := decode(r.data, &asked)
	if err != nil || asked.ID == (config.RuleID{}) || asked.IsZero() {
		return nil, notUnderstood(r.name, `{"id": that of a rule, "limit": {"rate": "5/s", "burst": 1, "policy": "shed"}} or a part of that, or "concurrency", "keys", "waiting" or "within", and "for": "10m" if it is not for good`, err)
	}
	return a.changedLimit(r, asked.lasts, func(p changes.Passing) (config.LimitChanged, error) { return a.Node.SetLimitFor(asked.LimitChange, p) })
}

// newLimit makes a rule.
func (a *Answerer) newLimit(r request) ([]byte, error) {
	var asked struct {
		Rule *config.Rule `json:"rule"`
		lasts
	}
	err := decode(r.data, &asked)
	if err != nil || asked.Rule == nil {
		return nil, notUnderstood(r.name, `{"rule": one as rules answers it}, and "for": "10m" if it is not for good`, err)
	}
	return a.changedLimit(r, asked.lasts, func(p changes.Passing) (config.LimitChanged, error) { return a.Node.NewLimitFor(*asked.Rule, p) })
}

// unsetLimit removes a rule.
func (a *Answerer) unsetLimit(r request) ([]byte, error) {
	var asked struct {
		ID *config.RuleID `json:"id"`
		lasts
	}
	err := decode(r.data, &asked)
	if err != nil || asked.ID == nil {
		return nil, notUnderstood(r.name, `{"id": that of a rule}, and "for": "10m" if it is not for good`, err)
	}
	return a.changedLimit(r, asked.lasts, func(p changes.Passing) (config.LimitChanged, error) { return a.Node.UnsetLimitFor(*asked.ID, p) })
}

// changedLimit answers what a rule was, and what became of it.
func (a *Answerer) changedLimit(r request, l lasts, change func(changes.Passing) (config.LimitChanged, error)) ([]byte, error) {
	d, err := lasting(l.For)
	if err != nil {
		return nil, err
	}
	changed, err := change(changes.Passing{For: d, By: r.by.Name, DryRun: l.DryRun})
	switch {
	case errors.Is(err, stats.ErrNotHere):
		return nil, err
	case err != nil:
		return nil, &failure{400, oneLine(err)}
	}
	return json.Marshal(changed)
}
