package clue

import (
	"context"
	"time"
)

// reportAgain is how long after a solve was emitted a further guess at the solved clue emits it again. A solve is lost if the
// process dies between COMMIT and emit, or a link is down; a team that wonders why its solve does not show tries again
// and so heals it. A minute, so that repeating a known answer does not flood the export.
const reportAgain = time.Minute

// handleSubmitted judges a guess. An event that comes again, because a try failed half way, gets the verdict that was
// recorded first and changes nothing else.
func (s *Service) handleSubmitted(ctx context.Context, e AnswerSubmitted) error {
	id, err := parseAttempt(e.Attempt)
	if err != nil {
		return err
	}
	verdict, after, err := s.record(ctx, id, e)
	if err != nil {
		return err
	}
	if err := Judged.Emit(ctx, AnswerJudged{Attempt: e.Attempt, Team: e.Team, Clue: e.Clue, Verdict: verdict, At: e.At, Guess: e.Guess}); err != nil {
		return err
	}
	if s.reports(verdict, e, after) {
		if err := Solved.Emit(ctx, ClueSolved{Team: e.Team, Clue: e.Clue, At: after.SolvedAt}); err != nil {
			return err
		}
	}
	s.waiters.tell(s.judgement(e, verdict, after.State))
	return nil
}

// record decides on a guess and records the attempt, then changes the board. Guesses of one team come one after the
// other: the event's key is the team, and the seat's lock holds against other emitters and hints too.
func (s *Service) record(ctx context.Context, id int64, e AnswerSubmitted) (Verdict, standing, error) {
	seat := s.board.seat(e.Team)
	seat.mu.Lock()
	defer seat.mu.Unlock()
	before := seat.standingLocked(e.Clue)
	verdict, after := s.judge.decide(before.State, e.Clue, e.Guess, e.At)
	row := attempt{id: id, team: e.Team, clue: e.Clue, guess: e.Guess, verdict: verdict, at: e.At}
	if verdict == Wrong {
		row.wrong = after.Wrong
	}
	recorded, fresh, err := s.records.add(ctx, row)
	if err != nil {
		return 0, standing{}, err
	}
	if !fresh {
		return recorded, before, nil
	}
	if after != before.State { // Then the clue is open, and the seat is kept.
		seat.changeLocked(e.Clue).State = after
	}
	return verdict, seat.standingLocked(e.Clue), nil
}

// reports reports whether the verdict calls for a clue.clue.solved.
func (s *Service) reports(v Verdict, e AnswerSubmitted, now standing) bool {
	if v != Correct && (v != AlreadySolved || e.At-now.Reported < reportAgain.Milliseconds()) {
		return false
	}
	seat := s.board.seat(e.Team)
	seat.mu.Lock()
	defer seat.mu.Unlock()
	seat.changeLocked(e.Clue).Reported = e.At
	return true
}

// judgement is what the caller of Answer gets.
func (s *Service) judgement(e AnswerSubmitted, v Verdict, now State) Judgement {
	j := Judgement{Attempt: e.Attempt, Verdict: v, At: time.UnixMilli(e.At), GuessesLeft: s.judge.left(now, e.At)}
	if until, locked := s.judge.lockedUntil(now, e.At); locked && until > 0 {
		j.LockedUntil = time.UnixMilli(until)
	}
	return j
}
