package picture

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

func sample() Chart {
	return Chart{
		Title: "Roots & effects", Subtitle: "two cores",
		X:      Axis{Label: "roots a second", Least: 100, Most: 10_000, Ticks: []float64{100, 1000, 10_000}, TickLabels: []string{"100", "1k", "10k"}},
		Y:      Axis{Label: "mean", Least: 1, Most: 100, Ticks: []float64{1, 100}, TickLabels: []string{"1 ms", "100 ms"}},
		Series: []Series{{Name: "bus <a>", Class: "other", Points: []Point{{100, 1}, {1000, 10}, {10_000, 100}, {100_000, 1000}}}},
		Marks:  []Mark{{Y: 10, Name: "10 ms"}},
	}
}

// TestSVG: the text is well-formed XML, and points lie where they should.
func TestSVG(t *testing.T) {
	svg := sample().SVG()
	decoder := xml.NewDecoder(strings.NewReader(svg))
	for {
		_, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("no XML: %v", err)
		}
	}
	for _, part := range []string{
		`points="84.0,412.0 354.0,238.0 624.0,64.0 624.0,64.0"`, // bottom left, middle, top right, and beyond the range
		`class="mark" x1="84.0" y1="238.0"`, "bus &lt;a&gt;", "Roots &amp; effects", "prefers-color-scheme: dark",
	} {
		if !strings.Contains(svg, part) {
			t.Errorf("%q is not in\n%s", part, svg)
		}
	}
	if again := sample().SVG(); again != svg {
		t.Error("the same chart is drawn in two ways")
	}
}
