package main

import (
	"fmt"
	"os"
	"time"

	"leafmesh/bench/story/picture"
)

// dashes tell the lines apart; the colour tells the sides apart.
var dashes = map[string]string{"a": "", "b": "7 4", "c": "2 4"}

var classes = map[string]string{bus: "other", leafmesh: "ours", together: "together"}

// draw writes the means of all trials without a bad handler as a picture.
func (r report) draw(path string) error {
	if err := os.WriteFile(path, []byte(r.chart().SVG()), 0o600); err != nil {
		return fmt.Errorf("draw the story: %w", err)
	}
	return nil
}

func (r report) chart() picture.Chart {
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	c := picture.Chart{
		Title:    "Mean time from a guess to its last effect",
		Subtitle: fmt.Sprintf("a central bus and leafmesh; %d processors of an %s, %g s a rate", r.Machine.Procs, r.Machine.Model, r.Seconds),
		X: picture.Axis{Label: "guesses a second, each followed by eight events", Least: float64(rates[0]), Most: float64(rates[len(rates)-1]),
			Ticks:      []float64{250, 1000, 4000, 16_000, 64_000},
			TickLabels: []string{"250", "1,000", "4,000", "16,000", "64,000"}},
		Y: picture.Axis{Label: "mean", Least: 0.01, Most: 10_000, Ticks: []float64{0.01, 0.1, 1, 10, 100, 1000, 10_000},
			TickLabels: []string{"10 µs", "100 µs", "1 ms", "10 ms", "100 ms", "1 s", "10 s"}},
		Marks: []picture.Mark{{Y: ms(over), Name: "500 ms"}, {Y: ms(slow), Name: "50 ms"}},
	}
	for _, l := range lines {
		for _, side := range l.sides {
			s := picture.Series{Name: side + ", " + l.brief, Class: classes[side], Dash: dashes[l.name]}
			if side == together { // on one line only
				s.Name = side
			}
			for _, t := range r.Trials {
				if t.Side == side && t.Line == l.name && !t.Bad {
					s.Points = append(s.Points, picture.Point{X: float64(t.Rate), Y: ms(t.Mean)})
				}
			}
			if len(s.Points) > 0 {
				c.Series = append(c.Series, s)
			}
		}
	}
	return c
}
