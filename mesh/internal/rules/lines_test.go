package rules

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/config"
)

// waiting is an event that a rule keeps.
type waiting struct {
	header cause.Header
	gone   *atomic.Int64 // how many went on
}

func (w *waiting) Header() *cause.Header { return &w.header }

func (w *waiting) GoOn(by *Rule) {
	event := Of(&w.header)
	defer by.Arrived(&event)
	w.gone.Add(1)
}

// When a node closes, what came out of an outbox does not wait for its turn: it goes back there.
// All else waits on, also behind it.
func TestWhatCameOutOfAnOutboxReturns(t *testing.T) {
	for _, place := range []config.Place{config.AtImport, config.AtHandler} {
		t.Run(string(place), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				limit := config.Limit{Rate: config.Per(1, time.Minute), Burst: 1, Policy: config.Wait}
				h := newHouse([]config.Rule{{Place: place, Event: gateOpened, By: config.ByKey, Limit: limit}})
				list := h.set(gateOpened).Import
				if place == config.AtHandler {
					list = h.handlerSet("one", gateOpened).Rates
				}
				root := cause.NewTree(8).Root("n-1:" + gateOpened)
				var gone atomic.Int64
				come := func(promised bool, key string) (kept bool) {
					w := &waiting{cause.NewRoot(root, key, 1), &gone}
					event := Of(&w.header)
					event.Promised = promised
					v, err := Admit(t.Context(), list, &event, h.clock.Now())
					if err != nil {
						t.Fatal(err)
					}
					if v.Keep != nil {
						v.Keep.Keep(&event, w)
					}
					return v.Keep != nil
				}
				for _, key := range []string{"a", "b"} {
					if come(true, key) || !come(false, key) || !come(true, key) || !come(true, key) {
						t.Fatalf("key %s: not kept as they should be", key)
					}
				}
				h.gate.KeepNothing()
				if gone.Load() != 4 || h.gate.Kept() != 2 {
					t.Errorf("%d went, %d wait; want 4 and 2", gone.Load(), h.gate.Kept())
				}
				if !come(true, "a") || gone.Load() != 5 {
					t.Errorf("%d went, want the one that came late too", gone.Load())
				}
				time.Sleep(2 * time.Minute)
				synctest.Wait()
				if gone.Load() != 7 || h.gate.Kept() != 0 {
					t.Errorf("%d went, %d wait; want 7 and 0", gone.Load(), h.gate.Kept())
				}
			})
		})
	}
}
