package replay

import (
	"time"

	"leafmesh/services/score"
)

// Result is what a replay found. Its JSON form is what `replay -json` prints.
type Result struct {
	Guesses    int `json:"guesses"`    // submitted, each judged
	Correct    int `json:"correct"`    // judged so by clue
	Wrong      int `json:"wrong"`      // judged so by clue
	Mismatches int `json:"mismatches"` // judged otherwise than in the log, or not looked at
	Skipped    int `json:"skipped"`    // rows of the log that could not be used
	Teams      int `json:"teams"`
	// ElapsedSeconds is the time from the first guess until every solve was in the databases of
	// hunt and score. Starting nodes and joining teams is not in it, nor are announcements that a
	// rule holds back.
	ElapsedSeconds float64 `json:"elapsed_seconds"`
	// Nodes holds the nodes' counters; empty when the nodes are other processes.
	Nodes       map[string]Counters `json:"nodes"`
	Leaderboard []Standing          `json:"leaderboard"`
}

// Counters are a node's counters, summed over places and rules: event type → outcome → how many
// events. "admitted", "delivered" (once for each handler), "handled", "exported", "imported" and so
// on; see mesh.Outcome.
type Counters map[string]map[string]uint64

// Standing is a team's place on the leaderboard.
type Standing struct {
	Rank      int        `json:"rank"` // from 1
	Team      string     `json:"team"`
	Points    int        `json:"points"`
	Solves    int        `json:"solves"`
	LastSolve *time.Time `json:"last_solve"` // null without a solve
}

// Standings takes over rows of score's leaderboard.
func Standings(rows []score.Row) []Standing {
	standings := make([]Standing, len(rows))
	for i, r := range rows {
		standings[i] = Standing{Rank: r.Rank, Team: r.Team, Points: r.Points, Solves: r.Solves, LastSolve: r.LastSolve}
	}
	return standings
}
