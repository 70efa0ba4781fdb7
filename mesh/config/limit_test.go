package config

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestParseRate(t *testing.T) {
	for text, want := range map[string]Rate{
		"200/s": 200, "0.5/s": 0.5, "20/min": Per(20, time.Minute), "3/h": Per(3, time.Hour), " 7 / s ": 7, "1e3/s": 1000,
		"1000000000/s": 1e9, "unlimited": 0,
	} {
		if got, err := ParseRate(text); err != nil || got != want {
			t.Errorf("%q is %g, %v; want %g", text, float64(got), err, float64(want))
		}
	}
	for _, text := range []string{"", "0", "200", "/s", "200/", "200/d", "0/s", "-1/s", "NaN/s", "Inf/s", "1000000001/s", "1/s/s", "many/s", "1e-400/s"} {
		if got, err := ParseRate(text); err == nil {
			t.Errorf("%q is %g, want an error", text, float64(got))
		}
	}
}

func TestRatePrintsInTheUnitThatMakesItShort(t *testing.T) {
	for rate, want := range map[Rate]string{
		0: "unlimited", 200: "200/s", 0.5: "30/min", 2.5: "150/min", 0.0625: "225/h", 1.001: "1.001/s", Per(20, time.Minute): "20/min", Per(3, time.Hour): "3/h", Per(1, time.Minute): "1/min",
		1e9: "1000000000/s", math.Pi: "3.141592653589793/s", 100: "100/s", 10: "10/s",
	} {
		if got := rate.String(); got != want {
			t.Errorf("%g prints as %s, want %s", float64(rate), got, want)
		}
	}
}

func TestRateComesBackFromItsText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Float64Range(1e-9, 2e5).Draw(t, "n")
		if rapid.Bool().Draw(t, "whole") {
			n = math.Ceil(n)
		}
		rate := Per(n, rapid.SampledFrom([]time.Duration{time.Second, time.Minute, time.Hour}).Draw(t, "unit"))
		text, err := rate.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var back Rate
		if err := back.UnmarshalText(text); err != nil || back != rate {
			t.Fatalf("%g came back from %s as %g, %v", float64(rate), text, float64(back), err)
		}
	})
}

func TestRateWithoutTextForm(t *testing.T) {
	for _, rate := range []Rate{-1, Rate(math.NaN()), Rate(math.Inf(1)), 2e9} {
		if text, err := rate.MarshalText(); err == nil {
			t.Errorf("%g has the text %s, want an error", float64(rate), text)
		}
	}
}
