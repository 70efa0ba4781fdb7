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
