package rules

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"leafmesh/mesh/config"
)

// What holds for a time ends by itself, and takes nothing with it that somebody has changed beside
// it; what is changed for good stays.
func TestLayers(t *testing.T) {
	rule := func(event string, rate int) config.Rule {
		return config.Rule{Event: event, Limit: config.Limit{Rate: config.Rate(rate)}}
	}
	id := func(event string) config.RuleID { return rule(event, 1).WithDefaults().Identity() }
	type step = func(Layers) Layers
	put := func(event string, rate int, passing bool) step {
		return func(l Layers) Layers {
			if rate == 0 {
				return l.Put(id(event), nil, passing)
			}
			r := rule(event, rate).WithDefaults()
			return l.Put(id(event), &r, passing)
		}
	}
	burstFor := func(event string, burst int, passing bool) step {
		return func(l Layers) Layers {
			return l.Change(config.LimitChange{ID: id(event), Limit: config.LimitNumbers{Burst: &burst}}, passing)
		}
	}
	rateFor := func(event string, rate config.Rate, passing bool) step {
		return func(l Layers) Layers {
			return l.Change(config.LimitChange{ID: id(event), Limit: config.LimitNumbers{Rate: &rate}}, passing)
		}
	}
	burst := func(event string, number int) step { return burstFor(event, number, false) }
	set := func(passing bool, rules ...config.Rule) step {
		return func(l Layers) Layers { return l.Set(rules, passing) }
	}
	end := func(event string) step { return func(l Layers) Layers { return l.End(id(event)) } }
	const good, passing = false, true
	for name, test := range map[string]struct {
		steps []step
		want  string // the rates of a, b, …, with a burst over 1
	}{
		"nothing":                                   {nil, "a1 b2"},
		"one for good":                              {[]step{put("a", 5, good)}, "a5 b2"},
		"two at once":                               {[]step{put("a", 5, good), put("b", 6, good)}, "a5 b6"},
		"one for a time":                            {[]step{put("a", 5, passing)}, "a5 b2"},
		"its end":                                   {[]step{put("a", 5, passing), end("a")}, "a1 b2"},
		"its end after another change":              {[]step{put("a", 5, passing), put("b", 6, good), end("a")}, "a1 b6"},
		"two for a time, the first ends":            {[]step{put("a", 5, passing), put("b", 6, passing), end("a")}, "a1 b6"},
		"for a time twice":                          {[]step{put("a", 5, passing), put("a", 6, passing), end("a")}, "a1 b2"},
		"at once for good after for a time":         {[]step{put("a", 5, passing), put("a", 6, good)}, "a6 b2"},
		"for good after for a time":                 {[]step{put("a", 5, passing), put("a", 6, good), end("a")}, "a6 b2"},
		"removed":                                   {[]step{put("a", 0, good)}, "b2"},
		"removed for a time":                        {[]step{put("a", 0, passing)}, "b2"},
		"the end of that":                           {[]step{put("a", 0, passing), end("a")}, "a1 b2"},
		"removed, and made again where it was not":  {[]step{put("a", 0, good), put("a", 7, good)}, "b2 a7"},
		"made for a time":                           {[]step{put("d", 4, passing), put("c", 3, passing)}, "a1 b2 c3 d4"},
		"the end of one that was made":              {[]step{put("d", 4, passing), put("c", 3, passing), end("d")}, "a1 b2 c3"},
		"all for good":                              {[]step{put("a", 5, passing), set(good, rule("c", 3)), end("a")}, "c3"},
		"all for a time":                            {[]step{put("a", 5, passing), set(passing, rule("c", 3))}, "c3"},
		"the end of all":                            {[]step{put("a", 5, passing), set(passing, rule("c", 3)), Layers.EndAll}, "a1 b2"},
		"one for good in all for a time":            {[]step{set(passing, rule("a", 9), rule("c", 3)), put("a", 5, good)}, "a5 c3"},
		"that after the end of all":                 {[]step{set(passing, rule("a", 9), rule("c", 3)), put("a", 5, good), Layers.EndAll}, "a5 b2"},
		"one that all had, after their end":         {[]step{set(passing, rule("c", 3)), put("c", 4, good), Layers.EndAll}, "a1 b2 c4"},
		"one for a time outlives all":               {[]step{set(passing, rule("a", 9)), put("a", 5, passing), Layers.EndAll}, "a5 b2"},
		"and ends":                                  {[]step{set(passing, rule("a", 9)), put("a", 5, passing), Layers.EndAll, end("a")}, "a1 b2"},
		"removed for good in all for a time":        {[]step{set(passing, rule("a", 9), rule("c", 3)), put("a", 0, good), Layers.EndAll}, "b2"},
		"a number for good":                         {[]step{burst("a", 7)}, "a1×7 b2"},
		"a number of none":                          {[]step{burst("d", 7)}, "a1 b2"},
		"a number beside one for a time":            {[]step{put("a", 5, passing), burst("a", 7)}, "a5×7 b2"},
		"the end of that one":                       {[]step{put("a", 5, passing), burst("a", 7), end("a")}, "a1×7 b2"},
		"a number of one left out for a time":       {[]step{put("a", 0, passing), burst("a", 7)}, "b2"},
		"when that is there again":                  {[]step{put("a", 0, passing), burst("a", 7), end("a")}, "a1×7 b2"},
		"a number of one made for a time":           {[]step{put("d", 4, passing), burst("d", 7)}, "a1 b2 d4×7"},
		"which ends":                                {[]step{put("d", 4, passing), burst("d", 7), end("d")}, "a1 b2"},
		"a number in all for a time":                {[]step{set(passing, rule("a", 9), rule("c", 3)), burst("a", 7)}, "a9×7 c3"},
		"the end of all with it":                    {[]step{set(passing, rule("a", 9), rule("c", 3)), burst("a", 7), Layers.EndAll}, "a1×7 b2"},
		"a number of what only all for a time has":  {[]step{set(passing, rule("c", 3)), burst("c", 7), Layers.EndAll}, "a1 b2"},
		"a number for a time":                       {[]step{burstFor("a", 7, passing)}, "a1×7 b2"},
		"the end of that number":                    {[]step{burstFor("a", 7, passing), end("a")}, "a1 b2"},
		"it over all for a time":                    {[]step{set(passing, rule("a", 9)), burstFor("a", 7, passing)}, "a9×7"},
		"it outlives them, without their numbers":   {[]step{set(passing, rule("a", 9)), burstFor("a", 7, passing), Layers.EndAll}, "a1×7 b2"},
		"it of what only all for a time has":        {[]step{set(passing, rule("c", 3)), burstFor("c", 7, passing), Layers.EndAll}, "a1 b2"},
		"it, and then another":                      {[]step{burstFor("a", 7, passing), burstFor("a", 8, passing), end("a")}, "a1 b2"},
		"it of one made for a time":                 {[]step{put("d", 4, passing), burstFor("d", 7, passing)}, "a1 b2 d4×7"},
		"the end of both":                           {[]step{put("d", 4, passing), burstFor("d", 7, passing), end("d")}, "a1 b2"},
		"it of one left out":                        {[]step{put("a", 0, passing), burstFor("a", 7, passing)}, "b2"},
		"a rate leaves the burst that was left out": {[]step{put("a", 100, good), rateFor("a", 50, good)}, "a50×10 b2"},
		"and so it does for a time":                 {[]step{put("a", 100, good), rateFor("a", 50, passing)}, "a50×10 b2"},
		"also of one for a time":                    {[]step{put("a", 100, passing), rateFor("a", 50, passing)}, "a50×10 b2"},
		"a number for good above one for a time":    {[]step{burstFor("a", 7, passing), burst("a", 8)}, "a1×8 b2"},
		"that after the end of the other one":       {[]step{burstFor("a", 7, passing), burst("a", 8), end("a")}, "a1×8 b2"},
	} {
		first := NewLayers([]config.Rule{rule("a", 1), rule("b", 2)})
		layers := first
		for _, step := range test.steps {
			before := slices.Clone(layers.InForce())
			next := step(layers)
			if !slices.Equal(layers.InForce(), before) {
				t.Errorf("%s: a step changes the layers before", name)
			}
			layers = next
		}
		var got []string
		for _, r := range layers.InForce() {
			text := fmt.Sprintf("%s%v", r.Event, float64(r.Limit.Rate))
			if r.Limit.Burst > 1 {
				text += fmt.Sprintf("×%d", r.Limit.Burst)
			}
			got = append(got, text)
			if found := layers.Find(id(r.Event)); found == nil || *found != r.WithDefaults() {
				t.Errorf("%s: %+v is found as %+v", name, r, found)
			}
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s: %v, want %s", name, got, test.want)
		}
		if layers.Find(id("z")) != nil {
			t.Errorf("%s: a rule is found that there is not", name)
		}
	}
}

// A number that is changed for a time again and again, as by a program, takes no more memory, and
// neither do several numbers in turn.
func TestNumbersThatAreChangedAgainAndAgain(t *testing.T) {
	a := config.Rule{Event: "a", Limit: config.Limit{Rate: 1, Policy: config.Shed}}.WithDefaults()
	layers := NewLayers([]config.Rule{a})
	for i := range 100 {
		rate, burst, policy := config.Rate(i+1), i+1, []config.Policy{config.Refuse, config.Wait}[i%2]
		for _, numbers := range []config.LimitNumbers{{Rate: &rate}, {Burst: &burst}, {Rate: &rate, Burst: &burst}, {Policy: &policy}} {
			layers = layers.Change(config.LimitChange{ID: a.Identity(), Limit: numbers}, true)
		}
	}
	waiting, policy := 7, config.Shed // what is left of the former policies does not come back
	layers = layers.Change(config.LimitChange{ID: a.Identity(), Waiting: &waiting}, true)
	layers = layers.Change(config.LimitChange{ID: a.Identity(), Limit: config.LimitNumbers{Policy: &policy}}, true)
	if made := len(layers.each[a.Identity()].changes); made != 3 {
		t.Errorf("%d changes are kept, want 3", made)
	}
	want := config.Rule{Event: "a", Limit: config.Limit{Rate: 100, Burst: 100, Policy: config.Shed}}.WithDefaults()
	if got := layers.InForce(); !slices.Equal(got, []config.Rule{want}) {
		t.Errorf("%+v is in force", got)
	}
}
