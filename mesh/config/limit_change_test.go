package config

import (
	"encoding/json"
	"testing"
	"time"
)

// A change has what is to be another number, and nothing else of the rule.
func TestLimitChange(t *testing.T) {
	waits := Rule{Name: "calm", Event: "core.>", By: ByKey, Limit: Limit{Rate: 5, Burst: 2, Policy: Wait}, Waiting: 7}.WithDefaults()
	for text, want := range map[string]func(*Rule){
		`{}`:                                    func(*Rule) {},
		`{"limit":{"rate":"9/s"}}`:              func(r *Rule) { r.Limit.Rate = 9 },
		`{"limit":{"burst":4,"policy":"wait"}}`: func(r *Rule) { r.Limit.Burst = 4 },
		`{"limit":{"policy":"shed"}}`:           func(r *Rule) { r.Limit.Policy, r.Waiting = Shed, 0 },
		`{"limit":{"policy":"coalesce"},"within":"2s"}`: func(r *Rule) {
			r.Limit.Policy, r.Waiting, r.Within = Coalesce, 0, 2*time.Second
		},
		`{"limit":{"policy":"coalesce"}}`: func(r *Rule) { r.Limit.Policy, r.Waiting, r.Within = Coalesce, 0, time.Second },
		`{"keys":5,"waiting":6}`:          func(r *Rule) { r.Keys, r.Waiting = 5, 6 },
	} {
		var c LimitChange
		if err := json.Unmarshal([]byte(text), &c); err != nil {
			t.Fatal(err)
		}
		rule := waits
		want(&rule)
		if got := c.Apply(waits); got != rule {
			t.Errorf("%s: %+v, want %+v", text, got, rule)
		}
		if c.IsZero() != (text == `{}`) {
			t.Errorf("%s: zero is %v", text, c.IsZero())
		}
		c.ID = waits.Identity()
		data, err := json.Marshal(c)
		var again LimitChange
		if err == nil {
			err = json.Unmarshal(data, &again)
		}
		if err != nil || again.ID != c.ID || again.Apply(waits) != rule {
			t.Errorf("%s: %v, read again as %s", text, err, data)
		}
	}
	for _, text := range []string{`{"within":"soon"}`, `{"limit":{"rate":"fast"}}`, `{"within":5}`} {
		if err := json.Unmarshal([]byte(text), &LimitChange{}); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
}

// A change covers another one if it sets each number that the other one sets.
func TestLimitChangeCovers(t *testing.T) {
	texts := []string{`{"limit":{"rate":"9/s"}}`, `{"limit":{"burst":9}}`, `{"limit":{"policy":"shed"}}`, `{"concurrency":9}`, `{"keys":9}`, `{"waiting":9}`, `{"within":"9s"}`}
	read := func(text string) (c LimitChange) {
		if err := json.Unmarshal([]byte(text), &c); err != nil {
			t.Fatal(err)
		}
		return c
	}
	all := read(`{"limit":{"rate":"1/s","burst":1,"policy":"wait"},"concurrency":1,"keys":1,"waiting":1,"within":"1s"}`)
	for i, one := range texts {
		for j, other := range texts {
			if got := read(one).Covers(read(other)); got != (i == j) {
				t.Errorf("%s covers %s: %v", one, other, got)
			}
		}
		if !all.Covers(read(one)) || read(one).Covers(all) {
			t.Errorf("all numbers do not cover %s, or the reverse", one)
		}
	}
}
