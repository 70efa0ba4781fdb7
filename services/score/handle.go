package score

import (
	"context"
	"fmt"

	"leafmesh/mesh"
	"leafmesh/services/store"
	names "leafmesh/services/team"
)

// maxTime is the last moment of the year 9999 in unix ms, the last that RFC 3339 can say.
const maxTime = 253402300799999

// maxCost is the highest cost of a hint that a hunt file may have.
const maxCost = 1_000_000

// UnknownClueError is an event about a clue that the hunt does not have here: the services run with
// different hunt files.
type UnknownClueError struct{ Team, Clue string }

// Error names team and clue.
func (e *UnknownClueError) Error() string {
	return fmt.Sprintf("nothing is counted for team %q: the hunt has no clue %q here; do all services run with the same hunt file?", e.Team, e.Clue)
}

// handleSolved counts a solve.
func (s *Service) handleSolved(ctx context.Context, e ClueSolved) error {
	points, known := s.points[e.Clue]
	if !known {
		return &UnknownClueError{Team: e.Team, Clue: e.Clue}
	}
	return s.count(ctx, award{Team: e.Team, Clue: e.Clue, Points: points, At: e.At})
}

// handleHinted counts the cost of a hint. A hint that costs nothing changes nothing.
func (s *Service) handleHinted(ctx context.Context, e HintTaken) error {
	if _, known := s.points[e.Clue]; !known {
		return &UnknownClueError{Team: e.Team, Clue: e.Clue}
	}
	if e.Hint < 1 || e.Cost < 0 || e.Cost > maxCost {
		return fmt.Errorf("hint %d at a cost of %d: hints count from 1 and cost from 0 to %d", e.Hint, e.Cost, maxCost)
	}
	if e.Cost == 0 {
		return nil
	}
	return s.count(ctx, award{Team: e.Team, Clue: e.Clue, Hint: e.Hint, Points: -e.Cost, At: e.At})
}

// count records an award and emits points.awarded, both or neither, once for each event.
// points.awarded is emitted inside of the transaction, because an event that is refused must undo
// the award, so that a further try can do both; it is held until the handler returns nil, so a
// COMMIT that fails takes it back. The other order, emitting after the COMMIT, would lose a refused
// event for good.
func (s *Service) count(ctx context.Context, a award) error {
	if err := names.CheckName(a.Team); err != nil {
		return err
	}
	if a.At < 1 || a.At > maxTime {
		return fmt.Errorf("the time %d is not from 1970 to 9999, in unix milliseconds", a.At)
	}
	header, _ := mesh.HeaderOf(ctx)
	a.Event = header.ID.String()
	err := s.ledger.once(ctx, func(tx *store.Tx) error {
		return add(tx, a, func() error {
			return Awarded.Emit(ctx, PointsAwarded{Team: a.Team, Clue: a.Clue, Points: a.Points, At: a.At})
		})
	})
	if err != nil {
		return fmt.Errorf("count for team %q at clue %q: %w", a.Team, a.Clue, err)
	}
	s.feed.changed()
	return nil
}

// handleFinished marks a team as finished.
func (s *Service) handleFinished(ctx context.Context, e TeamFinished) error {
	if err := names.CheckName(e.Team); err != nil {
		return err
	}
	if err := s.ledger.once(ctx, func(tx *store.Tx) error { return finish(tx, e.Team) }); err != nil {
		return fmt.Errorf("finish team %q: %w", e.Team, err)
	}
	s.feed.changed()
	return nil
}

// handleAwarded announces a team's standing. It is read anew, so it may already hold later awards.
func (s *Service) handleAwarded(ctx context.Context, e PointsAwarded) error {
	standing, err := s.ledger.standing(e.Team)
	if err != nil {
		return err
	}
	return Changed.Emit(ctx, LeaderboardChanged{Team: standing.Team, Points: standing.Points, Solves: standing.Solves, LastSolve: standing.LastSolve})
}
