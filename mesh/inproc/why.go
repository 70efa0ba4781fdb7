package inproc

import (
	"context"
	"errors"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/why"
)

// Why explains an event, or the cascade of a root, out of what all nodes recorded: see
// mesh.Node.Why. The error tells which nodes had no time for it until ctx ended.
func (nodes Nodes) Why(ctx context.Context, id cause.ID) (why.Explanation, error) {
	var problem error
	reports := why.Follow([]cause.ID{id}, func(ids []cause.ID) (reports []why.Report) {
		var errs []error
		for _, node := range nodes {
			r, err := node.Recall(ctx, ids...)
			reports, errs = append(reports, r), append(errs, err)
		}
		problem = errors.Join(errs...)
		return reports
	})
	return why.Explain(id, reports...), problem
}
