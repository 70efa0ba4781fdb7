package checkup_test

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nkeys"

	"leafmesh/cmd/meshctl/internal/checkup"
	"leafmesh/cmd/meshctl/internal/nodes"
	"leafmesh/mesh/config"
	"leafmesh/mesh/graph"
	"leafmesh/mesh/stats"
)

// findings are all findings and skipped checks, "name: problem".
func findings(t *testing.T, checks []checkup.Check) (list []string) {
	t.Helper()
	for _, c := range checks {
		if c.Name == "" || c.About == "" || c.Findings == nil {
			t.Errorf("%+v", c)
		}
		for _, f := range c.Findings {
			if f.Remedy == "" {
				t.Errorf("%s has no remedy", f.Problem)
			}
			list = append(list, c.Name+": "+f.Problem)
		}
		for _, n := range c.Notes {
			if n.Remedy == "" {
				t.Errorf("%s has no remedy", n.Problem)
			}
			list = append(list, c.Name+", a note: "+n.Problem)
		}
		if c.Skipped != "" {
			list = append(list, c.Name+"? "+c.Skipped)
		}
	}
	return list
}

// pair is a mesh in which all is well: clue-1 exports what score-1 imports.
func pair() []checkup.Node {
	at := time.Now().UnixNano()
	const solved = "clue.clue.solved"
	return []checkup.Node{
		{Name: "clue-1", Health: &stats.NodeHealth{Version: "1", Wire: 2, Ready: true}, Stats: stats.Stats{Node: "clue-1", At: at, Links: []stats.Link{{Peer: "score-1", Direction: "exports", Connected: true}},
			Outbox:   &stats.Outbox{Oldest: time.Hour, Readers: []stats.OutboxReader{{Service: "score", Type: solved, Known: true, Backlog: 5, UnderWay: 2}}},
			Recorder: &stats.Recorder{Since: at - int64(time.Hour), FellOut: 9}}, Graph: graph.Graph{Types: []graph.Type{{Type: solved, Exported: true}}}},
		{Name: "score-1", Health: &stats.NodeHealth{Version: "1", Wire: 2, Ready: true}, Stats: stats.Stats{Node: "score-1", At: at, Links: []stats.Link{{Peer: "clue-1", Direction: "imports", Connected: true}}},
			Graph: graph.Graph{Types: []graph.Type{{Type: solved, Imported: true}}}},
	}
}

// without is what is found when a node is missing: the findings that are given, and that no other
// check knows whether all is well.
func without(node string, found ...string) (list []string) {
	why := map[string]string{"unused-exports": ", and may import what others do not", "unmet-imports": ", and may export what others do not"}
	for _, check := range []string{"nodes", "ready", "versions", "clocks", "doubles", "links", "cuts", "backlog", "letters", "unused-exports", "unmet-imports", "payloads", "losses", "handlers", "rules", "recorders"} {
		known := check == "nodes"
		for _, f := range found {
			if strings.HasPrefix(f, check+": ") || strings.HasPrefix(f, check+"? ") {
				list, known = append(list, f), known || strings.HasPrefix(f, check+"? ")
			}
		}
		if !known {
			list = append(list, check+"? "+node+" did not answer"+why[check])
		}
	}
	return list
}

// Each thing that may not be well is found alone, by name.
func TestMesh(t *testing.T) {
	count := func(outcome stats.Outcome, place, rule string) []stats.Count {
		return []stats.Count{{Type: "a.b.c", Outcome: outcome, Place: place, Rule: rule, Count: 3}}
	}
	for name, test := range map[string]struct {
		change func(clue, score *checkup.Node)
		want   []string
	}{
		"all is well": {func(_, _ *checkup.Node) {}, nil},
		"a node is silent": {func(_, score *checkup.Node) { *score = checkup.Node{Name: "score-1", Err: nodes.ErrSilent} },
			without("score-1", "nodes: score-1: it did not answer in time, or no link leads there")},
		"nobody answers": {func(clue, score *checkup.Node) {
			*clue, *score = checkup.Node{Name: "clue-1", Err: nodes.ErrSilent}, checkup.Node{Name: "score-1", Err: nodes.ErrSilent}
		}, without("clue-1", "nodes: clue-1: it did not answer in time, or no link leads there", "nodes: score-1: it did not answer in time, or no link leads there")},
		"a peer was not asked": {func(clue, _ *checkup.Node) { clue.Stats.Links[0] = stats.Link{Peer: "hunt-1", Direction: "exports"} },
			without("hunt-1", "nodes? hunt-1 was not asked", "links? hunt-1 has not dialed clue-1, and did not answer whether it imports anything from there")},
		"not ready": {func(clue, _ *checkup.Node) { clue.Health.Ready = false }, []string{"ready: clue-1 is not ready"}},
		"a problem": {func(clue, _ *checkup.Node) {
			clue.Health.Ready, clue.Health.Problems = false, []string{"the disk is full"}
		}, []string{"ready: clue-1: the disk is full"}},
		"a problem of a ready node": {func(clue, _ *checkup.Node) { clue.Health.Problems = []string{"it is cold"} },
			[]string{"ready, a note: clue-1 is ready, and says: it is cold"}},
		"a ready node that a peer does not link to": {func(clue, score *checkup.Node) {
			clue.Health.Others = []string{"link from score-1: not connected, and it imports from this node"}
			clue.Stats.Links[0] = stats.Link{Peer: "score-1", Direction: "exports", Missed: true, LinkState: stats.LinkState{Since: time.Date(2026, 11, 29, 13, 0, 1, 0, time.UTC), Cause: stats.Ended}}
			*score = checkup.Node{Name: "score-1", Err: nodes.ErrSilent}
		}, without("score-1", "nodes: score-1: it did not answer in time, or no link leads there", "links: clue-1: its link with score-1 (exports) is down: ended since 2026-11-29 13:00:01")},
		"a node that a peer has not linked to since the start": {func(clue, score *checkup.Node) {
			clue.Health.Ready = false
			clue.Stats.Links[0].Connected, clue.Stats.Links[0].Missed = false, true
			*score = checkup.Node{Name: "score-1", Err: nodes.ErrSilent}
		}, without("score-1", "nodes: score-1: it did not answer in time, or no link leads there", "ready: clue-1 is not ready", "links: clue-1: its link with score-1 (exports) is down")},
		"no health":        {func(clue, _ *checkup.Node) { clue.Health = nil }, []string{"ready? not all nodes say so: they run an older version", "versions? not all nodes say so: they run an older version"}},
		"another version":  {func(_, score *checkup.Node) { score.Health.Version = "2" }, []string{"versions: score-1 runs 2, and clue-1 runs 1"}},
		"another wire":     {func(_, score *checkup.Node) { score.Health.Wire = 3 }, []string{"versions: score-1 speaks version 3 on its links, and clue-1 version 2"}},
		"a clock":          {func(_, score *checkup.Node) { score.Clock, score.ClockWithin = -2*time.Second, time.Second }, []string{"clocks: the clock of score-1 is -2s off that of clue-1"}},
		"a clock, perhaps": {func(_, score *checkup.Node) { score.Clock, score.ClockWithin = 2*time.Second, 1600*time.Millisecond }, nil},
		"another process of the name": {func(_, score *checkup.Node) {
			score.Stats.At = time.Date(2026, 11, 29, 13, 1, 1, 0, time.UTC).UnixNano()
			score.Stats.Links[0].TwoAsOne = time.Date(2026, 11, 29, 13, 0, 1, 0, time.UTC)
		}, []string{"doubles: score-1: another process with its name and key took over its link with clue-1 at 2026-11-29 13:00:01"}},
		"another process of the name, yesterday": {func(_, score *checkup.Node) {
			score.Stats.Links[0].TwoAsOne = time.Unix(0, score.Stats.At).Add(-24 * time.Hour)
		}, nil},
		"a link": {func(_, score *checkup.Node) { score.Stats.Links[0] = stats.Link{Peer: "clue-1", Direction: "imports"} }, []string{"links: score-1: its link with clue-1 (imports) is down"}},
		"a link that its peer uses no more, and is missed for": {func(clue, score *checkup.Node) {
			clue.Stats.Links[0].Connected, clue.Stats.Links[0].Missed = false, true
			score.Stats.Links = nil
		}, nil},
		"an unused link": {func(_, score *checkup.Node) {
			score.Stats.Links = append(score.Stats.Links, stats.Link{Peer: "clue-1", Direction: "exports"})
		}, nil},
		"a link not dialed": {func(clue, _ *checkup.Node) { clue.Stats.Links[0].Connected = false }, []string{"links: clue-1: its link with score-1 (exports) is down"}},
		"nobody comes":      {func(clue, _ *checkup.Node) { clue.Stats.Outbox.Readers[0].Known = false }, []string{"backlog: clue-1 keeps 5 clue.clue.solved for score, which has never come for them"}},
		"nobody takes":      {func(clue, _ *checkup.Node) { clue.Stats.Outbox.Readers[0].UnderWay = 0 }, []string{"backlog: clue-1 keeps 5 clue.clue.solved for score, and none is under way; the oldest event of the outbox has waited for 1h0m0s"}},
		"nobody takes yet": {func(clue, _ *checkup.Node) {
			clue.Stats.Outbox.Readers[0].UnderWay, clue.Stats.Outbox.Oldest = 0, time.Second
		}, nil},
		"a durable import": {func(_, score *checkup.Node) {
			score.Stats.DurableImports = []stats.DurableImport{{Peer: "clue-1", Type: "clue.clue.solved", Problem: "it is not kept"}}
		}, []string{"backlog: score-1 does not get clue.clue.solved from clue-1: it is not kept"}},
		"a cut": {func(_, score *checkup.Node) {
			score.Cuts = []stats.Place{{Type: "clue.clue.solved", Place: "handler award", Cut: true}, {Type: "a.b.c", Place: "export", Cut: true}}
			score.Stats.Changes = []stats.Change{{What: "cut", Type: "clue.clue.solved", Place: "handler award", By: "ada", Until: time.Date(2026, 11, 29, 13, 0, 1, 0, time.UTC)}}
		}, []string{"cuts, a note: score-1: handler award gets no clue.clue.solved: cut by ada until 2026-11-29 13:00:01",
			"cuts, a note: score-1: export gets no a.b.c: cut until somebody restores it, or the node is started again"}},
		"a node that does not say what is cut": {func(clue, _ *checkup.Node) { clue.CutsUnknown = "it runs an older version" },
			[]string{"cuts? clue-1 does not say: it runs an older version"}},
		"letters":          {func(_, score *checkup.Node) { score.Stats.Letters = stats.Letters{Count: 2, Oldest: time.Minute} }, []string{"letters: score-1 has 2 dead letters, the oldest for 1m0s"}},
		"an unused export": {func(_, score *checkup.Node) { score.Graph.Types = nil }, []string{"unused-exports: clue-1 exports clue.clue.solved, and nobody imports it"}},
		"an unused export that is not kept": {func(clue, score *checkup.Node) { score.Graph.Types, clue.Stats.Outbox = nil, nil },
			[]string{"unused-exports, a note: clue-1 exports clue.clue.solved, and nobody imports it"}},
		"an unmet import":    {func(clue, _ *checkup.Node) { clue.Graph.Types = nil }, []string{"unmet-imports: score-1 imports clue.clue.solved, and nobody exports it"}},
		"too large":          {func(clue, _ *checkup.Node) { clue.Stats.Counts = count(stats.Lost, "export", stats.PayloadSize) }, []string{"payloads: clue-1: 3 a.b.c lost at export by payload-size, since it was started"}},
		"lost":               {func(clue, _ *checkup.Node) { clue.Stats.Counts = count(stats.Lost, "import", stats.LinkCut) }, []string{"losses: clue-1: 3 a.b.c lost at import by link-cut, since it was started"}},
		"refused is no loss": {func(clue, _ *checkup.Node) { clue.Stats.Counts = count(stats.Refused, "emit", "few") }, nil},
		"a slow handler": {func(_, score *checkup.Node) {
			score.Stats.Slow = []stats.Running{{Handler: "award", Type: "a.b.c", Key: "otters", For: time.Minute}}
		}, []string{"handlers: score-1: handler award has run for 1m0s with a.b.c (key otters)"}},
		"too many keys":     {func(clue, _ *checkup.Node) { clue.Stats.Counts = count(stats.Overflowed, "emit", "few") }, []string{"rules: clue-1: 3 a.b.c overflowed at emit by few, since it was started"}},
		"too many cascades": {func(clue, _ *checkup.Node) { clue.Stats.Cascades = stats.Cascades{Known: 65536, Forgotten: 1} }, []string{"rules: clue-1: the guard knows 65536 cascades, as many as it can, and has forgotten 1"}},
		"a full recorder":   {func(clue, _ *checkup.Node) { clue.Stats.Recorder.Since = clue.Stats.At - int64(20*time.Second) }, []string{"recorders: clue-1: the recorder is full, and reaches back only 20s"}},
		"a missing record":  {func(clue, _ *checkup.Node) { clue.Stats.Recorder.Missed = 1 }, []string{"recorders: clue-1: 1 steps were not recorded"}},
		"a disk":            {func(clue, _ *checkup.Node) { clue.Stats.Recorder.Problem = "no space" }, []string{"recorders: clue-1 keeps no cascades that went wrong: no space"}},
	} {
		all := pair()
		test.change(&all[0], &all[1])
		if got := findings(t, checkup.Mesh(all)); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// files are those of a mesh in which all is well.
func files(t *testing.T) []checkup.File {
	t.Helper()
	pair, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	seed, err := pair.Seed()
	if err != nil {
		t.Fatal(err)
	}
	public, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return []checkup.File{
		{Path: "clue.yaml", Node: config.Node{Name: "clue-1", Seed: config.NewSecret(string(seed)), Exports: []config.Export{{Event: "clue.clue.solved", KeptFor: []string{"score"}}},
			Peers: []config.Peer{{Name: "score-1", MayImport: config.AllExports()}}}},
		{Path: "score.yaml", Node: config.Node{Name: "score-1", Imports: []config.Import{{Event: "clue.clue.solved", Durable: true}}, Peers: []config.Peer{{Name: "clue-1", Key: public}}}},
	}
}

func TestFiles(t *testing.T) {
	for name, test := range map[string]struct {
		change func(clue, score *checkup.File)
		want   []string
	}{
		"all is well": {func(_, _ *checkup.File) {}, nil},
		"a problem":   {func(clue, _ *checkup.File) { clue.Problems = []error{errors.New("read configuration: stat x")} }, []string{"files: read configuration: stat x"}},
		"a field": {func(clue, _ *checkup.File) {
			clue.Problems = []error{&config.FieldError{File: "clue.yaml", Line: 2, Field: "name", Problem: "it is empty", Remedy: "name it"}}
		}, []string{"files: clue.yaml:2: name: it is empty"}},
		"payload limits": {func(_, score *checkup.File) { score.Node.MaxPayload = 1 << 10 }, []string{"payload-limits: max_payload is 1KiB in score.yaml and 64KiB in clue.yaml"}},
		"names": {func(_, score *checkup.File) {
			score.Node.Name = "clue-1"
			score.Node.Imports, score.Node.Peers = nil, nil
		}, []string{"names: clue.yaml and score.yaml are both clue-1", "unused-exports? the file of score-1 is not among these, and may import what others do not"}},
		"a peer's file is not there": {func(clue, score *checkup.File) {
			clue.Node.Peers = append(clue.Node.Peers, config.Peer{Name: "hunt-1"})
			score.Node.Imports = nil
		}, []string{"unused-exports? the file of hunt-1 is not among these, and may import what others do not"}},
		"no seed here":    {func(clue, _ *checkup.File) { clue.Node.Seed = config.Secret{File: "none"} }, []string{"keys? not all seeds are on this machine"}},
		"not exported":    {func(clue, _ *checkup.File) { clue.Node.Exports = nil }, []string{"exchange: score.yaml imports clue.clue.solved, which clue.yaml does not export"}},
		"not allowed":     {func(clue, _ *checkup.File) { clue.Node.Peers[0].MayImport = nil }, []string{"exchange: score.yaml imports clue.clue.solved, and clue.yaml does not let it"}},
		"not kept":        {func(clue, _ *checkup.File) { clue.Node.Exports[0].KeptFor = nil }, []string{"exchange: score.yaml imports clue.clue.solved as durable, and clue.yaml does not keep it"}},
		"kept for others": {func(clue, _ *checkup.File) { clue.Node.Exports[0].KeptFor = []string{"hunt"} }, []string{"exchange: score.yaml imports clue.clue.solved as durable, and clue.yaml does not keep it for its service"}},
		"not durable":     {func(_, score *checkup.File) { score.Node.Imports[0].Durable = false }, []string{"exchange: clue.yaml exports clue.clue.solved out of its outbox, and score.yaml does not import it as durable"}},
		"not durable, and kept for others": {func(clue, score *checkup.File) {
			score.Node.Imports[0].Durable, clue.Node.Exports[0].KeptFor = false, []string{"hunt"}
		}, []string{"exchange: clue.yaml exports clue.clue.solved out of its outbox, and score.yaml does not import it as durable"}},
		"kept for the instance, which shares": {func(clue, _ *checkup.File) { clue.Node.Exports[0].KeptFor = []string{"score-1"} },
			[]string{"exchange: clue.yaml keeps clue.clue.solved for instance score-1 alone, and score.yaml imports it without delivery: each"}},
		"kept for the service, and each wants all": {func(_, score *checkup.File) { score.Node.Imports[0].Delivery = config.Each },
			[]string{"exchange: clue.yaml keeps clue.clue.solved for service score as a whole, and score.yaml imports it with delivery: each"}},
		"kept for the instance, which wants all": {func(clue, score *checkup.File) {
			clue.Node.Exports[0].KeptFor, score.Node.Imports[0].Delivery = []string{"score-1"}, config.Each
		}, nil},
		"not imported, and not kept": {func(clue, score *checkup.File) { score.Node.Imports, clue.Node.Exports[0].KeptFor = nil, nil },
			[]string{"unused-exports, a note: clue.yaml exports clue.clue.solved, and none of these files imports it"}},
		"not imported": {func(_, score *checkup.File) { score.Node.Imports = nil }, []string{"unused-exports: clue.yaml exports clue.clue.solved, and none of these files imports it"}},
	} {
		all := files(t)
		test.change(&all[0], &all[1])
		if got := findings(t, checkup.Files(all)); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// What is kept is not called useless while somebody may import it who was not heard of: a peer that
// only files name, as one that is reached by the hub.
func TestMeshWithoutANodeThatFilesName(t *testing.T) {
	all := pair()
	all[1].Graph.Types = nil
	got := findings(t, checkup.Mesh(all, "clue-1", "score-1", "hunt-1"))
	if want := without("hunt-1", "nodes? hunt-1 was not asked"); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// The remedy for an import whose link is down is the link.
func TestRemedyOfADurableImport(t *testing.T) {
	for connected, want := range map[bool]string{false: "mend the link with clue-1: ", true: "the problem names the file"} {
		all := pair()
		all[1].Stats.Links[0].Connected = connected
		all[1].Stats.DurableImports = []stats.DurableImport{{Peer: "clue-1", Type: "clue.clue.solved", Problem: "not connected yet"}}
		found := false
		for _, c := range checkup.Mesh(all) {
			found = found || c.Name == "backlog" && len(c.Findings) == 1 && strings.HasPrefix(c.Findings[0].Remedy, want)
		}
		if !found {
			t.Errorf("connected: %v: no remedy %q", connected, want)
		}
	}
}

// A key that is not the peer's is found, and no seed is told.
func TestAWrongKey(t *testing.T) {
	all := files(t)
	all[1].Node.Peers[0].Key = files(t)[1].Node.Peers[0].Key
	got := fmt.Sprint(findings(t, checkup.Files(all)))
	if !strings.HasPrefix(got, "[keys: score.yaml knows clue-1 by "+all[1].Node.Peers[0].Key+", and its seed has the public key U") || regexp.MustCompile(`\bSU`).MatchString(got) {
		t.Error(got)
	}
}
