package clue

import (
	"context"
	"fmt"
	"time"

	"leafmesh/services/huntfile"
	"leafmesh/services/team"
)

// GivenHint is a hint that a team has taken.
type GivenHint struct {
	Number int // 1 is the clue's first
	Text   string
	Cost   int // points, taken from the team's score
	More   int // how many further hints the clue has
}

// TakeHint gives a team the next hint of a clue that is open to it and not yet solved, and records
// it together with its clue.hint.taken, from which score takes the cost: so no hint is free, and
// one that is paid for stands among the team's clues (see [Service.Clues]), also if the caller did
// not live to get it. Two calls at the same time take two hints. ctx must belong to the service's
// node.
//
// Errors: *InputError, ErrNotOpen, ErrSolved, ErrNoHint, those of the database and of Emit. Then no
// hint was taken.
func (s *Service) TakeHint(ctx context.Context, teamName, clue string) (GivenHint, error) {
	if err := team.CheckName(teamName); err != nil {
		return GivenHint{}, &InputError{Field: "team", Problem: err.Error()}
	}
	if err := checkClue(clue); err != nil {
		return GivenHint{}, err
	}
	seat := s.board.seat(teamName)
	seat.mu.Lock()
	defer seat.mu.Unlock()
	now, hints := seat.standingLocked(clue), s.clues[clue].Hints
	if err := mayTake(now, hints); err != nil {
		return GivenHint{}, err
	}
	next := hints[now.Hints]
	taken := HintTaken{Team: teamName, Clue: clue, Hint: now.Hints + 1, Cost: next.Cost, At: time.Now().UnixMilli()}
	event, err := Hinted.Stage(ctx, taken)
	if err != nil {
		return GivenHint{}, fmt.Errorf("announce hint: %w", err)
	}
	if err := s.records.addHint(ctx, taken, event); err != nil {
		return GivenHint{}, err
	}
	s.relay.Wake()
	seat.changeLocked(clue).Hints = taken.Hint
	return GivenHint{Number: taken.Hint, Text: next.Text, Cost: next.Cost, More: len(hints) - taken.Hint}, nil
}

// mayTake says whether a team may take a further hint.
func mayTake(now standing, hints []huntfile.Hint) error {
	switch {
	case !now.Open:
		return ErrNotOpen
	case now.Solved:
		return ErrSolved
	case now.Hints >= len(hints):
		return ErrNoHint
	}
	return nil
}
