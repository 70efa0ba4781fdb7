package inlet

import (
	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/wire"
	"strings"
	"testing"
	"time"
)

func perSecond(by config.By, policy config.Policy) config.Rule {
	return config.Rule{Name: "paced", Place: config.AtImport, Event: solved, By: by, Limit: config.Limit{Rate: config.Per(1, time.Second), Burst: 1, Policy: policy}}
}

// A key over its limit waits by itself, and what it has beyond a share of the credit goes back.
func TestWaitingRuleParks(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newSite(t, nil, perSecond(config.ByKey, config.Wait))
		s.link()
		var owls []wire.BatchEvent
		for n := range uint64(maxParkedOfKey + 10) {
			owls = append(owls, event(n+1, "owls"))
		}
		s.give(owls...)
		s.wait(10 * time.Millisecond)
		got := s.answered()
		if len(got) != 10 || got[0] != "1 handled" || got[1] != "66 later" {
			t.Errorf("answered %q", got)
		}
		s.give(event(200, "otters"), event(201, "otters"))
		s.wait(10 * time.Millisecond)
		s.want("200 handled")
		s.wait(3 * time.Second)
		s.want("2 handled", "3 handled", "4 handled", "201 handled")
		if n := s.set.exchange.Load().durables()[0].underWay(); n != maxParkedOfKey-3 {
			t.Errorf("%d under way", n)
		}
		begun := time.Now()
		s.close(time.Hour)
		if took := time.Since(begun); took > time.Second {
			t.Errorf("close took %v", took)
		}
		if got := s.answered(); len(got) != maxParkedOfKey-3 || !strings.HasSuffix(got[0], "later") {
			t.Errorf("at the end %q", got)
		}
	})
}

// A rule with one bucket for all holds up the intake, as nothing could pass.
func TestWaitingRuleForAll(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newSite(t, nil, perSecond(config.ByType, config.Wait))
		s.link()
		s.give(event(1, "owls"), event(2, "owls"), event(3, "owls"))
		s.wait(1500 * time.Millisecond)
		s.want("1 handled", "2 handled")
		s.close(time.Hour)
		s.want("3 later")
	})
}

// Events that a rule refuses, or would drop or replace, come again; that is no try.
func TestRulesThatRefuse(t *testing.T) {
	for _, policy := range []config.Policy{config.Refuse, config.Shed, config.Coalesce} {
		t.Run(string(policy), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newSite(t, nil, perSecond(config.ByKey, policy))
				s.link()
				s.give(event(1, "owls"), tried(event(2, "owls"), 2))
				s.wait(10 * time.Millisecond)
				s.want("1 handled", "2 later")
				s.wait(2 * time.Second)
				s.give(tried(event(2, "owls"), 2))
				s.wait(10 * time.Millisecond)
				s.want("2 handled")
				s.wantKept()
			})
		})
	}
}
