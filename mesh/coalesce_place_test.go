package mesh_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/inproc"
	"leafmesh/mesh/stats"
)

// followed is a handler that keeps what it gets of each team.
type followed struct {
	mu  sync.Mutex
	got map[string][]int // guarded by mu
}

func (f *followed) handle(_ context.Context, s solved) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.got == nil {
		f.got = map[string][]int{}
	}
	f.got[s.Team] = append(f.got[s.Team], int(s.At))
	return nil
}

// check fails unless each team's events are in order and end with the last one. It
// gives how many there are.
func (f *followed) check(t *testing.T, last map[string]int) (sum int) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for team, want := range last {
		got, before := f.got[team], -1
		for _, at := range got {
			if at <= before {
				t.Errorf("team %s: %d after %d", team, at, before)
			}
			before = at
		}
		if before != want {
			t.Errorf("team %s: the last is %d, want %d", team, before, want)
		}
		sum += len(got)
	}
	return sum
}

// At each place and by each key: of what is over the limit the newest of each
// team arrives, in order, by the rule's time or when the nodes close, and all is
// counted.
func TestCoalescingAtEachPlace(t *testing.T) {
	for _, place := range []mesh.Place{mesh.AtEmit, mesh.AtExport, mesh.AtImport, mesh.AtHandler} {
		for _, by := range []mesh.By{mesh.ByType, mesh.ByKey, mesh.ByRoot, mesh.ByPeer} {
			t.Run(fmt.Sprint(place, " by ", by), func(t *testing.T) {
				for _, within := range []time.Duration{5 * time.Millisecond, time.Hour} {
					coalesceAt(t, mesh.Rule{Name: "newest", Place: place, By: by, Event: "clue.clue.solved", Within: within,
						Limit: mesh.Limit{Rate: mesh.Per(1, time.Hour), Burst: 1, Policy: mesh.Coalesce}})
				}
			})
		}
	}
}

func coalesceAt(t *testing.T, rule mesh.Rule) {
	follow := &followed{}
	clue, score := clueNode("clue-1"), scoreNode("score-1", mesh.Shared, follow.handle)
	clue.Limits = []mesh.Rule{rule}
	if rule.Place == mesh.AtImport || rule.Place == mesh.AtHandler {
		clue.Limits, score.Limits = nil, clue.Limits
	}
	nodes := openAll(t, clue, score)
	const events = 200
	last := map[string]int{}
	for i := range events {
		team := fmt.Sprint(i % 3)
		emit(t, nodes[0], clueSolved, solved{Team: team, At: int64(i)})
		last[team] = i
	}
	coalesced := func() int {
		return int(nodes[0].Stats().Total(stats.Coalesced) + nodes[1].Stats().Total(stats.Coalesced))
	}
	arrived := func() bool {
		return int(nodes[1].Stats().Total(stats.Handled))+coalesced() == events
	}
	if rule.Within < time.Hour {
		await(t, "each event handled or coalesced", arrived)
	} else {
		// All but the first and the last event of each team.
		await(t, "each event judged", func() bool { return coalesced() >= events-2*len(last) })
		finish(t, nodes[0])
		await(t, "what the first node had kept", func() bool {
			return int(nodes[1].Stats().Waiting)+int(nodes[1].Stats().Total(stats.Handled))+coalesced() == events
		})
		finish(t, nodes[1])
	}
	if handled := follow.check(t, last); handled+coalesced() != events {
		t.Errorf("within %v: %d handled and %d coalesced of %d", rule.Within, handled, coalesced(), events)
	}
}

// Two rules at one place may each keep an event of a team: the wide one an older,
// the narrow one a newer, whose time comes first. It takes the older one's place.
func TestWhatTwoRulesKeepStaysInOrder(t *testing.T) {
	for _, place := range []mesh.Place{mesh.AtEmit, mesh.AtExport, mesh.AtImport, mesh.AtHandler} {
		for _, narrow := range []time.Duration{5 * time.Millisecond, time.Hour} {
			t.Run(fmt.Sprint(place, " within ", narrow), func(t *testing.T) { keepTwice(t, place, narrow) })
		}
	}
}

// nodeOf gives the node whose rules of a place the events of clueSolved meet.
func nodeOf(place mesh.Place, nodes inproc.Nodes) *mesh.Node {
	if place == mesh.AtImport || place == mesh.AtHandler {
		return nodes[1]
	}
	return nodes[0]
}

func keepTwice(t *testing.T, place mesh.Place, narrow time.Duration) {
	follow := &followed{}
	nodes := openAll(t, clueNode("clue-1"), scoreNode("score-1", mesh.Shared, follow.handle))
	limited := nodeOf(place, nodes)
	rule := func(by mesh.By, within time.Duration) mesh.Rule {
		return mesh.Rule{Name: string(by), Place: place, By: by, Event: "clue.clue.solved", Within: within,
			Limit: mesh.Limit{Rate: mesh.Per(1, time.Hour), Burst: 1, Policy: mesh.Coalesce}}
	}
	if err := limited.SetRules([]mesh.Rule{rule(mesh.ByKey, narrow), rule(mesh.ByType, 20*narrow)}); err != nil {
		t.Fatal(err)
	}
	last := map[string]int{"first": 0}
	emit(t, nodes[0], clueSolved, solved{Team: "first"}) // takes the token of all
	for i := range 20 {
		team := fmt.Sprint(i % 10)
		emit(t, nodes[0], clueSolved, solved{Team: team, At: int64(i)}) // kept by the wide rule, then by the narrow one
		last[team] = i
	}
	await(t, "each event handled, kept or coalesced", func() bool {
		return limited.Stats().Waiting == 20 || nodes[1].Stats().Total(stats.Handled) == 11
	})
	if narrow == time.Hour {
		if err := limited.SetRules(nil); err != nil {
			t.Fatal(err)
		}
	}
	await(t, "each event handled or coalesced", func() bool {
		return nodes[1].Stats().Total(stats.Handled)+limited.Stats().Total(stats.Coalesced) == 21
	})
	follow.check(t, last)
}

// While rules come and go nothing is lost, and nothing overtakes.
func TestSetRulesLetsGoWhatIsKept(t *testing.T) {
	for _, place := range []mesh.Place{mesh.AtEmit, mesh.AtHandler} {
		t.Run(string(place), func(t *testing.T) {
			kept := &newest{}
			n := openHandlers(t, stepTaken.Handle("keep", kept.handle, mesh.Workers(4)))
			var changing sync.WaitGroup
			stop := make(chan struct{})
			changing.Go(func() {
				for i := 1; ; i++ {
					rules := []mesh.Rule{{Place: place, Event: "core.step.taken", Within: time.Millisecond * time.Duration(i%4),
						Limit: mesh.Limit{Rate: 1000, Burst: 1 + i%3, Policy: mesh.Coalesce}}}
					if i%5 == 0 {
						rules = nil
					}
					if err := n.SetRules(rules); err != nil {
						t.Error(err)
					}
					select {
					case <-stop:
						return
					case <-time.After(time.Millisecond):
					}
				}
			})
			const events, keys = 20_000, 7
			for i := range events {
				emitStep(t, n, stepTaken, step{fmt.Sprint(i % keys), i})
			}
			close(stop)
			changing.Wait()
			finish(t, n)
			handled := 0
			for key := range keys {
				got := kept.of(fmt.Sprint(key))
				handled += len(got)
				if last(got) < events-keys || !slices.IsSorted(got) {
					t.Errorf("key %d: the last is %d, in order: %v", key, last(got), slices.IsSorted(got))
				}
			}
			if coalesced := n.Stats().Total(stats.Coalesced); handled+int(coalesced) != events {
				t.Errorf("%d handled and %d coalesced of %d", handled, coalesced, events)
			}
		})
	}
}

// The same with several rules that keep events of the same teams, of which some stay.
func TestSetRulesKeepsTheOrderOfSeveralRules(t *testing.T) {
	for _, place := range []mesh.Place{mesh.AtEmit, mesh.AtExport, mesh.AtImport, mesh.AtHandler} {
		t.Run(string(place), func(t *testing.T) {
			follow := &followed{}
			nodes := openAll(t, clueNode("clue-1"), scoreNode("score-1", mesh.Shared, follow.handle))
			limited := nodeOf(place, nodes)
			rule := func(by mesh.By, within time.Duration) mesh.Rule {
				return mesh.Rule{Name: string(by), Place: place, By: by, Event: "clue.clue.solved", Within: within,
					Limit: mesh.Limit{Rate: 2000, Burst: 2, Policy: mesh.Coalesce}}
			}
			byKey, byRoot, byType := rule(mesh.ByKey, time.Millisecond), rule(mesh.ByRoot, time.Millisecond), rule(mesh.ByType, 2*time.Millisecond)
			sets := [][]mesh.Rule{{byKey, byType}, {byKey, byRoot, rule(mesh.ByType, 3*time.Millisecond)}, {byRoot}, nil}
			const events, teams = 20_000, 3
			last := map[string]int{}
			for i := range events {
				if i%50 == 0 {
					if err := limited.SetRules(sets[i/50%len(sets)]); err != nil {
						t.Fatal(err)
					}
				}
				team := fmt.Sprint(i % teams)
				emit(t, nodes[0], clueSolved, solved{Team: team, At: int64(i)})
				last[team] = i
			}
			if err := limited.SetRules(nil); err != nil {
				t.Fatal(err)
			}
			await(t, "each event handled or coalesced", func() bool {
				return nodes[1].Stats().Total(stats.Handled)+limited.Stats().Total(stats.Coalesced) == events
			})
			follow.check(t, last)
		})
	}
}

// An event that a handler's rule keeps goes on to the rules after it.
func TestAKeptEventPassesTheOtherRules(t *testing.T) {
	n := openCore(t, mesh.Config{
		Limits: []mesh.Rule{
			{Name: "newest", Place: mesh.AtHandler, By: mesh.ByKey, Event: "core.step.taken", Within: time.Millisecond,
				Limit: mesh.Limit{Rate: mesh.Per(1, time.Hour), Burst: 1, Policy: mesh.Coalesce}},
			{Name: "few", Place: mesh.AtHandler, Event: "core.step.taken",
				Limit: mesh.Limit{Rate: mesh.Per(1, time.Hour), Burst: 1, Policy: mesh.Shed}},
		},
		Handlers: []mesh.Handler{stepTaken.Handle("one", nothing)}})
	emitMany(t, n, stepTaken, "a", 10)
	finish(t, n)
	wantCount(t, n, stepTaken.Subject(), stats.Handled, "handler one", "", 1)
	shed := counted(n, stepTaken.Subject(), stats.Shed, "handler one", "few")
	if coalesced := counted(n, stepTaken.Subject(), stats.Coalesced, "handler one", "newest"); shed == 0 || shed+coalesced != 9 {
		t.Errorf("%d shed and %d coalesced, want 9 in all", shed, coalesced)
	}
}

// An event that was kept at emit takes from the rules after its own.
func TestAKeptEmitIsChargedToTheOtherRules(t *testing.T) {
	wide := slowly(2)
	newest := coalescing(time.Millisecond, 0)
	n := openCore(t, mesh.Config{Limits: append(newest, mesh.Rule{Name: "wide", Event: "core.step.taken", Limit: wide}),
		Handlers: []mesh.Handler{stepTaken.Handle("one", nothing)}})
	emitStep(t, n, stepTaken, step{"a", 1})
	emitStep(t, n, stepTaken, step{"a", 2})
	waitUntil(t, "both handled", func() bool { return n.Stats().Of(stepTaken.Subject(), stats.Handled) == 2 })
	wantRefusal(t, stepTaken.Emit(n.Context(t.Context()), step{"b", 3}), "emit", "wide")
}
