package readers

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/wire"
)

func keys(count int) (all []string) {
	for i := range count {
		all = append(all, fmt.Sprintf("team %d", i))
	}
	return all
}

// All exporters choose alike, in whatever order readers came, and each instance has its share of
// the keys.
func TestChoiceByKeyIsEverywhereTheSame(t *testing.T) {
	const count = 20_000
	for size := 2; size <= 9; size++ {
		var names []string
		for i := range size {
			names = append(names, fmt.Sprintf("score-%d", i+1))
		}
		one, other := newSite(t, nil, names...), newSite(t, nil, names...)
		for i := range names {
			one.greet(names[i], 1, solved)
			other.greet(names[size-1-i], 2, solved)
		}
		share := map[string]int{}
		for _, key := range keys(count) {
			chosen := one.chosen(solved, key)
			if len(chosen) != 1 {
				t.Fatalf("%q get key %q", chosen, key)
			}
			other.want(solved, key, chosen...)
			share[chosen[0]]++
		}
		for _, name := range names {
			if got, fair := share[name], count/size; got < fair*85/100 || got > fair*115/100 {
				t.Errorf("%s of %d has %d keys, a fair share is %d", name, size, got, fair)
			}
		}
	}
}

// mesh is a model of who is there.
type mesh struct {
	s       *site
	names   []string
	takes   map[string]string   // by reader: solved, or "*"+solved for each event
	had     map[string]string   // by service and key: who had it at the last look
	sharing map[string][]string // by service: who shared its keys then
}

// A key stays with an instance while it stays. If one comes or goes, only its keys move. Who takes
// each event gets each.
func TestKeysStay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &mesh{names: []string{"hunt-1", "hunt-2", "score-1", "score-2", "score-3", "score-4"}, takes: map[string]string{}, had: map[string]string{}, sharing: map[string][]string{}}
		m.s = newSite(t, nil, m.names...)
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			m.step(t)
			m.check(t)
		}
	})
}

func (m *mesh) step(t *rapid.T) {
	name := rapid.SampledFrom(m.names).Draw(t, "reader")
	process := byte(rapid.IntRange(1, 2).Draw(t, "process"))
	switch rapid.IntRange(0, 4).Draw(t, "step") {
	case 0, 1:
		m.takes[name] = rapid.SampledFrom([]string{solved, solved, solved, "*" + solved}).Draw(t, "takes")
		m.s.greet(name, process, m.takes[name])
	case 2:
		for p := range byte(3) {
			m.s.say(name, &wire.Goodbye{Nonce: wire.ID{p}})
		}
		delete(m.takes, name)
	case 3:
		m.s.lines[name].set(true)
		m.s.Look(time.Now())
		m.s.lines[name].set(false)
		delete(m.takes, name)
	case 4:
		for _, r := range m.s.Audience(solved).Choose("team 1", nil) {
			if r.Name == name {
				m.s.Audience(solved).Instead(r, "team 1")
				delete(m.takes, name)
			}
		}
	}
}

func (m *mesh) check(t *rapid.T) {
	all := keys(30)
	got := map[string][]string{}
	for _, key := range all {
		got[key] = m.s.chosen(solved, key)
		for _, name := range m.names {
			if each := m.takes[name] == "*"+solved; each != slices.Contains(got[key], name) && (each || m.takes[name] == "") {
				t.Fatalf("key %q goes to %q, there are %v", key, got[key], m.takes)
			}
		}
	}
	for _, service := range []string{"hunt", "score"} {
		sharing := slices.DeleteFunc(slices.Clone(m.names), func(name string) bool { return config.ServiceOf(name) != service || m.takes[name] != solved })
		for _, key := range all {
			mine := slices.DeleteFunc(slices.Clone(got[key]), func(name string) bool { return !slices.Contains(sharing, name) })
			if len(mine) != min(len(sharing), 1) {
				t.Fatalf("key %q goes to %q, %q share it", key, mine, sharing)
			}
			before := m.had[service+key]
			delete(m.had, service+key)
			if len(mine) == 0 {
				continue
			}
			if mine[0] != before && slices.Contains(sharing, before) && slices.Contains(m.sharing[service], mine[0]) {
				t.Fatalf("key %q moved from %s to %s; first %q shared it, then %q", key, before, mine[0], m.sharing[service], sharing)
			}
			m.had[service+key] = mine[0]
		}
		m.sharing[service] = sharing
	}
}

// An event without a key goes to the instance with the fewest on their way.
func TestWithoutAKey(t *testing.T) {
	s := newSite(t, nil, "score-1", "score-2", "score-3")
	for name := range s.lines {
		s.greet(name, 1, solved)
	}
	byName := map[string]*Reader{}
	for range 3 { // each has one then
		r := s.Audience(solved).Choose("", nil)[0]
		byName[r.Name] = r
		s.send(r, 1)
	}
	if len(byName) != 3 {
		t.Fatalf("only %d get events", len(byName))
	}
	s.send(byName["score-1"], 10)
	s.send(byName["score-2"], 5)
	s.send(byName["score-3"], 7)
	s.want(solved, "", "score-2")
	tell := func(name string, nonce byte, run, count uint64) {
		s.say(name, &wire.Taken{Nonce: wire.ID{nonce}, Types: []wire.TakenType{{Type: opened, Run: run, Count: 100}, {Type: solved, Run: run, Count: count}}})
	}
	run, _ := byName["score-1"].Place()
	tell("score-1", 2, run, 11)   // another process
	tell("score-1", 1, run+1, 11) // of a former run
	s.want(solved, "", "score-2")
	tell("score-1", 1, run, 11)
	s.want(solved, "", "score-1")
	tell("score-1", 1, run, 1<<63) // more than it was sent
	s.send(byName["score-1"], 1)
	s.want(solved, "", "score-1")
	if n := byName["score-1"].onItsWay(); n != 0 {
		t.Errorf("%d on their way", n)
	}
}
