package main

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"leafmesh/cmd/meshctl/internal/faketap"
	"leafmesh/mesh"
	"leafmesh/mesh/cause"
	"leafmesh/mesh/inproc"
	"leafmesh/mesh/stats"
)

// openWithLetters opens two nodes, of which score-1 has many letters: more than an answer has room
// for. Its handler fails while good is false. It returns the address of its tap.
func openWithLetters(t *testing.T, many int, good *atomic.Bool) (server string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	tap := mesh.Tap{Listen: "127.0.0.1:0", User: "operator", Password: mesh.NewSecret("HT4KCKDU6GDQSHZO5XR6QWKTYA")}
	arrivals := mesh.Import{Event: right.Subject(), Durable: true, Redelivery: mesh.Redelivery{Tries: 1}}
	nodes, err := inproc.Open(ctx,
		mesh.Config{Name: "clue-1", Data: mesh.Path(t.TempDir()), Exports: []mesh.Export{{Event: right.Subject(), KeptFor: []string{"score"}}}, Handlers: []mesh.Handler{
			given.Handle("judge", func(ctx context.Context, s solved) error { return right.Emit(ctx, s) })}},
		mesh.Config{Name: "score-1", Data: mesh.Path(t.TempDir()), Tap: &tap, MaxPayload: 1 << 10, Imports: []mesh.Import{arrivals}, Handlers: []mesh.Handler{
			right.Handle("award", func(ctx context.Context, s solved) error {
				if good.Load() && s.Team == "otters" {
					return nil
				}
				return errors.New("no such\tteam")
			})}})
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
	server = "nats://operator:HT4KCKDU6GDQSHZO5XR6QWKTYA@" + nodes[1].TapAddr()
	if stdout, stderr, code := meshctl("letters", "-s", server); code != 0 || stdout != "No letters.\n" || stderr != "" {
		t.Errorf("exit %d, %q, %q", code, stdout, stderr)
	}
	for i := range many {
		if err := given.Emit(nodes[0].Context(ctx), solved{[]string{"otters", "owls"}[i%2]}); err != nil {
			t.Fatal(err)
		}
	}
	for nodes[1].Stats().Letters.Count < many {
		if ctx.Err() != nil {
			t.Fatal("there are no letters")
		}
		time.Sleep(time.Millisecond)
	}
	return server
}

// A letter's tries are named as what they are.
func TestTriesOfALetter(t *testing.T) {
	for want, l := range map[string]stats.Letter{"1 delivery": {Peer: "clue-1", Tries: 1}, "8 deliveries": {Peer: "clue-1", Tries: 8}, "1 call": {Tries: 1}, "3 calls": {Tries: 3}} {
		if got := (nodeLetter{Letter: l}).triesText(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// Letters are listed with where they came from; why takes the key of one.
func TestLetters(t *testing.T) {
	const many = 10
	server := openWithLetters(t, many, &atomic.Bool{})
	stdout, stderr, code := meshctl("letters", "-s", server)
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	if code != 0 || stderr != "" || len(lines) != 1+many {
		t.Fatalf("exit %d, %q\n%s", code, stderr, stdout)
	}
	for _, part := range []string{"clue.clue.solved", "  award  ", "  1 delivery  ", "no such team", "clue-1:clue.answer.given → clue-1:clue.clue.solved"} {
		if !strings.Contains(lines[1], part) {
			t.Errorf("no %q in %s", part, lines[1])
		}
	}
	var list []nodeLetter
	stdout, _, code = meshctl("letters", "-o", "json", "-s", server)
	if err := json.Unmarshal([]byte(stdout), &list); err != nil || code != 0 || len(list) != many || list[0].Root.IsZero() || list[0].Node != "score-1" {
		t.Fatalf("exit %d, %v in %s", code, err, stdout)
	}
	stdout, _, code = meshctl("why", "-s", server, list[0].Letter.Key)
	if code != 0 || !strings.Contains(stdout, "handler award on score-1: ") || !strings.Contains(stdout, "handler judge on clue-1: handled") {
		t.Errorf("exit %d\n%s", code, stdout)
	}
	if stdout, stderr, code := meshctl("letters", "-s", "nats://a:b@127.0.0.1:1"); code != 1 || stdout != "" || !strings.Contains(stderr, "could not be asked") {
		t.Errorf("exit %d, %q, %q", code, stdout, stderr)
	}
}

// What matches is replayed or dropped at once; a letter whose handler fails again stays, is named,
// and the exit code says so.
func TestChangeLetters(t *testing.T) {
	var good atomic.Bool
	server := openWithLetters(t, 6, &good)
	letters := func() (list []nodeLetter) {
		t.Helper()
		stdout, stderr, code := meshctl("letters", "list", "-o", "json", "-s", server)
		if err := json.Unmarshal([]byte(stdout), &list); err != nil || code != 0 {
			t.Fatalf("exit %d, %s, %v", code, stderr, err)
		}
		return list
	}
	keys := map[string][]string{}
	for _, l := range letters() {
		keys[l.EventKey] = append(keys[l.EventKey], l.Letter.Key)
	}
	otter := keys["otters"][0]
	for _, step := range []struct {
		good           bool
		args           string
		code           int
		stdout, stderr string
		left           int
	}{
		{false, "list --key owls -o yaml", 0, "- node: score-1\n  key: ", "", 6},
		{false, "list --type clue.> --handler award --node score-1 --older 1ns", 0, "NODE", "", 6},
		{false, "list --type score.>", 0, "No letters.\n", "", 6},
		{false, "list --handler other", 0, "No letters.\n", "", 6},
		{false, "list --older 1h", 0, "No letters.\n", "", 6},
		{false, "list --node clue-9", 1, "", "meshctl: clue-9: no node of this name was asked: meshctl nodes lists those that are\n", 6},
		{false, "drop --node clue-9", 1, "0 of 0 letters dropped.\n", "meshctl: clue-9: no node of this name was asked: meshctl nodes lists those that are\n", 6},
		{false, "list --older=-1h", 2, "", "meshctl: --older: \"-1h\" is no duration above 0, as in 30s, 10m or 24h (see meshctl --help)\n", 6},
		{false, "show " + otter, 0, "\ndeliveries  1\n", "", 6},
		{false, "show -o json " + otter, 0, "\"value\": {\n      \"1\": \"otters\"\n    }", "", 6},
		{false, "show nothing", 1, "", "meshctl: no node has letter nothing: meshctl letters lists them\n", 6},
		{false, "replay", 1, "", "meshctl: which letters? Name some, or say which by --type, --handler, --key, --node or --older, or --all\n", 6},
		{false, "drop", 1, "", "meshctl: which letters?", 6},
		{false, "replay " + otter, 1, "0 of 1 letters replayed.\n", "meshctl: score-1: letter " + otter + " of clue.clue.solved, handler award: ", 6},
		{true, "replay --key otters --dry-run", 0, otter, "", 6},
		{true, "replay nothing " + otter, 1, "1 of 1 letters replayed.\n", "meshctl: nothing: no node that answered has this letter", 5},
		{true, "replay --type clue.>", 1, "2 of 5 letters replayed.\n", "meshctl: score-1: letter ", 3},
		{true, "drop " + keys["owls"][0] + " " + keys["owls"][1] + " --key otters", 1, "0 of 0 letters dropped.\n", "meshctl: " + keys["owls"][0] + ": no node", 3},
		{true, "drop " + keys["owls"][0], 0, "1 of 1 letters dropped.\n", "", 2},
		{true, "drop --all --dry-run", 0, "no such team", "", 2},
		{true, "drop --all", 0, "2 of 2 letters dropped.\n", "", 0},
	} {
		good.Store(step.good)
		stdout, stderr, code := meshctl(append([]string{"letters"}, append(strings.Fields(step.args), "-s", server)...)...)
		if code != step.code || !strings.Contains(stdout, step.stdout) || !strings.HasPrefix(stderr, step.stderr) || (stderr == "") != (step.stderr == "") {
			t.Errorf("%s: exit %d, stdout %q, stderr %q", step.args, code, stdout, stderr)
		}
		if left := len(letters()); left != step.left {
			t.Errorf("%s: %d letters are left, want %d", step.args, left, step.left)
		}
	}
}

// With an operator a letter of a node is changed through any tap, also if another node has one of
// its key.
func TestLettersOfAnOperator(t *testing.T) {
	id := cause.NewID(1)
	page := func(node string, keys ...string) string {
		p := lettersPage{}
		for _, key := range keys {
			p.Letters = append(p.Letters, stats.Letter{Key: key, Event: id, Type: "clue.clue.solved", Handler: "award"})
		}
		return `{"node":"` + node + `","answer":` + encoded(t, p) + `}`
	}
	tap := faketap.Open(t, "clue-1", func(m *nats.Msg) *nats.Msg {
		return answerAt(map[string]string{
			"all.letters":              `{"answers":[` + page("hunt-1", "b", "c") + `,` + page("score-1", "a", "b") + `]}`,
			"at.score-1.letter.replay": `{"answers":[{"node":"score-1","answer":{}}]}`,
			"at.hunt-1.letter.replay":  `{"answers":[{"node":"hunt-1","error":"no such letter","code":404}]}`,
			"at.score-1.letter.drop":   `{"answers":[],"silent":["score-1"]}`,
		})(m)
	})
	seed := seedFile(t)
	for args, want := range map[string]string{
		"replay a":                "0 1 of 1 letters replayed.\n",
		"replay c":                "1 0 of 1 letters replayed.\nmeshctl: hunt-1: letter c of clue.clue.solved, handler award: no such letter\n",
		"drop a":                  "1 0 of 1 letters dropped.\nmeshctl: score-1: letter a of clue.clue.solved, handler award: it did not answer in time, or no link leads there\n",
		"replay b --node score-1": "0 1 of 1 letters replayed.\n",
	} {
		stdout, stderr, code := meshctl(append([]string{"letters"}, append(strings.Fields(args), "-s", tap, "--operator", seed)...)...)
		if got := strconv.Itoa(code) + " " + stdout + stderr; !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s, want %s", args, got, want)
		}
	}
}
