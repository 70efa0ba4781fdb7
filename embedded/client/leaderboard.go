package client

import (
	"context"
	"net/http"
	"strconv"
	"time"
)

// MaxRows is how many rows of the leaderboard the score service tells at most.
const MaxRows = 1000

// Row is a team's place on the leaderboard.
type Row struct {
	Rank      int        `json:"rank"`
	Team      string     `json:"team"`
	Points    int        `json:"points"`
	Solves    int        `json:"solves"`
	LastSolve *time.Time `json:"last_solve"`
}

// Leaderboard returns the first MaxRows rows.
func (c *Client) Leaderboard(ctx context.Context) ([]Row, error) {
	var out struct{ Leaderboard []Row }
	err := c.call(ctx, http.MethodGet, c.score+"/v1/leaderboard?limit="+strconv.Itoa(MaxRows), nil, &out)
	return out.Leaderboard, err
}
