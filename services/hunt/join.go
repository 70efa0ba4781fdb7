package hunt

import (
	"context"
	"fmt"
	"time"

	names "leafmesh/services/team"
)

// Join lets a team take part, and announces the clues that are open to it (hunt.clue.unlocked, one
// event), in one transaction. ctx must belong to the service's node. It reports whether the team is
// new.
//
// A team may join as often as it likes: each time all of its open clues are announced again. That
// helps where clue does not know of one, as its database was restored from an old copy, or the
// hunt's rules were changed.
//
// Errors: *team.NameError, ErrFull, those of the database and of Emit. Then the team has not
// joined.
func (s *Service) Join(ctx context.Context, name string, at time.Time) (isNew bool, err error) {
	if err := names.CheckName(name); err != nil {
		return false, err
	}
	seat, err := s.board.keep(name, s.config.MaxTeams)
	if err != nil {
		return false, err
	}
	seat.mu.Lock()
	defer seat.mu.Unlock()
	if _, err := s.makeSure(ctx, name, seat); err != nil {
		return false, err
	}
	c := change{team: name, at: at.UnixMilli(), join: !seat.joined}
	unlocked, err := Unlocked.Stage(ctx, ClueUnlocked{Team: name, Clues: s.rules.open(seat.solved), At: c.at})
	if err != nil {
		return false, fmt.Errorf("announce the clues of team %q: %w", name, err)
	}
	if _, err := s.records.apply(ctx, c, unlocked); err != nil {
		seat.unsure = true
		return false, err
	}
	s.relay.Wake()
	if c.join {
		seat.joined, seat.joinedAt, seat.solved = true, c.at, solveSet{}
	}
	return c.join, nil
}
