package inlet

import (
	"slices"
	"testing"
	"time"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/wire"
)

// An exporter is told the rules that drop what is over, for all that comes from it, and no others.
func TestLimitsThatAnExporterIsTold(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		rule := func(by config.By, perSecond float64, burst int, policy config.Policy, change ...func(*config.Rule)) config.Rule {
			r := config.Rule{Name: string(by) + string(policy), Place: config.AtImport, Event: solved, By: by,
				Limit: config.Limit{Rate: config.Rate(perSecond), Burst: burst, Policy: policy}}
			for _, c := range change {
				c(&r)
			}
			return r
		}
		s := newSite(t, nil,
			rule(config.ByType, 1000, 7, config.Shed), rule(config.ByPeer, 20, 0, config.Refuse), rule(config.ByKey, 3, 1, config.Shed),
			rule(config.ByRoot, 3, 1, config.Shed), rule(config.ByType, 3, 1, config.Wait),
			rule(config.ByPeer, 3, 1, config.Shed, func(r *config.Rule) { r.Root = "hunt.step.made" }),
			rule(config.ByKey, 3, 1, config.Coalesce, func(r *config.Rule) { r.Within = time.Second }))
		want := []wire.HelloLimit{{Every: uint64(50 * time.Millisecond), Burst: 2}, {Every: uint64(time.Millisecond), Burst: 7}}
		if got := s.set.exchange.Load().durables()[0].inlet.limits(); !slices.Equal(got, want) {
			t.Errorf("told %v, want %v", got, want)
		}
	})
}
