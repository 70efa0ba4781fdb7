package console

import (
	"errors"
	"testing"
	"time"

	"leafmesh/mesh/graph"
	"leafmesh/mesh/stats"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func of(node string, links []stats.Link, counts ...stats.Count) Answer[stats.Stats] {
	return Answer[stats.Stats]{Node: node, Value: stats.Stats{Node: node, Counts: counts, Links: links}}
}

func count(outcome stats.Outcome, n uint64) stats.Count {
	return stats.Count{Type: "clue.clue.solved", Outcome: outcome, Count: n}
}

// Of an event that a node emitted it is told apart whether it left, and what came over a link was
// not emitted here.
func TestRatesTellLocalAndExportedApart(t *testing.T) {
	for _, test := range []struct {
		name        string
		before, now []stats.Count
		want        rates
	}{
		{"local", []stats.Count{count(stats.Admitted, 10)}, []stats.Count{count(stats.Admitted, 30)}, rates{Local: 10}},
		{"exported", nil, []stats.Count{count(stats.Admitted, 8), count(stats.Exported, 8)}, rates{Exported: 4}},
		{"kept", nil, []stats.Count{count(stats.Admitted, 8), count(stats.Stored, 6)}, rates{Local: 1, Exported: 3}},
		{"imported", nil, []stats.Count{count(stats.Admitted, 8), count(stats.Imported, 8)}, rates{Imported: 4}},
		{"bad", nil, []stats.Count{count(stats.Shed, 2), count(stats.Refused, 4), count(stats.Failed, 6), count(stats.Lost, 8), count(stats.Retried, 10)},
			rates{Shed: 1, Refused: 2, Failed: 3, Lost: 4, Retried: 5}},
		{"started again", []stats.Count{count(stats.Handled, 1000)}, []stats.Count{count(stats.Handled, 6)}, rates{Handled: 3}},
	} {
		var m meter
		m.read(noon, []Answer[stats.Stats]{of("clue-1", nil, test.before...)}, nil)
		s := m.read(noon.Add(2*time.Second), []Answer[stats.Stats]{of("clue-1", nil, test.now...)}, nil)
		if len(s.Nodes) != 1 || s.Nodes[0].rates != test.want || len(s.Types) != 1 || s.Types[0].rates != test.want {
			t.Errorf("%s: %+v, want %+v", test.name, s, test.want)
		}
	}
}

// What a node counted before anybody looked, or while it did not answer, is no rate.
func TestFirstAnswersHaveNoRate(t *testing.T) {
	var m meter
	silent := Answer[stats.Stats]{Node: "clue-1", Err: errors.New("no answer in time")}
	for i, answer := range []Answer[stats.Stats]{of("clue-1", nil, count(stats.Handled, 500)), silent, of("clue-1", nil, count(stats.Handled, 900))} {
		s := m.read(noon.Add(time.Duration(i)*time.Second), []Answer[stats.Stats]{answer}, nil)
		if n := s.Nodes[0]; n.Handled != 0 || n.Problem != "" != (answer.Err != nil) {
			t.Errorf("answer %d: %+v", i, n)
		}
	}
}

// A link that one of its ends takes for broken is broken, and an end that was not asked is a node.
func TestLinksHaveTwoEnds(t *testing.T) {
	exporter := func(up bool) []stats.Link {
		return []stats.Link{{Peer: "score-1", Direction: "exports", Connected: up, MessagesOut: 100}}
	}
	importer := func(up bool) []stats.Link {
		return []stats.Link{{Peer: "clue-1", Direction: "imports", Connected: up, MessagesIn: 40}}
	}
	for _, test := range []struct {
		name    string
		answers []Answer[stats.Stats]
		want    linkView
	}{
		{"both", []Answer[stats.Stats]{of("clue-1", exporter(true)), of("score-1", importer(true))}, linkView{"clue-1", "score-1", stats.LinkUp, 20}},
		{"the other order", []Answer[stats.Stats]{of("score-1", importer(true)), of("clue-1", exporter(true))}, linkView{"clue-1", "score-1", stats.LinkUp, 20}},
		{"the exporter alone", []Answer[stats.Stats]{of("clue-1", exporter(true))}, linkView{"clue-1", "score-1", stats.LinkUp, 50}},
		{"broken at the importer", []Answer[stats.Stats]{of("clue-1", exporter(true)), of("score-1", importer(false))}, linkView{"clue-1", "score-1", stats.LinkDown, 20}},
		{"broken at the exporter", []Answer[stats.Stats]{of("clue-1", exporter(false)), of("score-1", importer(true))}, linkView{"clue-1", "score-1", stats.LinkDown, 20}},
	} {
		m := meter{last: sample{at: noon, nodes: map[string]bool{"clue-1": true, "score-1": true}}}
		s := m.read(noon.Add(2*time.Second), test.answers, nil)
		if len(s.Links) != 1 || s.Links[0] != test.want || len(s.Nodes) != 2 {
			t.Errorf("%s: %+v, want %+v", test.name, s, test.want)
		}
	}
}

// A peer that may import and imports nothing does not dial. Its link is not broken, nor is it known
// to be while the peer has not answered.
func TestALinkThatNobodyNeedsIsNotBroken(t *testing.T) {
	links := func(missed bool) []stats.Link {
		return []stats.Link{{Peer: "clue-1", Direction: "exports", Missed: missed}}
	}
	silent := Answer[stats.Stats]{Node: "clue-1", Err: errors.New("no answer in time")}
	importer := []stats.Link{{Peer: "score-1", Direction: "imports"}}
	for name, test := range map[string]struct {
		answers []Answer[stats.Stats]
		want    stats.LinkStatus
	}{
		"it imports nothing":          {[]Answer[stats.Stats]{of("score-1", links(false)), of("clue-1", nil)}, stats.LinkUnused},
		"it imports":                  {[]Answer[stats.Stats]{of("clue-1", importer), of("score-1", links(false))}, stats.LinkDown},
		"it was not asked":            {[]Answer[stats.Stats]{of("score-1", links(false))}, stats.LinkUnknown},
		"it does not answer":          {[]Answer[stats.Stats]{silent, of("score-1", links(false))}, stats.LinkUnknown},
		"it was not asked and missed": {[]Answer[stats.Stats]{of("score-1", links(true))}, stats.LinkDown},
	} {
		var m meter
		s := m.read(noon, test.answers, nil)
		if want := (linkView{From: "score-1", To: "clue-1", State: test.want}); len(s.Links) != 1 || s.Links[0] != want {
			t.Errorf("%s: %+v, want %+v", name, s.Links, want)
		}
	}
}

// Flows are those since the last look at the graph, and hold until the next one.
func TestFlowsOfTheGraph(t *testing.T) {
	look := func(node string, n uint64) []Answer[graph.Graph] {
		return []Answer[graph.Graph]{{Node: node, Value: graph.Merge(graph.Graph{Nodes: []string{node}, Types: []graph.Type{{Type: "a.b.c", Exported: true}},
			Edges: []graph.Edge{{From: "a.b.c", To: "a.b.d", Handler: "h", Service: "a", Count: n}}})}}
	}
	var m meter
	for i, test := range []struct {
		look []Answer[graph.Graph]
		want float64
	}{{look("a-1", 100), 0}, {look("a-1", 110), 10}, {nil, 10}, {look("a-1", 110), 0}, {look("a-2", 500), 0}} {
		s := m.read(noon.Add(time.Duration(i)*time.Second), nil, test.look)
		if len(s.Edges) != 1 || s.Edges[0].Rate != test.want || len(s.Types) != 2 || !s.Types[0].Leaves || s.Types[1].Leaves {
			t.Errorf("look %d: %+v, want %v", i, s, test.want)
		}
	}
}

// Of two instances of a service one is started again, and does not answer once.
func TestFlowsOfSeveralInstances(t *testing.T) {
	of := func(node string, n uint64) Answer[graph.Graph] {
		return Answer[graph.Graph]{Node: node, Value: graph.Graph{Nodes: []string{node},
			Edges: []graph.Edge{{From: "a.b.c", To: "a.b.d", Handler: "h", Service: "a", Count: n}}}}
	}
	var m meter
	for i, test := range []struct {
		one, two Answer[graph.Graph]
		want     float64
	}{
		{of("a-1", 1_000_000), of("a-2", 5_000_000), 0},
		{of("a-1", 1_000_100), of("a-2", 10), 110},
		{of("a-1", 1_000_200), Answer[graph.Graph]{Node: "a-2", Err: errors.New("no answer")}, 100},
		{of("a-1", 1_000_300), of("a-2", 500), 100},
	} {
		s := m.read(noon.Add(time.Duration(i)*time.Second), nil, []Answer[graph.Graph]{test.one, test.two})
		if len(s.Edges) != 1 || s.Edges[0].Rate != test.want {
			t.Errorf("look %d: %+v, want %v", i, s.Edges, test.want)
		}
	}
}
