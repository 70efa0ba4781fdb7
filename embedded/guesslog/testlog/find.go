// Package testlog finds guess logs for tests: the small one of the project's own making, always
// there, and a real one that may lie beside the project.
package testlog

import (
	"os"
	"path/filepath"
	"testing"
)

// Log is a log and what is known of it.
type Log struct {
	Name    string
	Path    string
	Guesses int // rows that can be used
	Correct int // of these, rows with a Y
	Skipped int // rows that cannot be used
	Teams   int
	Solved  int // teams with at least one solve
	// Board is a table of the hunt's organisers, team and solves among its columns; empty: none.
	Board string
}

// Small is the small log. guesslog's tests write it.
func Small(t testing.TB) Log {
	return Log{Name: "small", Path: filepath.Join(root(t), "embedded", "testdata", "small-log.csv"),
		Guesses: 433, Correct: 79, Skipped: 14, Teams: 14, Solved: 13}
}

// All is the small log, and the real one if it lies in ../shared/data beside the project. Where it
// does not, the test says so in its log, and nothing is left out but the same test with more rows.
func All(t testing.TB) []Log {
	logs := []Log{Small(t)}
	folder := filepath.Join(root(t), "..", "shared", "data", "gph2018")
	real := Log{Name: "real", Path: filepath.Join(folder, "guess_log.csv"), Board: filepath.Join(folder, "bigboard.csv"),
		Guesses: 38508, Correct: 6495, Teams: 458, Solved: 446}
	if _, err := os.Stat(real.Path); err != nil {
		t.Logf("no real guess log found beside the project: %v", err)
		return logs
	}
	return append(logs, real)
}

// root is the folder of go.mod.
func root(t testing.TB) string {
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
}
