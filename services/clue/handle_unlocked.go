package clue

import (
	"context"
	"fmt"

	"leafmesh/services/team"
)

// handleUnlocked opens clues to a team. What is open is a set that only grows: an event that comes
// again, or one that tells what an earlier one told, as after the team has joined again, changes
// nothing. So no inbox remembers which came.
//
// Clues that this hunt file does not have make it fail, after the others were opened: the two
// services run different hunt files, and the dead letter says so.
func (s *Service) handleUnlocked(ctx context.Context, e CluesUnlocked) error {
	if err := team.CheckName(e.Team); err != nil {
		return err
	}
	seat := s.board.keep(e.Team)
	seat.mu.Lock()
	defer seat.mu.Unlock()
	var closed, unknown []string
	for _, id := range e.Clues {
		if _, known := s.clues[id]; !known {
			unknown = append(unknown, id)
		} else if !seat.standingLocked(id).Open {
			closed = append(closed, id)
		}
	}
	if len(closed) > 0 {
		if err := s.records.open(ctx, e.Team, closed, e.At); err != nil {
			return err
		}
	}
	for _, id := range closed {
		seat.changeLocked(id).Open = true
	}
	if len(unknown) > 0 {
		return fmt.Errorf("hunt opened clues that hunt %q does not have here: %.200q", s.hunt.ID, unknown)
	}
	return nil
}
