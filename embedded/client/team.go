package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Clue is a clue that is open to a team.
type Clue struct {
	ID        string `json:"id"`
	Title     string `json:"title"`
	Text      string `json:"text"`
	Solved    bool   `json:"solved"`
	HintsLeft int    `json:"hints_left"`
}

// Join lets a team take part; again and again if you like.
func (c *Client) Join(ctx context.Context, team string) error {
	in := struct {
		Team string `json:"team"`
	}{team}
	return c.call(ctx, http.MethodPost, c.hunt+"/v1/teams", in, &struct{}{})
}

// Clues returns what is open to a team; nothing for a while after it joined, until clue has heard
// of it.
func (c *Client) Clues(ctx context.Context, team string) ([]Clue, error) {
	var out struct{ Clues []Clue }
	err := c.call(ctx, http.MethodGet, c.clue+"/v1/teams/"+url.PathEscape(team)+"/clues", nil, &out)
	return out.Clues, err
}

// Answer submits a guess and returns the verdict, "correct" or "wrong". The zero time stands for
// now; another needs a server that trusts its callers with time.
func (c *Client) Answer(ctx context.Context, team, clue, guess string, at time.Time) (verdict string, err error) {
	in := struct {
		Team  string     `json:"team"`
		Clue  string     `json:"clue"`
		Guess string     `json:"guess"`
		At    *time.Time `json:"at,omitempty"`
	}{Team: team, Clue: clue, Guess: guess}
	if !at.IsZero() {
		in.At = &at
	}
	var out struct{ Verdict string }
	err = c.call(ctx, http.MethodPost, c.clue+"/v1/answers", in, &out)
	return out.Verdict, err
}

// Hint takes the next hint of a clue.
func (c *Client) Hint(ctx context.Context, team, clue string) error {
	in := struct {
		Team string `json:"team"`
		Clue string `json:"clue"`
	}{team, clue}
	return c.call(ctx, http.MethodPost, c.clue+"/v1/hints", in, &struct{}{})
}
