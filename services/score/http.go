package score

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"leafmesh/services/httpapi"
)

const (
	defaultLimit = 100
	maxLimit     = 1000
)

// Row is one line of the leaderboard as clients see it.
type Row struct {
	Rank      int        `json:"rank"` // from 1, each once
	Team      string     `json:"team"`
	Points    int        `json:"points"`
	Solves    int        `json:"solves"`
	LastSolve *time.Time `json:"last_solve"` // UTC; nil: the team has solved nothing
	Finished  bool       `json:"finished"`
}

// update is one event of the stream.
type update struct {
	// Snapshot says that Rows is the whole leaderboard; otherwise they are the rows that changed,
	// each of which takes the place of the team's former row.
	Snapshot bool `json:"snapshot"`
	// Coalesced is how many former states of these rows the client was too slow to get.
	Coalesced int   `json:"coalesced"`
	Rows      []Row `json:"rows"`
}

// awardView is one award as clients see it.
type awardView struct {
	Clue   string    `json:"clue"`
	Hint   int       `json:"hint,omitempty"` // missing: the solve
	Points int       `json:"points"`
	At     time.Time `json:"at"`
}

// routes is the HTTP API.
func (s *Service) routes() http.Handler {
	mux := httpapi.NewMux()
	mux.Route("GET /v1/leaderboard", s.getLeaderboard)
	mux.Route("GET /v1/leaderboard/stream", s.streamLeaderboard)
	mux.Route("GET /v1/teams/{team}", s.getTeam)
	mux.Route("GET /healthz", s.getHealth)
	return mux
}

func (s *Service) getLeaderboard(w http.ResponseWriter, r *http.Request) error {
	limit, err := limitOf(r)
	if err != nil {
		return err
	}
	found, err := s.Leaderboard(r.Context(), limit)
	if err != nil {
		return err
	}
	httpapi.Respond(w, http.StatusOK, struct {
		Leaderboard []Row `json:"leaderboard"`
	}{found})
	return nil
}

// limitOf reads the parameter limit.
func limitOf(r *http.Request) (int, error) {
	text := r.URL.Query().Get("limit")
	if text == "" {
		return defaultLimit, nil
	}
	limit, err := strconv.Atoi(text)
	if err != nil || limit < 1 || limit > maxLimit {
		return 0, httpapi.NewProblem(http.StatusBadRequest, "limit must be a number from 1 to %d", maxLimit)
	}
	return limit, nil
}

// streamLeaderboard sends the whole leaderboard and then what changes in it, as server-sent events
// named "leaderboard".
func (s *Service) streamLeaderboard(w http.ResponseWriter, r *http.Request) error {
	subscriber, err := s.feed.subscribe(httpapi.Client(r))
	if errors.Is(err, errCrowded) {
		httpapi.RetryAfter(w, 10*time.Second)
		return httpapi.NewProblem(http.StatusServiceUnavailable, "%v", err)
	}
	if err != nil {
		return err
	}
	defer s.feed.unsubscribe(subscriber)
	return httpapi.Events(w, r, subscriber.ready, func() []httpapi.Event {
		u, news := subscriber.take()
		if !news {
			return nil
		}
		return []httpapi.Event{{Name: "leaderboard", Data: u}}
	})
}

// getTeam sends a team's row and what it is made of.
func (s *Service) getTeam(w http.ResponseWriter, r *http.Request) error {
	team := r.PathValue("team")
	row, err := s.row(r.Context(), team)
	if errors.Is(err, sql.ErrNoRows) {
		return httpapi.NewProblem(http.StatusNotFound, "nothing has been counted for a team of this name")
	}
	if err != nil {
		return err
	}
	awards, err := s.ledger.awards(r.Context(), team)
	if err != nil {
		return err
	}
	views := make([]awardView, len(awards))
	for i, a := range awards {
		views[i] = awardView{Clue: a.Clue, Hint: a.Hint, Points: a.Points, At: *timeOf(a.At)}
	}
	httpapi.Respond(w, http.StatusOK, struct {
		Row
		Awards []awardView `json:"awards"`
	}{row, views})
	return nil
}

// row returns a team's row; the error is sql.ErrNoRows, wrapped, when it has none.
func (s *Service) row(ctx context.Context, team string) (Row, error) {
	places, err := s.ledger.places(ctx)
	if err != nil {
		return Row{}, err
	}
	for i := range places {
		if places[i].Team == team {
			return rows(places[i : i+1])[0], nil
		}
	}
	return Row{}, fmt.Errorf("team %q: %w", team, sql.ErrNoRows)
}

// getHealth answers 200 while the database can be read.
func (s *Service) getHealth(w http.ResponseWriter, r *http.Request) error {
	if err := s.ledger.db.Read().PingContext(r.Context()); err != nil {
		return fmt.Errorf("check health: %w", err)
	}
	return httpapi.Healthy(w, r)
}

// rows makes places into what clients see.
func rows(places []place) []Row {
	out := make([]Row, len(places))
	for i, p := range places {
		out[i] = Row{Rank: p.Rank, Team: p.Team, Points: p.Points, Solves: p.Solves, LastSolve: timeOf(p.LastSolve), Finished: p.Finished}
	}
	return out
}

// timeOf makes unix milliseconds a time; nil for 0.
func timeOf(ms int64) *time.Time {
	if ms == 0 {
		return nil
	}
	t := time.UnixMilli(ms).UTC()
	return &t
}
