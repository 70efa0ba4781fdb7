package inlet

import (
	"math"
	"time"

	"leafmesh/mesh/internal/gate"
	"leafmesh/mesh/internal/wire"
)

// limits are what the rules of the import let pass of one exporter, told to it so that it sends no
// more. The rules ask again what arrives: an exporter need not be believed.
//
// Rules by key and by root are not told: their buckets are as many as an exporter likes, and it
// would have to keep them for each reader. Nor are rules that wait or coalesce, which drop nothing.
func (i *inlet) limits() (all []wire.HelloLimit) {
	for _, r := range i.of.Rules() {
		limit, ok := r.Bound()
		if !ok || len(all) == wire.MaxTalkLimits {
			continue
		}
		every := uint64(max(1, min(float64(time.Second)/float64(limit.Rate), math.MaxInt64)))
		all = append(all, wire.HelloLimit{Every: every, Burst: uint64(gate.Burst(float64(limit.Rate), limit.Burst))})
	}
	return all
}
