package graph

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// edgesOf reads "a>b:2 b>a:0.5".
func edgesOf(t *testing.T, text string) (edges []arc) {
	t.Helper()
	for _, part := range strings.Fields(text) {
		var e arc
		if _, err := fmt.Sscanf(strings.NewReplacer(">", " ", ":", " ").Replace(part), "%s %s %g", &e.From, &e.To, &e.Factor); err != nil {
			t.Fatalf("%q: %v", part, err)
		}
		edges = append(edges, e)
	}
	return edges
}

func textOf(cycles []Cycle) string {
	var parts []string
	for _, c := range cycles {
		parts = append(parts, strings.Join(c.Types, ">")+":"+number(c.Gain))
	}
	return strings.Join(parts, " ")
}

func TestCycles(t *testing.T) {
	for _, test := range []struct{ name, edges, want string }{
		{"nothing", "", ""},
		{"a chain", "a>b:2 b>c:2", ""},
		{"a diamond", "a>b:1 a>c:1 b>d:1 c>d:1", ""},
		{"itself", "a>a:0.75", "a:0.75"},
		{"two", "b>a:0.5 a>b:4", "a>b:2"},
		{"handlers add up", "a>b:1 a>b:2 b>a:1", "a>b:3"},
		{"never taken", "a>b:5 b>a:0", "a>b:0"},
		{"three, begun anywhere", "c>a:2 a>b:3 b>c:1", "a>b>c:6"},
		{"an eight", "a>b:1 b>a:2 b>c:3 c>b:4", "a>b:2 b>c:12"},
		{"short ones first", "a>b:1 b>c:1 c>d:1 d>a:1 c>a:1 d>d:1", "d:1 a>b>c:1 a>b>c>d:1"},
		{"with a way in and out", "x>a:1 a>b:1 b>a:1 b>y:1", "a>b:1"},
	} {
		cycles, cut := cyclesOf(edgesOf(t, test.edges))
		if got := textOf(cycles); got != test.want || cut {
			t.Errorf("%s: %q (cut: %v), want %q", test.name, got, cut, test.want)
		}
	}
}

// every lists the elementary cycles by trying each sequence of types.
func every(edges []arc, path []string) (cycles []string) {
	factor := map[[2]string]float64{}
	types := map[string]bool{}
	for _, e := range edges {
		factor[[2]string{e.From, e.To}] += e.Factor
		types[e.From], types[e.To] = true, true
	}
	var extend func(path []string, gain float64)
	extend = func(path []string, gain float64) {
		for next := range types {
			f, ok := factor[[2]string{path[len(path)-1], next}]
			if ok && next == path[0] {
				cycles = append(cycles, textOf([]Cycle{{path, gain * f}}))
			}
			if ok && next > path[0] && !slices.Contains(path, next) {
				extend(append(slices.Clone(path), next), gain*f)
			}
		}
	}
	for first := range types {
		extend([]string{first}, 1)
	}
	return cycles
}

func TestCyclesMatchTryingEverySequence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		edges := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) arc {
			name := rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f"})
			return arc{name.Draw(t, "from"), name.Draw(t, "to"), float64(rapid.IntRange(0, 4).Draw(t, "factor"))}
		}), 0, 16).Draw(t, "edges")
		found, cut := cyclesOf(edges)
		var got []string
		for i, c := range found {
			got = append(got, textOf([]Cycle{c}))
			if i > 0 && len(found[i-1].Types) > len(c.Types) {
				t.Fatalf("%v after a longer one", c)
			}
		}
		want := every(edges, nil)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) || cut {
			t.Fatalf("got %v (cut: %v)\nwant %v", got, cut, want)
		}
	})
}

// everyToEvery leads each of n types to each: far more cycles than can be counted.
func everyToEvery(n int) (edges []arc) {
	for i := range n {
		for j := range n {
			edges = append(edges, arc{fmt.Sprintf("t%04d", i), fmt.Sprintf("t%04d", j), 1e300})
		}
	}
	return edges
}

func TestCyclesAreBounded(t *testing.T) {
	begin := time.Now()
	cycles, cut := cyclesOf(everyToEvery(32))
	if !cut || len(cycles) != maxCycles || len(cycles[maxCycles-1].Types) > 3 {
		t.Errorf("%d cycles, cut: %v", len(cycles), cut)
	}
	for _, c := range cycles {
		if math.IsInf(c.Gain, 0) || math.IsNaN(c.Gain) {
			t.Errorf("gain %g, which JSON does not have", c.Gain)
		}
	}
	if spent := time.Since(begin); spent > 10*time.Second { // milliseconds, but for a loaded machine
		t.Errorf("it took %v", spent)
	}
}

func TestTheStepsAreBounded(t *testing.T) {
	for steps := range 200 {
		cycles, cut := cyclesWithin(steps, everyToEvery(32))
		if !cut || len(cycles) > steps || steps > 0 && len(cycles) == 0 {
			t.Errorf("%d steps: %d cycles, cut: %v", steps, len(cycles), cut)
		}
	}
}

// A search that is cut has at least one cycle, also where the ways that lead to
// one are long and others many.
func TestACycleIsFoundInALargeGraph(t *testing.T) {
	var edges []arc
	const layers, width = 250, 4
	for i := range layers * width {
		for j := range width {
			to := (i/width+1)%layers*width + j
			edges = append(edges, arc{fmt.Sprintf("t%04d", i*7919%1000), fmt.Sprintf("t%04d", to*7919%1000), 1})
		}
	}
	cycles, cut := cyclesOf(edges)
	if len(cycles) == 0 || !cut || len(cycles[0].Types) != layers {
		t.Errorf("%d cycles, cut: %v", len(cycles), cut)
	}
}

// Ways that are too long to come home in time are not tried, or they would use
// up all steps: here 4 to the power of 19.
func TestLongWaysDoNotHideACycle(t *testing.T) {
	const length, width = 20, 4
	var edges []arc
	ring := func(i int) string { return fmt.Sprintf("c%02d", i) }
	decoy := func(i, j int) string { return fmt.Sprintf("b%02d.%d", i, j) }
	edges = append(edges, arc{"a", ring(1), 1}, arc{ring(length - 1), "a", 1})
	for i := 1; i < length-1; i++ {
		edges = append(edges, arc{ring(i), ring(i + 1), 1})
	}
	for j := range width {
		edges = append(edges, arc{"a", decoy(0, j), 1}, arc{decoy(length, j), "a", 1})
		for i := range length {
			for k := range width {
				edges = append(edges, arc{decoy(i, j), decoy(i+1, k), 1})
			}
		}
	}
	if cycles, _ := cyclesOf(edges); len(cycles) == 0 || len(cycles[0].Types) != length || cycles[0].Types[1] != ring(1) {
		t.Errorf("%d cycles", len(cycles))
	}
}

func BenchmarkCycles(b *testing.B) {
	edges := everyToEvery(32)
	for b.Loop() {
		cyclesOf(edges)
	}
}
