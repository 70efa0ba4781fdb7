package graph

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var (
	boxes  = regexp.MustCompile(`<rect(?: class="exported")? rx="6" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"/>`)
	paths  = regexp.MustCompile(`marker-end="url\(#head\)" d="([^"]+)"`)
	pieces = regexp.MustCompile(`([MLC])([-\d. ]+)`)
)

// numbers reads those of a text.
func numbers(t *testing.T, texts ...string) (all []float64) {
	t.Helper()
	for _, text := range texts {
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, n)
	}
	return all
}

// points are some that a path leads over, close to each other.
func points(t *testing.T, path string) (all [][2]float64) {
	t.Helper()
	var last []float64
	for _, piece := range pieces.FindAllStringSubmatch(path, -1) {
		n := numbers(t, strings.Fields(piece[2])...)
		end := n[len(n)-2:]
		if piece[1] == "L" { // a curve whose bends lie on the line
			n = slices.Concat(last, end, end)
		}
		if piece[1] != "M" {
			for i := range 101 {
				s := float64(i) / 100
				at := func(k int) float64 {
					return (1-s)*(1-s)*(1-s)*last[k] + 3*(1-s)*(1-s)*s*n[k] + 3*(1-s)*s*s*n[2+k] + s*s*s*n[4+k]
				}
				all = append(all, [2]float64{at(0), at(1)})
			}
		}
		last = end
	}
	return all
}

// In whatever graph, no arrow runs behind a box, and none leaves the image.
func TestNoArrowRunsBehindABox(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for round := range 300 {
		var g Graph
		types := 1 + random.IntN(9)
		name := func() string { n := random.IntN(types); return fmt.Sprint("type.", strings.Repeat("x", n), ".", n) }
		for range random.IntN(2 * types) {
			g.Edges = append(g.Edges, Edge{From: name(), To: name(), Service: "a", Handler: fmt.Sprint("handler", random.IntN(3)), Count: 1, Handled: 1})
		}
		svg := Merge(g).SVG()
		var size []float64
		if found := regexp.MustCompile(`width="(\d+)" height="(\d+)" viewBox`).FindStringSubmatch(svg); found != nil {
			size = numbers(t, found[1:]...)
		}
		var drawn [][]float64
		for _, box := range boxes.FindAllStringSubmatch(svg, -1) {
			drawn = append(drawn, numbers(t, box[1:]...))
		}
		arrows := paths.FindAllStringSubmatch(svg, -1)
		if len(size) != 2 || (len(g.Edges) > 0) != (len(arrows) > 0 && len(drawn) > 0) {
			t.Fatalf("%d boxes, %d arrows of %d edges in\n%s", len(drawn), len(arrows), len(g.Edges), svg)
		}
		for _, arrow := range arrows {
			for _, p := range points(t, arrow[1]) {
				if p[0] < 0 || p[1] < 0 || p[0] > size[0] || p[1] > size[1] {
					t.Fatalf("round %d: %s leaves the image at %v", round, arrow[1], p)
				}
				for _, b := range drawn {
					if p[0] > b[0]+1.5 && p[0] < b[0]+b[2]-1.5 && p[1] > b[1]+1.5 && p[1] < b[1]+b[3]-1.5 {
						t.Fatalf("round %d: %s is behind the box %v at %v in\n%s", round, arrow[1], b, p, svg)
					}
				}
			}
		}
	}
}
