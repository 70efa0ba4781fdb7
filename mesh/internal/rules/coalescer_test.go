package rules

import (
	"fmt"
	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/steps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// passenger is an event in a coalescer's tests: it writes down when it goes.
type passenger struct {
	n    int
	key  string
	came time.Time
	ride *ride
}

// ride is a coalescer and what has gone, by key.
type ride struct {
	*coalescer
	path      *cause.Path
	gone      map[string][]int
	charged   int
	delays    []time.Duration
	traveling []Event // of keys that went and have not arrived, if they are to be held up
	holdUp    bool
}

func newRide(within time.Duration, keys int) *ride {
	r := &ride{path: cause.NewTree(1).Root("n-1:a.b.c"), gone: map[string][]int{}}
	r.coalescer = &coalescer{within: within, keys: keys, units: map[unit]*keptUnit{}, coalesced: steps.New(nil).Point(steps.Step{}),
		charge: func(*Event) { r.charged++ }}
	return r
}

func (r *ride) event(key string) *Event { return &Event{Key: key, Path: r.path} }

func (r *ride) come(key string, n int) {
	r.keep(r.event(key), &passenger{n, key, time.Now(), r})
}

func (p *passenger) Header() *cause.Header { return &cause.Header{Key: p.key} }

func (p *passenger) GoOn(*Rule) {
	p.ride.gone[p.key] = append(p.ride.gone[p.key], p.n)
	p.ride.delays = append(p.ride.delays, time.Since(p.came))
	if p.ride.holdUp {
		p.ride.traveling = append(p.ride.traveling, *p.ride.event(p.key))
	} else {
		p.ride.arrived(p.ride.event(p.key).unit())
	}
}

// However events come: those of a key go in order and the last one goes, none
// waits longer than the time, no more are kept than keys, and all are counted.
func TestCoalescerKeepsItsPromises(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		keys := rapid.IntRange(1, 4).Draw(rt, "keys")
		gaps := rapid.SliceOfN(rapid.IntRange(0, 700), 1, 60).Draw(rt, "gaps") // in milliseconds
		chosen := rapid.SliceOfN(rapid.IntRange(0, 5), len(gaps), len(gaps)).Draw(rt, "keys of the events")
		early := rapid.IntRange(0, len(gaps)).Draw(rt, "closed before")
		synctest.Test(t, func(t *testing.T) {
			r, last := newRide(time.Second, keys), map[string]int{}
			for i, gap := range gaps {
				time.Sleep(time.Duration(gap) * time.Millisecond)
				synctest.Wait()
				if i == early {
					r.close()
				}
				key := fmt.Sprint(chosen[i])
				r.come(key, i)
				last[key] = i
				if r.len() > keys || i >= early && r.len() > 0 {
					t.Errorf("%d events are kept", r.len())
				}
			}
			time.Sleep(time.Second)
			synctest.Wait()
			r.close()
			gone := 0
			for key, n := range last {
				list := r.gone[key]
				gone += len(list)
				if !slices.IsSorted(list) || len(list) == 0 || list[len(list)-1] != n {
					t.Errorf("key %s: %v went, the last that came was %d", key, list, n)
				}
			}
			if slices.Max(r.delays) > time.Second {
				t.Errorf("one waited %v", slices.Max(r.delays))
			}
			if coalesced := int(r.coalesced.Load()); gone+coalesced != len(gaps) || r.charged != gone {
				t.Errorf("%d gone, %d of them charged, and %d coalesced, of %d", gone, r.charged, coalesced, len(gaps))
			}
			if r.count.Load() != 0 || len(r.units) != 0 {
				t.Errorf("%d units are left", len(r.units))
			}
		})
	})
}

// While an event is on its way, in or out, the coalescer holds its key, so that
// nothing overtakes it.
func TestCoalescerHoldsWhatIsOnItsWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRide(time.Second, 10)
		a, b := r.event("a").unit(), r.event("b").unit()
		r.holdUp = true
		r.expect(b)
		if !r.holds(b) || r.holds(a) {
			t.Error("only what is expected is held")
		}
		r.come("a", 1)
		time.Sleep(time.Second)
		synctest.Wait()
		if len(r.traveling) != 1 || !r.holds(a) {
			t.Error("what has gone and not arrived is not held")
		}
		r.come("a", 2)
		r.arrived(a)
		if !r.holds(a) {
			t.Error("what is kept is not held")
		}
		r.close()
		r.arrived(a)
		r.arrived(b)
		if r.holds(a) || r.holds(b) || !slices.Equal(r.gone["a"], []int{1, 2}) {
			t.Errorf("at the end %v went", r.gone)
		}
	})
}
