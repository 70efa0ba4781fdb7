package mesh_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/config"
	"leafmesh/mesh/operator"
)

// reloadable is an exporter with a file, and its importer.
func reloadable(t *testing.T) (file mesh.Config, exporter, importer *mesh.Node) {
	t.Helper()
	clueSeed, clueKey := keyPair(t)
	scoreSeed, scoreKey := keyPair(t)
	file = clueNode("clue-1")
	file.Listen, file.Data, file.Seed, file.Peers = "127.0.0.1:0", mesh.Path(t.TempDir()), mesh.NewSecret(clueSeed), []mesh.Peer{{Name: "score-1", Key: scoreKey, MayImport: mesh.AllExports()}}
	file.Limits = []mesh.Rule{{Event: clueSolved.Subject(), Limit: mesh.Limit{Rate: 1000}}}
	exporter = opened(t, file)
	score := scoreNode("score-1", mesh.Shared, func(context.Context, solved) error { return nil })
	score.Seed, score.Peers = mesh.NewSecret(scoreSeed), []mesh.Peer{{Name: "clue-1", URL: "nats-leaf://" + exporter.ListenAddr(), Key: clueKey}}
	importer = opened(t, score)
	if err := importer.Ready(within(t)); err != nil {
		t.Fatal(err)
	}
	return file, exporter, importer
}

// opened opens a node, which is closed at the end.
func opened(t *testing.T, c mesh.Config) *mesh.Node {
	t.Helper()
	n, err := mesh.Open(within(t), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(within(t)); err != nil {
			t.Error(err)
		}
	})
	return n
}

// A bad file, and one with something that needs a restart, change nothing, also what could change.
func TestAReloadIsAllOrNothing(t *testing.T) {
	file, exporter, importer := reloadable(t)
	for name, test := range map[string]struct {
		change func(*mesh.Config)
		field  string
		is     error
	}{
		"a bad field": {func(c *mesh.Config) { c.Alarms.Factor = -1 }, "alarms.factor", nil},
		"a type of nobody": {func(c *mesh.Config) {
			c.Limits = append(c.Limits, mesh.Rule{Event: "clue.no.such", Limit: mesh.Limit{Rate: 1}})
		}, "limits[1].event", nil},
		"a bad peer":   {func(c *mesh.Config) { c.Peers[0].Key = "U" }, "peers[0].key", nil},
		"another port": {func(c *mesh.Config) { c.Listen = "127.0.0.1:1" }, "listen", config.ErrNeedsRestart},
		"a durable export more": {func(c *mesh.Config) {
			c.Exports = append(c.Exports, mesh.Export{Event: clueShown.Subject(), KeptFor: []string{"score"}})
		}, "exports[1]", config.ErrNeedsRestart},
		"an export that sheds": {func(c *mesh.Config) { c.Exports[0].Limit = mesh.Limit{Rate: 1, Policy: mesh.Shed} }, "exports[0].limit.policy", config.ErrNeedsRestart},
	} {
		next := file
		next.Peers, next.Exports, next.Limits = exporter.Peers(), []mesh.Export{file.Exports[0]}, []mesh.Rule{file.Limits[0]}
		next.Limits[0].Limit.Rate = 5 // this alone could change
		test.change(&next)
		_, err := exporter.Reload(t.Context(), next)
		if problems := config.FieldErrors(err); len(problems) != 1 || problems[0].Field != test.field || test.is != nil && !errors.Is(err, test.is) {
			t.Errorf("%s: %v", name, err)
		}
		if rate := exporter.Rules()[0].Limit.Rate; rate != 1000 {
			t.Errorf("%s: the rate is %v", name, rate)
		}
		if changes, err := exporter.Compare(next); (err == nil) != (test.is != nil) || test.is != nil && len(changes) < 2 {
			t.Errorf("%s: compared: %v, %v", name, changes, err)
		}
	}
	if changes, err := exporter.Reload(t.Context(), file); err != nil || len(changes) != 0 {
		t.Errorf("the same file: %v, %v", changes, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := exporter.Reload(ended, file); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of its context: %v", err)
	}
	if err := importer.Ready(within(t)); err != nil {
		t.Error(err)
	}
}

// What can change while a node runs is in force when Reload returns.
func TestAReloadIsInForce(t *testing.T) {
	file, exporter, _ := reloadable(t)
	file.Limits = []mesh.Rule{{Event: clueSolved.Subject(), Limit: mesh.Limit{Rate: 0.001, Burst: 1}}}
	file.Exports = []mesh.Export{clueSolved.Export(mesh.Limit{Rate: 50})}
	file.Cascades = []mesh.Cascade{{Depth: 2}}
	file.Alarms.Handling = 20 * time.Millisecond
	changes, err := exporter.Reload(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	const want = "limits[clue.clue.solved at emit].limit.rate: 1000/s → 0.001/s\nlimits[clue.clue.solved at emit].limit.burst: 100 → 1\n" +
		"cascades[all others]: nothing → {depth: 2}\nalarms.handling: 10s → 20ms\n" +
		"exports[clue.clue.solved].limit.rate: unlimited → 50/s\nexports[clue.clue.solved].limit.burst: 0 → 5\nexports[clue.clue.solved].limit.policy: nothing → refuse"
	if changes.String() != want {
		t.Errorf("changes\n%s\nwant\n%s", changes, want)
	}
	emit(t, exporter, clueSolved, solved{Team: "owls"})
	if err := clueSolved.Emit(exporter.Context(t.Context()), solved{Team: "owls"}); !errors.Is(err, mesh.ErrRefused) {
		t.Errorf("over the new limit: %v", err)
	}
	if rules := exporter.Rules(); len(rules) != 2 || rules[1].Place != mesh.AtExport {
		t.Errorf("rules %+v", rules)
	}
	if changes, err := exporter.Reload(t.Context(), file); err != nil || len(changes) != 0 {
		t.Errorf("once more: %v, %v", changes, err)
	}
}

// Reloads, and changes by the program, at the same time come one after the other.
func TestReloadsAtTheSameTime(t *testing.T) {
	file, exporter, importer := reloadable(t)
	_, anotherKey := keyPair(t)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			next := file
			next.Limits = []mesh.Rule{{Event: clueSolved.Subject(), Limit: mesh.Limit{Rate: mesh.Rate(100 + i)}}}
			next.Peers = append(exporter.Peers()[:1:1], mesh.Peer{Name: "score-2", Key: anotherKey, MayImport: mesh.AllExports()})
			if _, err := exporter.Reload(t.Context(), next); err != nil {
				t.Error(err)
			}
			if err := exporter.SetPeers(exporter.Peers()[:1]); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if len(exporter.Peers()) != 1 {
		t.Errorf("peers %+v", exporter.Peers())
	}
	if err := importer.Ready(within(t)); err != nil {
		t.Error(err)
	}
}

// An operator has the file read again, or asks only what that would change. A node without a file
// says so.
func TestAnOperatorReloads(t *testing.T) {
	reader, changer := newSigner(t, "ada", config.MayRead), newSigner(t, "bob", config.MayChange)
	nodes, conn := chained(t, []mesh.Operator{reader.Operator, changer.Operator})
	var mu sync.Mutex
	asked := map[bool]int{}
	nodes[0].OnReload(func(_ context.Context, dryRun bool) (config.Changes, error) {
		mu.Lock()
		defer mu.Unlock()
		asked[dryRun]++
		return config.Changes{{Field: "alarms.slow", Old: "5s", New: "1s", Live: true}}, nil
	})
	const changes = `[{"field":"alarms.slow","old":"5s","new":"1s","live":true}]`
	for _, test := range []struct {
		by      signer
		body    string
		want    string // the answer, or a part of what is wrong
		problem bool
	}{
		{reader, `{"dry_run": true}`, changes, false},
		{reader, "", "operator ada may not change anything", true},
		{reader, `{"dry_run": false}`, "operator ada may not change anything", true},
		{changer, "", changes, false},
		{changer, `{"dry": true}`, "reload takes nothing, or", true},
	} {
		data, problem := send(t, conn, test.by.signed(operator.Prefix+"reload", test.body))
		if got := string(data) + problem; !strings.Contains(got, test.want) || (problem != "") != test.problem {
			t.Errorf("%s asks %q: %s", test.by.Name, test.body, got)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if asked[true] != 1 || asked[false] != 1 {
		t.Errorf("asked %v", asked)
	}
	listen := config.Diff(mesh.Config{Listen: "a:1"}, mesh.Config{Listen: "b:1"}).Restarts()
	for _, test := range []struct {
		err  error
		want string
	}{
		{listen, "409 listen: it cannot change while the node runs"},
		{config.Node{}.Validate(), "400 name: "},
		{fmt.Errorf("read configuration: %w", &fs.PathError{Op: "open", Path: "clue.yaml", Err: fs.ErrNotExist}), "400 read configuration: open clue.yaml"},
		{errors.New("apply certificates: the disk is full"), "500 apply certificates"},
		{errors.Join(errors.New("apply peers: broken"), fmt.Errorf("undo seed: %w: %w", config.ErrNotUndone, listen)), "500 apply peers"},
		{fmt.Errorf("reload: %w", mesh.ErrClosed), "503 reload"},
		{fmt.Errorf("reload: %w", context.Canceled), "503 reload"},
	} {
		nodes[0].OnReload(func(context.Context, bool) (config.Changes, error) { return nil, test.err })
		if _, problem := send(t, conn, changer.signed(operator.Prefix+"reload", "")); !strings.HasPrefix(problem, test.want) {
			t.Errorf("%v is answered with %s, want %s", test.err, problem, test.want)
		}
	}
	all := changer.ask(conn, "reload", "")
	for _, a := range all.Answers {
		if a.Node != nodes[0].Name() && (a.Code != 501 || !strings.Contains(a.Error, "has no file")) {
			t.Errorf("%+v", a)
		}
	}
}
