package clue

import (
	"context"
	"errors"
	"net/http"
	"time"

	"leafmesh/mesh"
	"leafmesh/services/httpapi"
	"leafmesh/services/team"
)

// answerTimeout is how long POST /v1/answers waits for a verdict. It stays under the server's 15 s
// for a whole answer.
const answerTimeout = 10 * time.Second

// routes is the HTTP API.
func (s *Service) routes() http.Handler {
	mux := httpapi.NewMux()
	mux.Route("POST /v1/answers", s.postAnswer)
	mux.Route("POST /v1/hints", s.postHint)
	mux.Route("GET /v1/teams/{team}/clues", s.getClues)
	mux.Route("GET /healthz", httpapi.Healthy)
	return mux
}

type answerRequest struct {
	Team  string     `json:"team"`
	Clue  string     `json:"clue"`
	Guess string     `json:"guess"`
	At    *time.Time `json:"at"` // RFC 3339; only with trust_time
}

type answerResponse struct {
	Attempt     string     `json:"attempt"`
	Verdict     string     `json:"verdict"` // "correct" or "wrong"
	At          time.Time  `json:"at"`
	GuessesLeft *int       `json:"guesses_left,omitempty"` // missing: any number
	LockedUntil *time.Time `json:"locked_until,omitempty"`
}

func (s *Service) postAnswer(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[answerRequest](w, r)
	if err != nil {
		return err
	}
	sub := Submission{Team: in.Team, Clue: in.Clue, Guess: in.Guess}
	if in.At != nil {
		if !s.config.TrustTime {
			return httpapi.NewProblem(http.StatusBadRequest, "at: this server takes its own time; leave the field out")
		}
		sub.At = *in.At
	}
	ctx, cancel := context.WithTimeout(r.Context(), answerTimeout)
	defer cancel()
	j, err := s.Answer(ctx, sub)
	if err != nil {
		return problem(w, err)
	}
	if err := refusal(w, j); err != nil {
		return err
	}
	httpapi.Respond(w, http.StatusOK, response(j))
	return nil
}

// refusal is the problem of a guess that was not looked at, nil for one that was.
func refusal(w http.ResponseWriter, j Judgement) error {
	switch j.Verdict {
	case LockedOut:
		if j.LockedUntil.IsZero() {
			return httpapi.NewProblem(http.StatusForbidden, "the team is locked out of this clue for good")
		}
		httpapi.RetryAfter(w, j.LockedUntil.Sub(j.At))
		return httpapi.NewProblem(http.StatusTooManyRequests, "the team is locked out of this clue until %s", j.LockedUntil.UTC().Format(time.RFC3339))
	case AlreadySolved:
		return httpapi.NewProblem(http.StatusConflict, "%v", ErrSolved)
	case NotOpen:
		return httpapi.NewProblem(http.StatusNotFound, "%v", ErrNotOpen)
	}
	return nil
}

func response(j Judgement) answerResponse {
	out := answerResponse{Attempt: j.Attempt, Verdict: j.Verdict.String(), At: j.At.UTC()}
	if j.GuessesLeft >= 0 && j.Verdict == Wrong {
		out.GuessesLeft = &j.GuessesLeft
	}
	if !j.LockedUntil.IsZero() {
		until := j.LockedUntil.UTC()
		out.LockedUntil = &until
	}
	return out
}

type hintRequest struct {
	Team string `json:"team"`
	Clue string `json:"clue"`
}

type hintResponse struct {
	Clue string `json:"clue"`
	Hint int    `json:"hint"` // 1 is the clue's first
	Text string `json:"text"`
	Cost int    `json:"cost"`
	Left int    `json:"hints_left"`
}

func (s *Service) postHint(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[hintRequest](w, r)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), answerTimeout)
	defer cancel()
	hint, err := s.TakeHint(ctx, in.Team, in.Clue)
	if err != nil {
		return problem(w, err)
	}
	httpapi.Respond(w, http.StatusOK, hintResponse{Clue: in.Clue, Hint: hint.Number, Text: hint.Text, Cost: hint.Cost, Left: hint.More})
	return nil
}

func (s *Service) getClues(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("team")
	if err := team.CheckName(name); err != nil {
		return httpapi.NewProblem(http.StatusBadRequest, "%v", err)
	}
	httpapi.Respond(w, http.StatusOK, struct {
		Team  string `json:"team"`
		Clues []View `json:"clues"`
	}{name, s.Clues(name, time.Now())})
	return nil
}

// problem turns an error of the service into what the client is told; others stay as they are and
// are logged.
func problem(w http.ResponseWriter, err error) error {
	var input *InputError
	switch {
	case errors.As(err, &input):
		return httpapi.NewProblem(http.StatusBadRequest, "%v", input)
	case errors.Is(err, ErrNotOpen), errors.Is(err, ErrNoHint):
		return httpapi.NewProblem(http.StatusNotFound, "%v", err)
	case errors.Is(err, ErrSolved):
		return httpapi.NewProblem(http.StatusConflict, "%v", err)
	case errors.Is(err, ErrBusy), errors.Is(err, mesh.ErrRefused):
		httpapi.RetryAfter(w, time.Second)
		return httpapi.NewProblem(http.StatusTooManyRequests, "too many guesses come in just now; try again")
	case errors.Is(err, mesh.ErrClosed), errors.Is(err, context.DeadlineExceeded):
		httpapi.RetryAfter(w, time.Second)
		return httpapi.NewProblem(http.StatusServiceUnavailable, "no verdict in time; the guess may still count")
	}
	return err
}
