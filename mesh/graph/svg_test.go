package graph

import (
	"encoding/xml"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// ring is a graph with a cycle, an arrow out of it that was only declared, and two handlers on one
// arrow.
func ring() Graph {
	return Merge(
		Graph{Nodes: []string{"a-1"}, Types: []Type{{Type: "a.b.c", Exported: true}}, Edges: []Edge{
			{From: "a.b.c", To: "b.c.d", Service: "a", Handler: "go", Count: 20, Handled: 10},
			{From: "a.b.c", To: "b.c.d", Service: "a", Handler: "run", Count: 5, Handled: 10},
			{From: "b.c.d", To: "c.d.e", Service: "a", Handler: "end", Declared: true}}},
		Graph{Nodes: []string{"b-1"}, Edges: []Edge{{From: "b.c.d", To: "a.b.c", Service: "b", Handler: "back", Count: 5, Handled: 10}}})
}

func TestSVG(t *testing.T) {
	svg := ring().SVG()
	for _, part := range []string{">a.b.c (exported)<", ">b.c.d<", ">c.d.e<", ">a/go ×2<", ">a/run ×0.5<", ">b/back ×0.5<", ">a/end ×0<",
		`<path class="declared"`, ">nodes: a-1, b-1<", ">cycle, gain 1.25: a.b.c → b.c.d → a.b.c<"} {
		if strings.Count(svg, part) != 1 {
			t.Errorf("not once %s in\n%s", part, svg)
		}
	}
	if n := strings.Count(svg, `<path class="cycle"`); n != 2 { // there, and back; two handlers are one arrow
		t.Errorf("%d arrows on a cycle", n)
	}
	if ring().SVG() != svg {
		t.Error("equal graphs give other drawings")
	}
}

// Cycles are red in Mermaid's language too, and stand below with their gain.
func TestMermaidHasCycles(t *testing.T) {
	text := ring().Mermaid()
	for _, part := range []string{"linkStyle 0 stroke:#c22", "linkStyle 1 stroke:#c22", "linkStyle 2 stroke:#c22", `n1["cycle, gain 1.25: a.b.c → b.c.d → a.b.c"]`} {
		if !strings.Contains(text, part) {
			t.Errorf("no %s in\n%s", part, text)
		}
	}
	if strings.Contains(text, "linkStyle 3") {
		t.Errorf("an arrow that is on no cycle is red:\n%s", text)
	}
}

// Whatever the names are, the drawing is well-formed, and they are text in it.
func TestAnyNameCanBeDrawn(t *testing.T) {
	for _, name := range []string{`<script>alert(1)</script>`, `"/><g onload="x`, "a&b", "]]>", "\xff\x00", "", strings.Repeat("long", 100)} {
		g := Merge(Graph{Nodes: []string{name, "b"}, Types: []Type{{Type: name}}, Edges: []Edge{{From: name, To: name, Service: name, Handler: name, Count: 1, Handled: 1}}})
		d := xml.NewDecoder(strings.NewReader(g.SVG()))
		for {
			token, err := d.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%q: %v", name, err)
			}
			if e, ok := token.(xml.StartElement); ok && !strings.Contains(" svg style defs marker path rect text ", " "+e.Name.Local+" ") {
				t.Errorf("%q is drawn as an element <%s>", name, e.Name.Local)
			}
		}
	}
}

// In whatever graph, each place stands in one column, and links go to the right but for those that
// close a cycle.
func TestLayers(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		places := 1 + random.IntN(12)
		var links []link
		for range random.IntN(20) {
			from, to := random.IntN(places), random.IntN(places)
			if random.IntN(2) == 0 { // half of the graphs have no cycle
				from, to = min(from, to), max(from, to)
			}
			links = append(links, link{from, to})
		}
		seen, column := 0, make([]int, places)
		for c, all := range layers(places, links) {
			for _, place := range all {
				seen++
				column[place] = c
			}
		}
		if seen != places {
			t.Fatalf("%d of %d places", seen, places)
		}
		for _, l := range links {
			if l.from != l.to && column[l.to] <= column[l.from] && !reaches(links, l.to, l.from, places) {
				t.Errorf("%v goes from column %d to %d, and closes no cycle: %v", l, column[l.from], column[l.to], links)
			}
		}
	}
}

// reaches reports whether links lead from one place to another.
func reaches(links []link, from, to, places int) bool {
	known := map[int]bool{from: true}
	for range places {
		for _, l := range links {
			known[l.to] = known[l.to] || known[l.from]
		}
	}
	return known[to]
}

// Rates are what was counted since; an edge whose node was started again counts from nothing.
func TestSince(t *testing.T) {
	earlier, now := ring(), ring()
	now.Edges = append([]Edge{}, now.Edges...)
	for i := range now.Edges {
		switch e := &now.Edges[i]; e.Handler {
		case "go":
			e.Count += 30
		case "back":
			e.Count = 4 // it was 5 before
		}
	}
	got := now.Since(earlier, 2*time.Second)
	for _, e := range got.Edges {
		if want := map[string]float64{"go": 15, "back": 2}[e.Handler]; e.Rate != want {
			t.Errorf("%s: %v/s, want %v", e.Handler, e.Rate, want)
		}
	}
	if now.Edges[0].Rate != 0 || !strings.Contains(got.Mermaid(), "a/go ×2, 15/s") || now.Since(earlier, 0).Edges[0].Rate != 0 {
		t.Errorf("%+v\n%s", now.Edges, got.Mermaid())
	}
}

// Each instance of a service has its own rate, and they add up: one that was started again has
// counted from nothing, and of one that did not answer before, or does not any more, no rate is
// known.
func TestRatesOfSeveralInstances(t *testing.T) {
	instance := func(node string, count uint64) Graph {
		return Merge(Graph{Nodes: []string{node}, Edges: []Edge{{From: "a.b.c", To: "a.b.d", Service: "clue", Handler: "go", Count: count, Handled: count}}})
	}
	for _, test := range []struct {
		name       string
		first, now Graph
		want       float64
	}{
		{"it goes on", instance("clue-2", 5_000_000), instance("clue-2", 5_000_020), 120},
		{"it was started again", instance("clue-2", 5_000_000), instance("clue-2", 10), 110},
		{"it did not answer before", Graph{}, instance("clue-2", 5_000_000), 100},
		{"it does not answer any more", instance("clue-2", 5_000_000), Graph{}, 100},
		{"another took its place", instance("clue-2", 5_000_000), instance("clue-3", 5_000_010), 100},
	} {
		one := instance("clue-1", 1_000_100).Since(instance("clue-1", 1_000_000), time.Second)
		g := Merge(one, test.now.Since(test.first, time.Second))
		if len(g.Edges) != 1 || g.Edges[0].Rate != test.want {
			t.Errorf("%s: %+v, want %v/s", test.name, g.Edges, test.want)
		}
	}
}
