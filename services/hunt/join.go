package hunt

import (
	"context"
	"fmt"
	"time"

	names "leafmesh/services/team"
)

// Join lets a team take part, and announces the clues that are open to it (hunt.clue.unlocked, one event). ctx must belong to
// the service's node. It reports whether the team is new.
//
// A team may join as often as it likes: each time all of its open clues are announced again, so that a lost announcement
// heals. If the announcement is refused Join returns that error; the team has joined, and joins again to be announced.
//
// Errors: *team.NameError, ErrFull, those of the database and of Emit.
func (s *Service) Join(ctx context.Context, name string, at time.Time) (isNew bool, err error) {
	if err := names.CheckName(name); err != nil {
		return false, err
	}
	seat, err := s.board.keep(name, s.config.MaxTeams)
	if err != nil {
		return false, err
	}
	now, isNew, err := s.join(ctx, seat, name, at.UnixMilli())
	if err != nil {
		return false, err
	}
	if err := Unlocked.Emit(ctx, ClueUnlocked{Team: name, Clues: s.rules.open(now.solved), At: at.UnixMilli()}); err != nil {
		return isNew, fmt.Errorf("announce the clues of team %q: %w", name, err)
	}
	return isNew, nil
}

// join records the team if it is new, and returns what is known of it.
func (s *Service) join(ctx context.Context, seat *seat, name string, at int64) (now team, isNew bool, err error) {
	seat.mu.Lock()
	defer seat.mu.Unlock()
	if seat.joined {
		return seat.team, false, nil
	}
	if err := s.records.apply(ctx, change{team: name, at: at, join: true}); err != nil {
		return team{}, false, err
	}
	seat.joined, seat.joinedAt, seat.solved = true, at, solveSet{}
	return seat.team, true, nil
}
