package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"leafmesh/mesh"
	"leafmesh/mesh/inproc"
	"leafmesh/services/clue"
	"leafmesh/services/huntfile"
)

func open(t *testing.T, o Options) *Cluster {
	t.Helper()
	o.Data = t.TempDir()
	c, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func closeAll(t *testing.T, c *Cluster) {
	t.Helper()
	if err := c.Close(context.Background()); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// TestOneTeam follows one team through all three services, and looks for what is left afterwards.
func TestOneTeam(t *testing.T) {
	defer goleak.VerifyNone(t)
	c := open(t, Options{HTTP: "127.0.0.1:0"})
	defer closeAll(t, c)
	for _, url := range []string{c.Clue.URL(), c.Hunt.URL(), c.Score.URL()} {
		response, err := http.Get(url + "/healthz")
		if err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("%s: %v, %v", url, response, err)
		}
		if err := response.Body.Close(); err != nil {
			t.Error(err)
		}
	}
	http.DefaultClient.CloseIdleConnections()

	const team = `The "Ö" 🦉`
	if _, err := c.Hunt.Join(c.Nodes[1].Context(t.Context()), team, time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := c.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	first := c.Played.Clues[0]
	if _, err := c.Clue.Submit(c.Nodes[0].Context(t.Context()), clue.Submission{Team: team, Clue: first.ID, Guess: first.Answers[0]}); err != nil {
		t.Fatal(err)
	}
	if err := c.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	rows, err := c.Score.Leaderboard(t.Context(), 0)
	if err != nil || len(rows) != 1 || rows[0].Team != team || rows[0].Points != first.Points {
		t.Errorf("the leaderboard is %+v, %v", rows, err)
	}
	if losses := c.Nodes.Losses(); len(losses) > 0 {
		t.Errorf("lost: %v", losses)
	}
}

// What the shipped files say of exports, imports and limits is what runs.
func TestRunsTheShippedConfiguration(t *testing.T) {
	s, sampleHunt, err := shipped()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.adapt(Options{Data: "d", NoHTTP: true}); err != nil {
		t.Fatal(err)
	}
	if s.clue.Data != "d" || s.hunt.HTTP != "" || len(sampleHunt.Clues) < 12 {
		t.Errorf("adapted to %+v with %d clues", s, len(sampleHunt.Clues))
	}
	if s.clue.TrustTime {
		t.Error("the shipped configuration trusts the callers' time")
	}
	exports := make(map[string]bool)
	for _, m := range []mesh.Config{s.clue.Mesh, s.hunt.Mesh, s.score.Mesh} {
		for _, e := range m.Exports {
			exports[e.Event] = true
			if e.Limit.Unlimited() {
				t.Errorf("%s leaves without a limit", e.Event)
			}
		}
		for _, i := range m.Imports {
			if i.Limit.Unlimited() {
				t.Errorf("%s enters %s without a limit", i.Event, m.Name)
			}
		}
	}
	want := []string{"clue.clue.solved", "clue.hint.taken", "hunt.clue.unlocked", "hunt.team.finished", "score.leaderboard.changed"}
	for _, event := range want {
		if !exports[event] {
			t.Errorf("%s is not exported", event)
		}
	}
	if len(exports) != len(want) {
		t.Errorf("exported are %v, want %v", exports, want)
	}
}

func TestOpenFailsAndLeavesNothing(t *testing.T) {
	defer goleak.VerifyNone(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	data := t.TempDir()
	_, err = Open(t.Context(), Options{Data: data, HTTP: taken.Addr().String()})
	if err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("a taken address: %v", err)
	}

	other := &huntfile.Hunt{ID: "other", Title: "Other", Clues: []huntfile.Clue{
		{ID: "a", Title: "A", Answers: []string{"a"}, Unlock: huntfile.Rule{Start: true}}}}
	if _, err := Open(t.Context(), Options{Data: data, Hunt: other, NoHTTP: true}); err == nil || !strings.Contains(err.Error(), "other") {
		t.Errorf("databases of another hunt: %v", err)
	}
	if _, err := Open(t.Context(), Options{Data: t.TempDir(), HTTP: "nonsense"}); err == nil {
		t.Error("a nonsense address was taken")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ended, Options{Data: t.TempDir(), NoHTTP: true}); !errors.Is(err, context.Canceled) {
		t.Errorf("an ended context: %v", err)
	}
}

// A handler that does not end keeps the cluster from settling; the error says where.
func TestSettleSaysWhatIsMissing(t *testing.T) {
	release := make(chan struct{})
	slow := clue.Judged.Handle("slow", func(context.Context, clue.AnswerJudged) error { <-release; return nil })
	c := open(t, Options{NoHTTP: true, ClueHandlers: []mesh.Handler{slow}})
	defer closeAll(t, c)
	defer close(release)
	if _, err := c.Clue.Submit(c.Nodes[0].Context(t.Context()), clue.Submission{Team: "x", Clue: "y", Guess: "z"}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	err := c.Settle(ctx)
	if e, ok := errors.AsType[*inproc.UnsettledError](err); !ok || e.Waiting["clue-1"] != 1 || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want one event waiting at clue-1", err)
	}
}

// An event that is in a database and not yet in its node is on its way. What a cluster leaves there
// comes when it is opened again.
func TestSettleWaitsForTheOutboxes(t *testing.T) {
	data := t.TempDir()
	c, err := Open(t.Context(), Options{Data: data, NoHTTP: true})
	if err != nil {
		t.Fatal(err)
	}
	c.Hunt.StopRelaying()
	if _, err := c.Hunt.Join(c.Nodes[1].Context(t.Context()), "owls", time.Now()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	for _, wait := range []func(context.Context) error{c.Settle, c.Close} {
		err := wait(ctx)
		if e, ok := errors.AsType[*inproc.UnsettledError](err); !ok || e.Waiting["hunt-1"] != 1 {
			t.Errorf("got %v, want one event waiting at hunt-1", err)
		}
	}

	again, err := Open(t.Context(), Options{Data: data, NoHTTP: true})
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll(t, again)
	if err := again.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if open := again.Clue.Clues("owls", time.Now()); len(open) == 0 {
		t.Error("clue does not know of the team")
	}
}

func TestAddresses(t *testing.T) {
	for addr, want := range map[string]string{
		"127.0.0.1:8081":  "127.0.0.1:8081 127.0.0.1:8082 127.0.0.1:8083",
		"127.0.0.1:0":     "127.0.0.1:0 127.0.0.1:0 127.0.0.1:0",
		":9000":           ":9000 :9001 :9002",
		"[::1]:9000":      "[::1]:9000 [::1]:9001 [::1]:9002",
		"localhost:65533": "localhost:65533 localhost:65534 localhost:65535",
	} {
		all, err := Addresses(addr)
		if got := strings.Join(all[:], " "); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", addr, got, err, want)
		}
	}
	for _, bad := range []string{"", "8081", "host", "host:", "host:http", "host:-1", "host:65534", "a:b:c"} {
		if all, err := Addresses(bad); err == nil {
			t.Errorf("%q gives %v", bad, all)
		}
	}
}

// Whatever was admitted before Close is in all databases after it.
func TestCloseLosesNothing(t *testing.T) {
	const teams = 400 // enough for some to be on their way
	data := t.TempDir()
	c, err := Open(t.Context(), Options{Data: data, NoHTTP: true})
	if err != nil {
		t.Fatal(err)
	}
	for i := range teams {
		if _, err := c.Hunt.Join(c.Nodes[1].Context(t.Context()), fmt.Sprint("team ", i), time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	first := c.Played.Clues[0]
	for i := range teams {
		guess := clue.Submission{Team: fmt.Sprint("team ", i), Clue: first.ID, Guess: first.Answers[0]}
		if _, err := c.Clue.Submit(c.Nodes[0].Context(t.Context()), guess); err != nil {
			t.Fatal(err)
		}
	}
	closeAll(t, c)

	again, err := Open(t.Context(), Options{Data: data, NoHTTP: true})
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll(t, again)
	rows, err := again.Score.Leaderboard(t.Context(), 0)
	if err != nil || len(rows) != teams {
		t.Errorf("score knows %d of %d teams, %v", len(rows), teams, err)
	}
	for i := range teams {
		if p, err := again.Hunt.Progress(t.Context(), fmt.Sprint("team ", i)); err != nil || len(p.Solved) != 1 {
			t.Errorf("hunt knows %d solves of team %d, %v", len(p.Solved), i, err)
		}
	}
}
