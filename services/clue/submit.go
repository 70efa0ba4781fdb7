package clue

import (
	"context"
	"fmt"
	"time"
	"unicode/utf8"

	"leafmesh/services/huntfile"
	"leafmesh/services/team"
)

// MaxGuess is the length of a guess, in characters. The longest of a real hunt's 38,508 had 500.
const MaxGuess = huntfile.MaxAnswer

// Submission is a team's guess.
type Submission struct {
	Team  string
	Clue  string // the clue's id
	Guess string
	// At is when the guess was made. The zero time means now. Lock-outs go by it, with a resolution
	// of 1 ms.
	At time.Time
}

// Judgement is the verdict on a guess, and where it leaves the team.
type Judgement struct {
	Attempt string
	Verdict Verdict
	At      time.Time
	// GuessesLeft is how many wrong guesses the team may make at this clue before it is locked out.
	// -1: any number.
	GuessesLeft int
	// LockedUntil is when the team may guess again, if it is locked out (GuessesLeft is 0). Zero:
	// never.
	LockedUntil time.Time
}

// Submit is the one entrance for guesses. It checks sizes, gives the guess an id and emits it; ctx
// must belong to the service's node (mesh.Node.Context). It returns when the guess is admitted,
// which may take a while under load: then it waits until ctx ends. The verdict follows as
// clue.answer.judged.
//
// Errors: *InputError, or those of Emit. After an error the guess does not count.
func (s *Service) Submit(ctx context.Context, sub Submission) (attempt string, err error) {
	event, err := s.event(sub)
	if err != nil {
		return "", err
	}
	if err := Submitted.Emit(ctx, event); err != nil {
		return "", fmt.Errorf("submit guess: %w", err)
	}
	return event.Attempt, nil
}

// Answer submits a guess and waits for its verdict, until ctx ends: then the guess may still be
// judged. Errors: those of Submit, ErrBusy, and ctx's.
func (s *Service) Answer(ctx context.Context, sub Submission) (Judgement, error) {
	event, err := s.event(sub)
	if err != nil {
		return Judgement{}, err
	}
	verdict, err := s.waiters.add(event.Attempt)
	if err != nil {
		return Judgement{}, err
	}
	defer s.waiters.remove(event.Attempt)
	if err := Submitted.Emit(ctx, event); err != nil {
		return Judgement{}, fmt.Errorf("submit guess: %w", err)
	}
	select {
	case j := <-verdict:
		return j, nil
	case <-ctx.Done():
		return Judgement{}, fmt.Errorf("wait for the verdict on attempt %s: %w", event.Attempt, ctx.Err())
	}
}

// event makes the event of a submission, if its form is right. Whether the clue exists is for the
// judge: teams are not told the ids of clues that are not open to them.
func (s *Service) event(sub Submission) (AnswerSubmitted, error) {
	if err := team.CheckName(sub.Team); err != nil {
		return AnswerSubmitted{}, &InputError{Field: "team", Problem: err.Error()}
	}
	if err := checkClue(sub.Clue); err != nil {
		return AnswerSubmitted{}, err
	}
	switch {
	case sub.Guess == "":
		return AnswerSubmitted{}, &InputError{Field: "guess", Problem: "it is missing"}
	case len(sub.Guess) > MaxGuess*utf8.UTFMax || utf8.RuneCountInString(sub.Guess) > MaxGuess:
		return AnswerSubmitted{}, &InputError{Field: "guess", Problem: fmt.Sprintf("it is longer than %d characters", MaxGuess)}
	case !utf8.ValidString(sub.Guess):
		return AnswerSubmitted{}, &InputError{Field: "guess", Problem: "it is not UTF-8"}
	}
	at := sub.At
	if at.IsZero() {
		at = time.Now()
	}
	return AnswerSubmitted{Attempt: formatAttempt(s.ids.next()), Team: sub.Team, Clue: sub.Clue, Guess: sub.Guess, At: at.UnixMilli()}, nil
}

// checkClue refuses what cannot be the id of any hunt's clue.
func checkClue(id string) error {
	switch {
	case id == "":
		return &InputError{Field: "clue", Problem: "it is missing"}
	case len(id) > huntfile.MaxID || !utf8.ValidString(id):
		return &InputError{Field: "clue", Problem: fmt.Sprintf("it is no clue's id: longer than %d bytes or not UTF-8", huntfile.MaxID)}
	}
	return nil
}
