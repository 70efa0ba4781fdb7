package hunt

import (
	"context"
	"fmt"

	"leafmesh/mesh"
	names "leafmesh/services/team"
)

// outcome is what a solve led to.
type outcome struct {
	progress ProgressChanged
	opened   []string
	finished bool
}

// handleSolved records a solve and emits what follows from it.
//
// The same event again, because a try failed half way, changes nothing and emits the same again. Another event that tells
// of the same solve, because clue repeated it, changes and emits nothing.
//
// A team that has not joined joins by its solve: clue only takes guesses of teams that this service announced, so its
// entry here was lost, and dropping the solve would lose more.
func (s *Service) handleSolved(ctx context.Context, e ClueSolved) error {
	header, _ := mesh.HeaderOf(ctx)
	if err := names.CheckName(e.Team); err != nil {
		return err
	}
	if _, known := s.hunt.Clue(e.Clue); !known {
		return fmt.Errorf("team %q solved clue %.80q, which hunt %q does not have here", e.Team, e.Clue, s.hunt.ID)
	}
	seat, err := s.board.keep(e.Team, s.config.MaxTeams)
	if err != nil {
		return err
	}
	found, news, err := s.record(ctx, seat, e, header.ID.String())
	if err != nil || !news {
		return err
	}
	return found.emit(ctx, e)
}

// record records a solve and says what it led to; news is false for one that another event told of.
func (s *Service) record(ctx context.Context, seat *seat, e ClueSolved, event string) (found outcome, news bool, err error) {
	seat.mu.Lock()
	defer seat.mu.Unlock()
	if old, solved := seat.solved[e.Clue]; solved {
		return s.outcomeLocked(seat, e), old.event == event, nil
	}
	next := seat.team
	next.solved = next.solved.with(e.Clue, solve{at: e.At, event: event})
	c := change{team: e.Team, at: e.At, join: !next.joined, clue: e.Clue, event: event,
		finish: next.finishedBy == "" && s.rules.finished(next.solved)}
	if c.finish {
		next.finishedBy, next.finishedAt = e.Clue, e.At
	}
	if c.join {
		next.joined, next.joinedAt = true, e.At
	}
	if err := s.records.apply(ctx, c); err != nil {
		return outcome{}, false, err
	}
	seat.team = next
	found = s.outcomeLocked(seat, e)
	if c.join { // Nothing was announced to this team yet.
		found.opened = s.rules.open(next.solved)
	}
	return found, true, nil
}

// outcomeLocked compares the team with and without the solve.
func (s *Service) outcomeLocked(seat *seat, e ClueSolved) outcome {
	return outcome{
		progress: ProgressChanged{Team: e.Team, Solved: len(seat.solved), Unlocked: len(s.rules.open(seat.solved)), Total: len(s.hunt.Clues), At: e.At},
		opened:   s.rules.opened(seat.solved.without(e.Clue), seat.solved),
		finished: seat.finishedBy == e.Clue,
	}
}

// emit tells the world. The events are held until the handler returns nil.
func (o outcome) emit(ctx context.Context, e ClueSolved) error {
	if err := Progressed.Emit(ctx, o.progress); err != nil {
		return err
	}
	if len(o.opened) > 0 {
		if err := Unlocked.Emit(ctx, ClueUnlocked{Team: e.Team, Clues: o.opened, At: e.At}); err != nil {
			return err
		}
	}
	if !o.finished {
		return nil
	}
	return Finished.Emit(ctx, TeamFinished{Team: e.Team, Solves: o.progress.Solved, At: e.At})
}
