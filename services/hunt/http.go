package hunt

import (
	"context"
	"errors"
	"net/http"
	"time"

	"leafmesh/mesh"
	"leafmesh/services/httpapi"
	"leafmesh/services/huntfile"
	names "leafmesh/services/team"
)

// joinTimeout is how long POST /v1/teams waits until the team is recorded. It stays under the
// server's 15 s for a whole answer.
const joinTimeout = 10 * time.Second

// routes is the HTTP API.
func (s *Service) routes() http.Handler {
	mux := httpapi.NewMux()
	mux.Route("POST /v1/teams", s.postTeam)
	mux.Route("GET /v1/teams/{team}", s.getTeam)
	mux.Route("GET /v1/hunt", s.getHunt)
	mux.Route("GET /healthz", httpapi.Healthy)
	return mux
}

type teamRequest struct {
	Team string `json:"team"`
}

// postTeam answers 201 for a new team and 200 for one that joined before.
func (s *Service) postTeam(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[teamRequest](w, r)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), joinTimeout)
	defer cancel()
	isNew, err := s.Join(ctx, in.Team, time.Now())
	if err != nil {
		return problem(w, err)
	}
	p, err := s.Progress(r.Context(), in.Team)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if isNew {
		status = http.StatusCreated
	}
	httpapi.Respond(w, status, p)
	return nil
}

func (s *Service) getTeam(w http.ResponseWriter, r *http.Request) error {
	p, err := s.Progress(r.Context(), r.PathValue("team"))
	if err != nil {
		return problem(w, err)
	}
	httpapi.Respond(w, http.StatusOK, p)
	return nil
}

// huntResponse leaves out what teams may not see: answers, hints, and the texts of clues, which
// clue shows once they are open.
type huntResponse struct {
	ID    string         `json:"id"`
	Title string         `json:"title"`
	Text  string         `json:"text"`
	Clues []clueResponse `json:"clues"`
}

type clueResponse struct {
	ID     string       `json:"id"`
	Title  string       `json:"title"`
	Points int          `json:"points"`
	Unlock ruleResponse `json:"unlock"`
}

type ruleResponse struct {
	Start  bool     `json:"start,omitempty"`
	Solves int      `json:"solves,omitempty"`
	After  []string `json:"after,omitempty"`
}

func (s *Service) getHunt(w http.ResponseWriter, _ *http.Request) error {
	httpapi.Respond(w, http.StatusOK, public(s.hunt))
	return nil
}

func public(hunt *huntfile.Hunt) huntResponse {
	out := huntResponse{ID: hunt.ID, Title: hunt.Title, Text: hunt.Text, Clues: make([]clueResponse, 0, len(hunt.Clues))}
	for _, c := range hunt.Clues {
		out.Clues = append(out.Clues, clueResponse{ID: c.ID, Title: c.Title, Points: c.Points, Unlock: ruleResponse(c.Unlock)})
	}
	return out
}

// problem turns an error of the service into what the client is told; others stay as they are and
// are logged.
func problem(w http.ResponseWriter, err error) error {
	var name *names.NameError
	switch {
	case errors.As(err, &name):
		return httpapi.NewProblem(http.StatusBadRequest, "%v", name)
	case errors.Is(err, ErrUnknownTeam):
		return httpapi.NewProblem(http.StatusNotFound, "%v", err)
	case errors.Is(err, ErrFull):
		return httpapi.NewProblem(http.StatusConflict, "%v", err)
	case errors.Is(err, mesh.ErrRefused):
		httpapi.RetryAfter(w, time.Second)
		return httpapi.NewProblem(http.StatusTooManyRequests, "too many teams join just now; try again")
	case errors.Is(err, mesh.ErrClosed), errors.Is(err, context.DeadlineExceeded):
		httpapi.RetryAfter(w, time.Second)
		return httpapi.NewProblem(http.StatusServiceUnavailable, "the team could not join in time; try again")
	}
	return err
}
