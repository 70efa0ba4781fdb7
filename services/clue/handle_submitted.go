package clue

import (
	"context"
	"time"

	"leafmesh/mesh"
)

// handleSubmitted judges a guess. An event that comes again, because a try failed half way, gets
// the verdict that was recorded first and changes nothing else. Nobody is told of a verdict before
// it is recorded, and a solve's event with it.
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
	s.waiters.tell(s.judgement(e, verdict, after))
	return nil
}

// record decides on a guess and records the attempt, and the event of a solve with it, then changes
// the board. Guesses of one team come one after the other: the event's key is the team, and the
// seat's lock holds against other emitters and hints too. Where a limit lets the event of a solve
// wait, the lock is held meanwhile, and the team waits too.
//
// Of a team that hunt has not announced nothing is recorded: anybody can make up teams, and no clue
// is open to them.
func (s *Service) record(ctx context.Context, id int64, e AnswerSubmitted) (Verdict, State, error) {
	seat := s.board.seat(e.Team)
	seat.mu.Lock()
	defer seat.mu.Unlock()
	if !seat.keptLocked() {
		return NotOpen, State{}, nil
	}
	before := seat.standingLocked(e.Clue).State
	verdict, after := s.judge.decide(before, e.Clue, e.Guess, e.At)
	row := attempt{id: id, team: e.Team, clue: e.Clue, guess: e.Guess, verdict: verdict, at: e.At}
	if verdict == Wrong {
		row.wrong = after.Wrong
	}
	events, err := stageSolve(ctx, verdict, e)
	if err != nil {
		return 0, State{}, err
	}
	recorded, fresh, err := s.records.add(ctx, row, id > seat.last, events...)
	if err != nil {
		return 0, State{}, err
	}
	if !fresh {
		return recorded, before, nil
	}
	seat.last = max(seat.last, id)
	if len(events) > 0 {
		s.relay.Wake()
	}
	if after != before {
		seat.changeLocked(e.Clue).State = after
	}
	return verdict, after, nil
}

// stageSolve makes the event of a guess that solves its clue; none of any other.
func stageSolve(ctx context.Context, v Verdict, e AnswerSubmitted) ([]mesh.Staged, error) {
	if v != Correct {
		return nil, nil
	}
	solved, err := Solved.Stage(ctx, ClueSolved{Team: e.Team, Clue: e.Clue, At: e.At})
	if err != nil {
		return nil, err
	}
	return []mesh.Staged{solved}, nil
}

// judgement is what the caller of Answer gets.
func (s *Service) judgement(e AnswerSubmitted, v Verdict, now State) Judgement {
	j := Judgement{Attempt: e.Attempt, Verdict: v, At: time.UnixMilli(e.At), GuessesLeft: s.judge.left(now, e.At)}
	if until, locked := s.judge.lockedUntil(now, e.At); locked && until > 0 {
		j.LockedUntil = time.UnixMilli(until)
	}
	return j
}
