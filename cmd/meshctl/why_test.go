package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nkeys"

	"leafmesh/mesh"
	"leafmesh/mesh/cause"
	"leafmesh/mesh/inproc"
	"leafmesh/mesh/why"
)

type solved struct {
	Team string `cbor:"1,keyasint"`
}

var (
	given  = mesh.NewEvent[solved]("clue.answer.given", mesh.Key(func(s solved) string { return s.Team }))
	right  = mesh.NewEvent[solved]("clue.clue.solved", mesh.Key(func(s solved) string { return s.Team }))
	earned = mesh.NewEvent[solved]("score.points.awarded", mesh.Key(func(s solved) string { return s.Team }))
)

// openMesh opens two nodes with taps: a cascade begins on clue-1, and its third event fails on
// score-1 for one team. It returns the taps' addresses and the header of the event that failed.
func openMesh(t *testing.T) (servers []string, failed mesh.Header) {
	t.Helper()
	_, servers, failed = openNodes(t)
	return servers, failed
}

func openNodes(t *testing.T) (nodes inproc.Nodes, servers []string, failed mesh.Header) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	tap := func() *mesh.Tap {
		return &mesh.Tap{Listen: "127.0.0.1:0", User: "operator", Password: mesh.NewSecret("HT4KCKDU6GDQSHZO5XR6QWKTYA")}
	}
	headers := make(chan mesh.Header, 10)
	nodes, err := inproc.Open(ctx,
		mesh.Config{Name: "clue-1", Tap: tap(), MaxPayload: 2 << 10, Exports: []mesh.Export{right.Export(mesh.Limit{})}, Handlers: []mesh.Handler{
			given.Handle("judge", func(ctx context.Context, s solved) error { return right.Emit(ctx, s) })}},
		mesh.Config{Name: "score-1", Tap: tap(), MaxPayload: 2 << 10, // an answer has several pages
			Imports: []mesh.Import{right.Import(mesh.Limit{}, mesh.Shared)}, Handlers: []mesh.Handler{
				right.Handle("award", func(ctx context.Context, s solved) error { return earned.Emit(ctx, s) }),
				earned.Handle("rank", func(ctx context.Context, s solved) error {
					h, _ := mesh.HeaderOf(ctx)
					select {
					case headers <- h:
					default: // enough
					}
					return errors.New("no such team")
				}, mesh.Retry{Tries: 3, FirstPause: time.Millisecond, LongestPause: time.Millisecond})}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := nodes.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	if err := nodes.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	if err := given.Emit(nodes[0].Context(ctx), solved{"otters"}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		failed = <-headers
	}
	if err := nodes.Settle(ctx); err != nil {
		t.Fatal(err)
	}
	for _, n := range nodes {
		servers = append(servers, "nats://operator:HT4KCKDU6GDQSHZO5XR6QWKTYA@"+n.TapAddr())
	}
	return nodes, servers, failed
}

// From the line of a log alone, meshctl finds the cause and the path, over two nodes.
func TestWhy(t *testing.T) {
	servers, failed := openMesh(t)
	line := fmt.Sprintf(`time=12:00 level=WARN msg="handler failed" node=score-1 handler=rank type=score.points.awarded event=%s root=%s key=otters`, failed.ID, failed.Root)
	for name, what := range map[string]string{"line": line, "event": failed.ID.String(), "root": failed.Root.String(), "letter": strings.ReplaceAll(failed.ID.String(), "-", "") + "-0123456789abcdef"} {
		stdout, stderr, code := meshctl("why", "-s", servers[len(name)%2], what) // any of them
		if code != 0 || stderr != "" {
			t.Errorf("%s: exit %d, %q", name, code, stderr)
		}
		rest := stdout
		for _, part := range []string{"score.points.awarded (key otters), handler rank on score-1: given up, 3 calls in ", ": no such team\n",
			"\nclue.answer.given (key otters) from clue-1 at ", "handler judge on clue-1: handled", "\n└─ clue.clue.solved (key otters) from clue-1 ",
			"export on clue-1: exported", "import on score-1: came", "handler award on score-1: handled", "\n   └─ score.points.awarded (key otters) from score-1 ",
			"handler rank on score-1: given up, 3 calls", "no such team (3 times)"} {
			_, after, found := strings.Cut(rest, part)
			if !found {
				t.Fatalf("%s: no %q, in its place, in\n%s", name, part, stdout)
			}
			rest = after
		}
	}
	stdout, _, code := meshctl("why", "-s", servers[0], failed.ID.String(), "-o", "json", "-s", servers[1]) // flags behind the id, too
	var x why.Explanation
	if err := json.Unmarshal([]byte(stdout), &x); err != nil || code != 0 {
		t.Fatalf("exit %d, %v in %s", code, err, stdout)
	}
	if !x.Found || len(x.Faults) != 1 || x.Faults[0].Errors[0].Error != "no such team" || x.Faults[0].Tries != 3 || len(x.Cascades) != 1 || x.Cascades[0].ID != failed.Root {
		t.Errorf("%+v", x)
	}
}

// A node that does not answer is named, and what it alone knows is missing; others have the rest.
func TestWhyWithoutANode(t *testing.T) {
	nodes, servers, failed := openNodes(t)
	if err := nodes[0].Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	stdout, stderr, code := meshctl("why", "-s", servers[1], failed.ID.String())
	for _, part := range []string{"handler rank on score-1: given up, 3 calls in ", "not known: clue-1: its link to score-1 is down", "handler award on score-1: handled",
		"Not known:\n  clue-1: its link to score-1 is down"} {
		if code != 1 || stderr != "" || !strings.Contains(stdout, part) {
			t.Errorf("exit %d, %q, no %q in\n%s", code, stderr, part, stdout)
		}
	}
}

// With an operator a node tells at any tap what it alone took part in.
func TestWhyWithAnOperator(t *testing.T) {
	pair, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	key, _ := pair.PublicKey()
	text, _ := pair.Seed()
	seed := filepath.Join(t.TempDir(), "ada.nk")
	if err := os.WriteFile(seed, append(text, '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
	apart := mesh.NewEvent[solved]("score.rank.lost", mesh.Key(func(s solved) string { return s.Team }))
	operators := []mesh.Operator{{Name: "ada", Key: key}}
	nodes, err := inproc.Open(t.Context(),
		mesh.Config{Name: "clue-1", Operators: operators, MaxPayload: 2 << 10, Exports: []mesh.Export{right.Export(mesh.Limit{})},
			Tap: &mesh.Tap{Listen: "127.0.0.1:0", User: "operator", Password: mesh.NewSecret("HT4KCKDU6GDQSHZO5XR6QWKTYA")}},
		mesh.Config{Name: "score-1", Operators: operators, MaxPayload: 2 << 10, Imports: []mesh.Import{right.Import(mesh.Limit{}, mesh.Shared)},
			Handlers: []mesh.Handler{apart.Handle("rank", func(context.Context, solved) error { return errors.New("no such team") }, mesh.Retry{Tries: 1})}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := nodes.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	if err := nodes.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := apart.Emit(nodes[1].Context(t.Context()), solved{"otters"}); err != nil {
		t.Fatal(err)
	}
	if err := nodes.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	id := rootKept(t, nodes[1])
	server := "nats://operator:HT4KCKDU6GDQSHZO5XR6QWKTYA@" + nodes[0].TapAddr()
	if stdout, stderr, code := meshctl("why", "-s", server, id.String()); code != 1 || !strings.HasPrefix(stdout, "Nothing is known of ") {
		t.Errorf("without an operator: exit %d, %q\n%s", code, stderr, stdout)
	}
	stdout, stderr, code := meshctl("why", "-s", server, "--operator", seed, id.String())
	if code != 0 || stderr != "" || !strings.HasPrefix(stdout, "score.rank.lost (key otters), handler rank on score-1: given up in ") {
		t.Errorf("exit %d, %q\n%s", code, stderr, stdout)
	}
}

// rootKept waits until a node keeps a cascade, and gives its root.
func rootKept(t *testing.T, n *mesh.Node) mesh.ID {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		list, err := n.Kept()
		if len(list) > 0 {
			return list[0].Root
		}
		if err != nil || time.Now().After(deadline) {
			t.Fatal("no cascade is kept: ", err)
		}
	}
}

// What cannot be asked or is not known is said, with an exit code for scripts.
func TestWhyWithoutAnAnswer(t *testing.T) {
	servers, failed := openMesh(t)
	t.Chdir(t.TempDir())
	write(t, "bare.yaml", "name: clue-1\n")
	write(t, "tapped.yaml", "name: clue-1\ntap: {listen: \"127.0.0.1:1\", user: operator, password: {file: none}}\n")
	write(t, "bad.yaml", "nam: clue-1\n")
	id := failed.ID.String()
	for _, test := range []struct {
		args           []string
		code           int
		stdout, stderr string
	}{
		{[]string{"-s", servers[1], "-s", servers[0], id}, 0, "clue.answer.given (key otters) from clue-1 at ", ""},
		{[]string{"-s", servers[1], "-s", "nats://a:b@127.0.0.1:1", id}, 1, "nats://127.0.0.1:1: could not be asked at nats://127.0.0.1:1", ""},
		{[]string{"-s", strings.Replace(servers[1], "HT4K", "HT4J", 1), id}, 1, "Authorization", ""},
		{[]string{"-s", servers[1], cause.NewID(1).String()}, 1, "Nothing is known of ", ""},
		{[]string{"-s", servers[1], "no", "id"}, 1, "", `meshctl: "no id" has no event's id in it`},
		{[]string{id}, 1, "", "meshctl: no node to ask: give --file"},
		{[]string{"-f", "bare.yaml", id}, 1, "", "meshctl: bare.yaml: the node has no tap"},
		{[]string{"-f", "tapped.yaml", id}, 1, "", "meshctl: tapped.yaml: the tap's password: "},
		{[]string{"-f", "bad.yaml", id}, 1, "", "bad.yaml:1: nam: unknown key"},
		{[]string{"-s", "127.0.0.1", id}, 1, "", "meshctl: a server is given as nats://"},
		{[]string{"-o", "table", id}, 2, "", "--output must be one of"},
	} {
		stdout, stderr, code := meshctl(append([]string{"why"}, test.args...)...)
		if code != test.code || !strings.Contains(stdout, test.stdout) || !strings.Contains(stderr, test.stderr) || (stderr == "") != (test.stderr == "") {
			t.Errorf("why %q: exit %d, stdout %q, stderr %q", test.args, code, stdout, stderr)
		}
		if strings.Contains(stdout+stderr, "HT4K") {
			t.Errorf("why %q: tells a password", test.args)
		}
	}
}
