package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"leafmesh/embedded/guesslog"
	"leafmesh/embedded/guesslog/testlog"
	"leafmesh/embedded/replay"
	"leafmesh/services/huntfile"
)

// run runs the command and returns its exit status, what was asked for and what was said about it.
func run(ctx context.Context, args ...string) (status int, out, err string) {
	var o, e bytes.Buffer
	status = Run(ctx, args, streams{out: &o, err: &e})
	return status, o.String(), e.String()
}

func TestReplayPrintsJSONAlone(t *testing.T) {
	defer goleak.VerifyNone(t)
	log := testlog.Small(t)
	status, out, warnings := run(t.Context(), "replay", "-log", log.Path, "-json")
	if status != 0 {
		t.Fatalf("status %d: %s", status, warnings)
	}
	var result replay.Result
	decoder := json.NewDecoder(strings.NewReader(out))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&result); err != nil || decoder.More() {
		t.Fatalf("the output is no JSON object alone: %v\n%s", err, out)
	}
	if result.Guesses != log.Guesses || result.Correct != log.Correct || result.Mismatches != 0 || result.Skipped != log.Skipped {
		t.Errorf("the result is %+v", result)
	}
	checkKeys(t, out)
	// Ten rows are told of one by one, each with its line, and how many more there are.
	if n := len(regexp.MustCompile(`(?m)small-log\.csv:\d+: row skipped: .+$`).FindAllString(warnings, -1)); n != 10 {
		t.Errorf("%d skipped rows are reported, want 10:\n%s", n, warnings)
	}
	if !strings.Contains(warnings, "4 more rows skipped") {
		t.Errorf("the other skipped rows are not counted:\n%s", warnings)
	}
}

// checkKeys checks the names that programs read.
func checkKeys(t *testing.T, out string) {
	t.Helper()
	var keys struct {
		Top   map[string]json.RawMessage
		Nodes map[string]map[string]map[string]uint64 `json:"nodes"`
		Board []map[string]any                        `json:"leaderboard"`
	}
	if err := json.Unmarshal([]byte(out), &keys.Top); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(out), &keys); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"guesses", "correct", "wrong", "mismatches", "skipped", "teams", "elapsed_seconds", "nodes", "leaderboard"} {
		if _, found := keys.Top[key]; !found {
			t.Errorf("no %q", key)
		}
	}
	for _, key := range []string{"rank", "team", "points", "solves", "last_solve"} {
		if _, found := keys.Board[0][key]; !found {
			t.Errorf("no %q in the leaderboard", key)
		}
	}
	if keys.Nodes["clue-1"]["clue.clue.solved"]["stored"] == 0 || len(keys.Nodes) != 3 {
		t.Errorf("the nodes' counters are %v", keys.Nodes)
	}
}

func TestReplayPrintsASummary(t *testing.T) {
	data := filepath.Join(t.TempDir(), "new")
	status, out, warnings := run(t.Context(), "replay", "-log", testlog.Small(t).Path, "-data", data)
	if status != 0 {
		t.Fatalf("status %d: %s", status, warnings)
	}
	for _, want := range []string{"433 guesses of 14 teams", "79  correct", "354  wrong", "0  mismatches", "14  rows skipped",
		"clue-1   clue.answer.judged", "rank  points", "and 3 more teams"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	for _, name := range []string{"clue.db", "hunt.db", "score.db"} {
		if _, err := os.Stat(filepath.Join(data, name)); err != nil {
			t.Errorf("-data keeps no database: %v", err)
		}
	}
	status, _, warnings = run(t.Context(), "replay", "-log", testlog.Small(t).Path, "-data", data)
	if status != 1 || !strings.Contains(warnings, "is not empty") {
		t.Errorf("a second replay on the same databases: status %d, %s", status, warnings)
	}
}

func TestWrongFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "none.csv"): "no such file",
		dir:                            "is a directory",
		write("empty.csv", ""):         "the file is empty",
		write("other.csv", "a,b\nc,d"): "no row has the form",
	} {
		for _, command := range []string{"replay", "derive"} {
			status, out, err := run(t.Context(), command, "-log", path)
			if status != 1 || out != "" || !strings.Contains(err, want) || !strings.Contains(err, path) {
				t.Errorf("%s %s: status %d, output %q, error %q; want %q", command, path, status, out, err, want)
			}
		}
	}
	if status, _, err := run(t.Context(), "-data", write("file", "x"), "-for", "1s"); status != 1 || !strings.Contains(err, "not a directory") {
		t.Errorf("-data is a file: status %d, %s", status, err)
	}
}

func TestStatusOfWrongArguments(t *testing.T) {
	if status, out, err := run(t.Context(), "replay"); status != 2 || out != "" || !strings.Contains(err, "-log FILE is missing") {
		t.Errorf("status %d, output %q, error %q", status, out, err)
	}
	if status, out, err := run(t.Context(), "-help"); status != 0 || !strings.Contains(out, "-for DURATION") || err != "" {
		t.Errorf("status %d, output %q, error %q", status, out, err)
	}
}

func TestDerivePrintsAHuntFile(t *testing.T) {
	log := testlog.Small(t)
	status, out, warnings := run(t.Context(), "derive", "-log", log.Path)
	if status != 0 {
		t.Fatalf("status %d: %s", status, warnings)
	}
	path := filepath.Join(t.TempDir(), "hunt.yaml")
	if err := os.WriteFile(path, []byte(out), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := huntfile.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	read, err := guesslog.Read(log.Path)
	if err != nil {
		t.Fatal(err)
	}
	want, err := guesslog.Derive(read)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want.Hunt) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want.Hunt)
	}
}

// An interrupted replay stops, says where, and prints no result. One that was interrupted while it
// began was so too early.
func TestReplayStopsWhenInterrupted(t *testing.T) {
	defer goleak.VerifyNone(t)
	for after := 250 * time.Millisecond; ; after *= 2 {
		ctx, cancel := context.WithTimeout(t.Context(), after)
		status, out, err := run(ctx, "replay", "-log", testlog.Small(t).Path, "-speed", "1", "-json")
		cancel()
		if status != 1 || out != "" {
			t.Fatalf("after %v: status %d, output %q, error %q", after, status, out, err)
		}
		if strings.Contains(err, "stopped at line") {
			return
		}
		if after > time.Minute {
			t.Fatalf("after %v: %q", after, err)
		}
	}
}

func TestReplayAgainstNobody(t *testing.T) {
	const nobody = "http://127.0.0.1:1"
	status, out, err := run(t.Context(), "replay", "-log", testlog.Small(t).Path, "-clue", nobody, "-hunt", nobody, "-score", nobody)
	if status != 1 || out != "" || !strings.Contains(err, "connection refused") {
		t.Errorf("status %d, output %q, error %q", status, out, err)
	}
}
