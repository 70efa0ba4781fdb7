package gate

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var bounds = Bounds{Depth: 4, Descendants: 3, Loops: 0, Deadline: time.Minute}

func id(n byte) (id [16]byte) {
	id[15] = n
	return id
}

func TestGuardSteps(t *testing.T) {
	steps := NewGuard(100)
	for _, test := range []struct {
		name string
		d    Descendant
		want Refusal
	}{
		{"in bounds", Descendant{Root: id(1), Depth: 4}, Refusal{}},
		{"too deep", Descendant{Root: id(1), Depth: 5}, Refusal{DepthBound, 4, 5}},
		{"first return", Descendant{Root: id(1), Depth: 2, Recurrence: 1}, Refusal{LoopBound, 0, 1}},
		{"allowed return", Descendant{Root: id(1), Depth: 2, Recurrence: 1, Allowance: 1}, Refusal{}},
		{"at the deadline", Descendant{Root: id(1), Age: time.Minute, Depth: 1}, Refusal{}},
		{"past it", Descendant{Root: id(2), Age: time.Minute + 1, Depth: 1}, Refusal{DeadlineBound, int64(time.Minute), int64(time.Minute) + 1}},
		{"the greatest age", Descendant{Root: id(3), Age: math.MaxInt64, Depth: 1}, Refusal{DeadlineBound, int64(time.Minute), math.MaxInt64}},
		{"over the budget", Descendant{Root: id(1), Depth: 1}, Refusal{DescendantsBound, 3, 4}},
		{"another cascade", Descendant{Root: id(2), Depth: 1}, Refusal{}},
	} {
		if got := steps.Check(&test.d, &bounds); got != test.want {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
		}
	}
}

// The ledger counts as a list of pairs does that drops its least recently used.
func TestLedgerMatchesTheModel(t *testing.T) {
	type entry struct {
		root  [16]byte
		count int
	}
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 5).Draw(t, "limit")
		b := Bounds{Descendants: rapid.IntRange(1, 4).Draw(t, "descendants"), Deadline: time.Minute}
		guard, model, forgotten := NewGuard(limit), []entry{}, uint64(0)
		for range rapid.IntRange(1, 200).Draw(t, "events") {
			root := id(byte(rapid.IntRange(0, 8).Draw(t, "root")))
			found := entry{root: root}
			for i, e := range model {
				if e.root == root {
					found = e
					model = append(model[:i:i], model[i+1:]...)
					break
				}
			}
			if len(model) == limit {
				model = model[1:]
				forgotten++
			}
			want := found.count < b.Descendants
			if want {
				found.count++
			}
			model = append(model, found)
			if got := guard.Charge(root, &b) == (Refusal{}); got != want {
				t.Fatalf("charged %v, want %v", got, want)
			}
		}
		if guard.Cascades() != len(model) || guard.Forgotten() != forgotten {
			t.Fatalf("%d cascades, %d forgotten; want %d and %d", guard.Cascades(), guard.Forgotten(), len(model), forgotten)
		}
	})
}

func BenchmarkGuard(b *testing.B) {
	guard := NewGuard(1 << 16)
	bounds := Bounds{Depth: 16, Descendants: math.MaxInt, Deadline: time.Hour}
	d := Descendant{Depth: 3}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		d.Root[0], d.Root[1], d.Root[15] = byte(i>>12), byte(i>>4), byte(i)
		if guard.Check(&d, &bounds) != (Refusal{}) {
			b.Fatal("refused")
		}
	}
}
