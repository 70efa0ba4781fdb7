package main

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/nats-io/nats.go"

	"leafmesh/embedded/client"
	"leafmesh/mesh/meshtest"
	"leafmesh/mesh/stats"
	"leafmesh/services/clue"
	"leafmesh/services/huntfile"
)

// whyHunt is what the team plays in TestWhy: it opens nothing else, so that the cascade is short.
var whyHunt = &huntfile.Hunt{ID: "why", Title: "Why", Clues: []huntfile.Clue{
	{ID: "boat", Title: "Boat", Points: 3, Answers: []string{"boat"}, Unlock: huntfile.Rule{Start: true}},
	{ID: "mast", Title: "Mast", Points: 3, Answers: []string{"mast"}, Unlock: huntfile.Rule{Start: true}},
	{ID: "sail", Title: "Sail", Points: 3, Answers: []string{"sail"}, Unlock: huntfile.Rule{Start: true}},
}}

// tapPassword is that of all nodes.
const tapPassword = "HT4KCKDU6GDQSHZO5XR6QWKTYA"

// TestWhy is the walk-through of docs/why.md: three daemons as processes; the third event of a
// cascade that begins on clue fails on score, for one team. From the line of score's log alone, one
// command at one node finds the cause and the path: at once, after score was killed and started
// again, and while clue refuses events in a storm.
func TestWhy(t *testing.T) {
	t.Parallel()
	w := newInvestigation(t)
	w.breakStandings(t)
	line := w.fail(t, "boat")
	text := w.why(t, "score", line)
	t.Logf("%s\n\n%s", line, text) // for the page
	w.wantCause(t, text)
	w.wantDocument(t, line)
	w.wantCause(t, w.why(t, "clue", line)) // any node of the path will do

	if err := w.fleet.daemons[2].kill(); err != nil {
		t.Fatal(err)
	}
	if err := w.fleet.daemons[2].start(); err != nil {
		t.Fatal(err)
	}
	w.fleet.daemons[2].await(t, `msg="(linked)`)
	w.wantCause(t, w.why(t, "score", line))
	w.wantCause(t, w.why(t, "clue", line))

	end := w.storm(t)
	w.wantCause(t, w.why(t, "score", line)) // the old one
	line = w.fail(t, "mast")                // and one of now
	w.wantCause(t, w.why(t, "score", line))
	w.wantCause(t, w.why(t, "clue", line))
	end()
}

// investigation is what TestWhy works with.
type investigation struct {
	fleet   *fleet
	meshctl string
	client  *client.Client
	taps    map[string]string // by service: its address
	seen    int               // lines of score's log that were read
}

func newInvestigation(t *testing.T) *investigation {
	t.Helper()
	programs := build(t)
	w := &investigation{meshctl: filepath.Join(programs, "meshctl"), taps: map[string]string{}}
	if out, err := exec.Command("go", "build", "-o", programs, "leafmesh/cmd/meshctl").CombinedOutput(); err != nil {
		t.Fatalf("build meshctl: %v\n%s", err, out)
	}
	password := filepath.Join(t.TempDir(), "password")
	write(t, password, []byte(tapPassword))
	w.fleet = startFleet(t, programs, whyHunt, direct, func(service string, node map[string]any) {
		w.taps[service] = meshtest.FreeAddress(t)
		node["tap"] = map[string]any{"listen": w.taps[service], "user": "operator", "password": map[string]string{"file": password}}
		if service == "clue" {
			node["limits"] = []any{map[string]any{"event": clue.Submitted.Subject(), "by": "key", "limit": map[string]any{"rate": "1/s", "burst": 5, "policy": "refuse"}}}
		}
	})
	var err error
	if w.client, err = client.New(w.fleet.urls["clue"], w.fleet.urls["hunt"], w.fleet.urls["score"], 1); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.client.Close)
	if err := w.client.Join(t.Context(), "otters"); err != nil {
		t.Fatal(err)
	}
	return w
}

// breakStandings lets the standing of one team get lost as soon as it is written. So score counts
// its points, and the next event, which announces them, fails.
func (w *investigation) breakStandings(t *testing.T) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(w.fleet.dir, "data-score", "score.db")+"?_pragma=busy_timeout(30000)")
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Exec(`CREATE TRIGGER lost AFTER INSERT ON teams WHEN NEW.team = 'otters' BEGIN DELETE FROM teams WHERE team = 'otters'; END`)
	if err = errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

// fail lets the team solve a clue, and returns the line of score's log about what fails then.
func (w *investigation) fail(t *testing.T, solve string) string {
	t.Helper()
	score := w.fleet.daemons[2]
	w.seen = max(w.seen, score.begin)
	score.begin = w.seen // await looks from there on
	for deadline := time.Now().Add(30 * time.Second); ; {
		verdict, err := w.client.Answer(t.Context(), "otters", solve, solve, time.Now())
		if err == nil && verdict == "correct" {
			break
		}
		if time.Now().After(deadline) { // the clue may not be open yet
			t.Fatalf("the guess is %q, %v", verdict, err)
		}
		pause(t.Context(), 100*time.Millisecond)
	}
	line := score.await(t, `(.*msg="handler failed".*type=score\.points\.awarded.*)`)
	score.await(t, `(msg="event given up")`)
	w.seen = score.log.len()
	return line
}

// why runs meshctl why at one node, with nothing but a line of a log.
func (w *investigation) why(t *testing.T, service, line string) string {
	t.Helper()
	begun := time.Now()
	out, err := exec.CommandContext(t.Context(), w.meshctl, "why", "-f", filepath.Join(w.fleet.dir, service+".yaml"), line).CombinedOutput()
	if err != nil {
		t.Fatalf("meshctl why at %s: %v\n%s", service, err, out)
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	return string(out)
}

// wantCause fails unless the cause comes first, and then the path from clue to score.
func (w *investigation) wantCause(t *testing.T, text string) {
	t.Helper()
	if stored := "outbox on clue-1: stored"; !strings.Contains(text, stored) { // anywhere: readers may have it before its answer comes
		t.Fatalf("no %q in\n%s", stored, text)
	}
	rest := text
	for _, part := range []string{"score.points.awarded (key otters), handler announce on score-1: given up, 3 calls in ", `: read standing of team "otters": sql: no rows in result set`,
		"\nclue.answer.submitted (key otters) from clue-1 at ", "handler judge on clue-1: handled in ", "─ clue.clue.solved (key otters) from clue-1 +",
		"import on score-1: came", "handler count-solve on score-1: handled in ", "─ score.points.awarded (key otters) from score-1 +",
		"  ← asked for", "handler announce on score-1: given up, 3 calls in ", `read standing of team "otters": sql: no rows in result set (3 times)`} {
		_, after, found := strings.Cut(rest, part)
		if !found {
			t.Fatalf("no %q, in its place, in\n%s", part, text)
		}
		rest = after
	}
	if strings.Contains(text, "Not known") || strings.Contains(text, "not known") {
		t.Errorf("something is not known in\n%s", text)
	}
}

// wantDocument fails unless the page shows this command and what it prints, but for ids, times and
// the order of what happens at one time.
func (w *investigation) wantDocument(t *testing.T, line string) {
	t.Helper()
	page, err := os.ReadFile("../docs/why.md")
	if err != nil {
		t.Fatal(err)
	}
	_, shown, found := strings.Cut(string(page), "\n    meshctl why -f configs/score.yaml ")
	_, shown, began := strings.Cut(shown, "\n\n")
	if !found || !began {
		t.Error("docs/why.md does not show the command")
		return
	}
	var lines []string
	for line := range strings.Lines(shown) {
		plain, indented := strings.CutPrefix(line, "    ")
		if !indented && line != "\n" {
			break
		}
		lines = append(lines, plain)
	}
	// Sorted: what nodes do side by side comes in either order. The order of what follows from each
	// other wantCause looks at.
	want := facts(strings.Join(lines, ""))
	slices.Sort(want)
	for deadline := time.Now().Add(10 * time.Second); ; pause(t.Context(), 100*time.Millisecond) { // hunt may not have ended
		text := w.why(t, "score", line)
		got := facts(text)
		slices.Sort(got)
		if slices.Equal(got, want) {
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("docs/why.md shows\n%s\nit is\n%s", strings.Join(want, "\n"), text)
			return
		}
	}
}

var varies = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\d [\d:.]+|, waited [\d.]+[nµm]?s|[+-]?[\d.]+[nµm]?s\b|^[│├└─ ]+`)

// facts are the lines of an explanation without what varies, in a fixed order.
func facts(text string) (lines []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(varies.ReplaceAllString(line, "")); line != "" {
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	return lines
}

// storm lets clue refuse events as fast as it can until the returned function is called. It returns
// when 10,000 were refused.
func (w *investigation) storm(t *testing.T) (end func()) {
	t.Helper()
	conn, err := nats.Connect("nats://"+w.taps["clue"], nats.UserInfo("operator", tapPassword))
	if err != nil {
		t.Fatal(err)
	}
	payload, err := cbor.Marshal(clue.AnswerSubmitted{Attempt: "0000000000", Team: "storm", Clue: "boat", Guess: "x", At: time.Now().UnixMilli()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		var err error
		for ctx.Err() == nil && err == nil {
			for range 500 {
				err = cmp.Or(err, conn.Publish("mesh.emit.clue.answer.submitted.storm", payload))
			}
			err = cmp.Or(err, conn.Flush())
		}
		ended <- err
	}()
	refused := func() uint64 {
		m, err := conn.Request("mesh.ops.stats", nil, 5*time.Second)
		var s stats.Stats
		if err == nil {
			err = json.Unmarshal(m.Data, &s)
		}
		if err != nil {
			t.Fatal(fmt.Errorf("ask clue-1: %w", err))
		}
		return s.Of(clue.Submitted.Subject(), stats.Refused)
	}
	for deadline := time.Now().Add(30 * time.Second); refused() < 10_000; pause(t.Context(), 10*time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("there is no storm")
		}
	}
	begun := refused()
	return func() {
		if refused() <= begun {
			t.Error("the storm has ended before")
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		conn.Close()
	}
}
