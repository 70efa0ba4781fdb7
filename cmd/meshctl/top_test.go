package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"leafmesh/cmd/meshctl/internal/traffic"
	"leafmesh/mesh"
	"leafmesh/mesh/inproc"
	"leafmesh/mesh/stats"
	"leafmesh/mesh/why"
)

// top shows what happened while it counted, on all nodes.
func TestTop(t *testing.T) {
	nodes, servers, _ := openNodes(t)
	stop := make(chan struct{})
	done := make(chan error)
	go func() {
		for {
			select {
			case <-stop:
				done <- nil
				return
			default:
				if err := given.Emit(nodes[0].Context(context.Background()), solved{"owls"}); err != nil {
					done <- err
					return
				}
				time.Sleep(time.Millisecond) // a rate, not a storm
			}
		}
	}()
	stdout, stderr, code := meshctl("top", "--once", "--every", "300ms", "-s", servers[0], "-s", servers[1])
	var seen happening
	asJSON, _, _ := meshctl("top", "--once", "--every", "300ms", "-o", "json", "-s", servers[0], "-s", servers[1])
	close(stop)
	if err := <-done; err != nil {
		t.Error(err)
	}
	for _, part := range []string{"TYPE ", "clue.answer.given  ", "HANDLER ", "award    score-1  clue.clue.solved", "WENT WRONG ", "no such team"} {
		if code != 0 || stderr != "" || !strings.Contains(stdout, part) {
			t.Errorf("exit %d, %q, no %q in\n%s", code, stderr, part, stdout)
		}
	}
	if err := json.Unmarshal([]byte(asJSON), &seen); err != nil {
		t.Fatal(err)
	}
	rates := map[string]traffic.Type{}
	for _, r := range seen.Types {
		rates[r.Type] = r
	}
	if r := rates["clue.answer.given"]; r.Emitted < 10 || r.Handled < 10 || r.Imported != 0 {
		t.Errorf("%+v", r)
	}
	if r := rates["score.points.awarded"]; r.Failed < 10 {
		t.Errorf("%+v", r)
	}
	if len(seen.Worst) == 0 || seen.Worst[0].Began != "clue.answer.given" || seen.Worst[0].Worst.Error != "no such team" || seen.Worst[0].Worst.Node != "score-1" {
		t.Errorf("worst %+v", seen.Worst)
	}
	if len(seen.Slowest) == 0 || seen.Slowest[0].Took <= 0 || seen.Slowest[0].Node == "" || seen.Slowest[0].Root.IsZero() {
		t.Errorf("slowest %+v", seen.Slowest)
	}
	if r := rates["clue.clue.solved"]; r.Imported < 10 || r.Exported < 10 {
		t.Errorf("%+v", r)
	}
}

// Kept cascades that cannot be read are told of, and hide no others: by top, why and doctor.
func TestDamagedCascades(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	folder := t.TempDir()
	nodes, err := inproc.Open(ctx, mesh.Config{Name: "clue-1", Data: mesh.Path(folder), Exports: []mesh.Export{{Event: right.Subject(), KeptFor: []string{"score"}}},
		Tap: &mesh.Tap{Listen: "127.0.0.1:0", User: "operator", Password: mesh.NewSecret("HT4KCKDU6GDQSHZO5XR6QWKTYA")},
		Handlers: []mesh.Handler{
			given.Handle("judge", func(context.Context, solved) error { return errors.New("no such team") }, mesh.Retry{Tries: 1})}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := nodes.Close(ctx); err != nil {
			t.Error(err)
		}
	}()
	if err := given.Emit(nodes[0].Context(ctx), solved{"otters"}); err != nil {
		t.Fatal(err)
	}
	root := rootKept(t, nodes[0])
	volume, err := os.OpenFile(filepath.Join(folder, "cascades", "faults.1"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := volume.WriteString("half a page"); err != nil {
		t.Fatal(err)
	}
	if err := volume.Close(); err != nil {
		t.Fatal(err)
	}
	server := "nats://operator:HT4KCKDU6GDQSHZO5XR6QWKTYA@" + nodes[0].TapAddr()
	stdout, stderr, code := meshctl("why", "-s", server, root.String())
	if code != 0 || stderr != "" || !strings.Contains(stdout, "no such team") ||
		!strings.Contains(stdout, "Not known:\n  clue-1 cannot read all that it kept: kept cascades in faults.1: a page is cut or was changed") {
		t.Errorf("why: exit %d, %q\n%s", code, stderr, stdout)
	}
	stdout, stderr, code = meshctl("why", "-s", server, "0199b2c4-1234-7abc-8def-0123456789ab")
	if code != 1 || !strings.Contains(stdout, "clue-1 cannot read all that it kept") {
		t.Errorf("why of an event that is not known: exit %d, %q\n%s", code, stderr, stdout)
	}
	stdout, stderr, code = meshctl("doctor", "-s", server)
	if code != 1 || !strings.Contains(stdout, "× recorders") || !strings.Contains(stdout, "    clue-1: mesh: read the cascades that node clue-1 keeps: kept cascades in faults.1: ") {
		t.Errorf("doctor: exit %d, %q\n%s", code, stderr, stdout)
	}
	stdout, stderr, code = meshctl("top", "--once", "--every", "100ms", "-s", server)
	if code != 0 || !strings.Contains(stdout, "no such team") || strings.Count(stderr, "kept cascades in faults.1: a page is cut or was changed") != 1 {
		t.Errorf("exit %d, %q\n%s", code, stderr, stdout)
	}
}

// Who does not answer is named once by a command that shows one table.
func TestTopOnceNamesTheSilentOnce(t *testing.T) {
	servers, _ := openMesh(t)
	_, stderr, code := meshctl("top", "--once", "--every", "100ms", "-s", servers[0], "-s", "nats://operator@127.0.0.1:1")
	if n := strings.Count(stderr, "could not be asked"); code != 1 || n != 1 {
		t.Errorf("exit %d, named %d times:\n%s", code, n, stderr)
	}
}

// It goes on until it is interrupted: a document each time, or a screen that is written anew.
func TestTopGoesOn(t *testing.T) {
	servers, _ := openMesh(t)
	for _, test := range []struct {
		format   string
		terminal bool
		mark     string
	}{{"json", false, "\n"}, {"yaml", false, "---\n"}, {"table", true, clearScreen}, {"table", false, "\n\nTYPE"}} {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		out := &until{enough: func(text string) bool { return strings.Count(text, test.mark) >= 2 }, cancel: cancel}
		var problems bytes.Buffer
		code := run(ctx, []string{"top", "--every", "100ms", "-o", test.format, "-s", servers[0]}, input{}, output{out, &problems, test.terminal})
		if code != 0 || !out.enough(out.text) || problems.Len() > 0 {
			t.Errorf("%s: exit %d, %q, %q", test.format, code, problems.String(), out.text)
		}
		cancel()
	}
	if _, stderr, code := meshctl("top", "--every", "1ms", "-s", servers[0]); code != 1 || stderr != "meshctl: --every 1ms is too short to count anything: give 100ms or more\n" {
		t.Errorf("exit %d, %s", code, stderr)
	}
}

// until is a writer that has enough at some time.
type until struct {
	text   string
	enough func(text string) bool
	cancel func()
}

func (u *until) Write(p []byte) (int, error) {
	if u.text += string(p); u.enough(u.text) {
		u.cancel()
	}
	return len(p), nil
}

// Long lists are cut, and what waits and hangs is shown.
func TestTopTables(t *testing.T) {
	var s []traffic.Stopped
	for _, rule := range []string{"a", "b", "c"} {
		s = append(s, traffic.Stopped{Node: "clue-1", Rule: rule, Type: "a.b.c", Outcome: stats.Refused, Place: "emit", Rate: 12.345, Total: 3})
	}
	var b strings.Builder
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	err := topCommand{Rows: 2}.tables(&b, happening{Traffic: traffic.Traffic{Stopped: s, Waiting: []traffic.Waiting{{Node: "clue-1", Line: stats.Line{Rule: "slow", Waiting: 4, Keys: 2, Longest: "otters"}}},
		LongCalls: []traffic.LongCall{{Node: "clue-1", Running: stats.Running{Handler: "judge", For: time.Minute}}}}, topCascades: topCascades{moreSlowest: 3,
		Slowest: []nodeSlowest{{"clue-1", stats.Slowest{Of: stats.MeasuredHandling, Type: "a.b.c", Place: "handler judge", Took: 1500 * time.Millisecond, At: at}},
			{"score-1", stats.Slowest{Of: stats.MeasuredLink, Type: "a.b.c", Peer: "clue-1", Took: 250 * time.Millisecond, At: at}}, {"score-1", stats.Slowest{}}},
		Worst: []why.Summary{{Began: "a.b.a", Key: "otters", Until: at.UnixNano(), Worst: why.Worst{Type: "a.b.c", Error: "no such team", Step: why.Step{Node: "score-1", Place: "handler judge", Outcome: stats.Failed}}},
			{Began: "a.b.a", Until: at.UnixNano(), Worst: why.Worst{Type: "a.b.c", Step: why.Step{Node: "clue-1", Place: "emit", Outcome: stats.Refused, Rule: "few"}}}}}})
	want := `No events yet.

STOPPED BY  NODE    PLACE  TYPE   OUTCOME  RATE/s  TOTAL
a           clue-1  emit   a.b.c  refused  12.3    3
b           clue-1  emit   a.b.c  refused  12.3    3
and 1 more

WAIT FOR  NODE    PLACE  TYPE  EVENTS  KEYS  OLDEST  MOST WAIT WITH
slow      clue-1               4       2     0s      otters

RUNS FOR  NODE    HANDLER  TYPE  KEY  ROOT
1m0s      clue-1  judge               00000000-0000-0000-0000-000000000000

TOOK   NODE     FOR       TYPE   PLACE             AT                   ROOT
1.5s   clue-1   handling  a.b.c  handler judge     2026-03-01 12:00:00  00000000-0000-0000-0000-000000000000
250ms  score-1  link      a.b.c  link from clue-1  2026-03-01 12:00:00  00000000-0000-0000-0000-000000000000
and 4 more

WENT WRONG           BEGAN WITH  KEY     TYPE   OUTCOME  PLACE          NODE     ERROR OR RULE  ROOT
2026-03-01 12:00:00  a.b.a       otters  a.b.c  failed   handler judge  score-1  no such team   00000000-0000-0000-0000-000000000000
2026-03-01 12:00:00  a.b.a               a.b.c  refused  emit           clue-1   few            00000000-0000-0000-0000-000000000000
`
	if err != nil || b.String() != want {
		t.Errorf("%v\n%s", err, b.String())
	}
	for rate, want := range map[float64]string{0: "0", 0.004: "0", 0.5: "0.5", 1.234: "1.23", 99.99: "100", 1234.5: "1234"} {
		if got := rateText(rate); got != want {
			t.Errorf("%v is %s, want %s", rate, got, want)
		}
	}
}
