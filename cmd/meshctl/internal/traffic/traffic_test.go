package traffic_test

import (
	"reflect"
	"testing"
	"time"

	"leafmesh/cmd/meshctl/internal/traffic"
	"leafmesh/mesh/stats"
)

func at(seconds int64, node string, counts ...stats.Count) stats.Stats {
	return stats.Stats{Node: node, At: seconds * int64(time.Second), Counts: counts}
}

func counted(n uint64, outcome stats.Outcome, place, rule string) stats.Count {
	return stats.Count{Type: "a.b.c", Outcome: outcome, Place: place, Rule: rule, Count: n}
}

func TestBetween(t *testing.T) {
	before := []stats.Stats{
		at(10, "clue-1", counted(100, stats.Admitted, "", ""), counted(5, stats.Refused, "emit", "few"),
			counted(100, stats.Delivered, "handler h", ""), counted(90, stats.Handled, "handler h", "")),
		at(10, "old-1", counted(7, stats.Admitted, "", "")),
		at(10, "new-1", counted(1000, stats.Handled, "handler h", "")),
	}
	after := []stats.Stats{
		at(12, "clue-1", counted(120, stats.Admitted, "", ""), counted(45, stats.Refused, "emit", "few"),
			counted(20, stats.Exported, "export", ""), counted(3, stats.Shed, "handler h", stats.QueueFull), counted(2, stats.Coalesced, "emit", "newest"),
			counted(120, stats.Delivered, "handler h", ""), counted(98, stats.Handled, "handler h", ""), counted(2, stats.Failed, "handler h", "")),
		at(13, "new-1", counted(1, stats.Handled, "handler h", "")), // opened since: counted from 0 again
		at(12, "late-1", counted(9, stats.Imported, "import", ""), counted(9, stats.Admitted, "", "")),
	}
	after[0].Lines = []stats.Line{{Rule: "slow", Waiting: 4}}
	after[0].Slow = []stats.Running{{Handler: "h", For: time.Minute}}
	got := traffic.Between(before, after)
	want := traffic.Traffic{
		Types: []traffic.Type{{Type: "a.b.c", Emitted: 10, Exported: 10, Handled: 4, Failed: 1, Stopped: 21.5}},
		Handlers: []traffic.Handler{
			{Node: "clue-1", Handler: "h", Type: "a.b.c", Handled: 4, Failed: 1, Queue: 20, Time: 4 * time.Second},
			{Node: "new-1", Handler: "h", Type: "a.b.c"},
		},
		Stopped: []traffic.Stopped{{Node: "clue-1", Type: "a.b.c", Outcome: stats.Refused, Place: "emit", Rule: "few", Rate: 20, Total: 45},
			{Node: "clue-1", Type: "a.b.c", Outcome: stats.Shed, Place: "handler h", Rule: stats.QueueFull, Rate: 1.5, Total: 3},
			{Node: "clue-1", Type: "a.b.c", Outcome: stats.Coalesced, Place: "emit", Rule: "newest", Rate: 1, Total: 2}},
		Waiting: []traffic.Waiting{{Node: "clue-1", Line: after[0].Lines[0]}}, LongCalls: []traffic.LongCall{{Node: "clue-1", Running: after[0].Slow[0]}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want\n%+v", got, want)
	}
}
