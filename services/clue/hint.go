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

// TakeHint gives a team the next hint of a clue that is open to it and not yet solved, and emits clue.hint.taken, from
// which score takes the cost. ctx must belong to the service's node.
//
// If the event is refused, TakeHint returns that error; the hint is then recorded as taken but not announced, and the next call
// gives the same hint again and announces it. So no hint is free, and none is paid for but not seen; its event may come
// twice. Errors: *InputError, ErrNotOpen, ErrSolved, ErrNoHint, those of the database and of Emit.
func (s *Service) TakeHint(ctx context.Context, teamName, clue string) (GivenHint, error) {
	if err := team.CheckName(teamName); err != nil {
		return GivenHint{}, &InputError{Field: "team", Problem: err.Error()}
	}
	if err := checkClue(clue); err != nil {
		return GivenHint{}, err
	}
	seat := s.board.seat(teamName)
	seat.hinting.Lock()
	defer seat.hinting.Unlock()
	event, err := s.nextHint(ctx, seat, teamName, clue)
	if err != nil {
		return GivenHint{}, err
	}
	if err := Hinted.Emit(ctx, event); err != nil {
		return GivenHint{}, fmt.Errorf("announce hint: %w", err)
	}
	if err := s.records.announced(ctx, event); err != nil {
		return GivenHint{}, err
	}
	seat.mu.Lock()
	defer seat.mu.Unlock()
	seat.changeLocked(clue).Unannounced = false
	hints := s.clues[clue].Hints
	return GivenHint{Number: event.Hint, Text: hints[event.Hint-1].Text, Cost: event.Cost, More: len(hints) - event.Hint}, nil
}

// nextHint records the next hint as taken, or finds the one whose announcement failed.
func (s *Service) nextHint(ctx context.Context, seat *seat, teamName, clue string) (HintTaken, error) {
	seat.mu.Lock()
	defer seat.mu.Unlock()
	now, hints := seat.standingLocked(clue), s.clues[clue].Hints
	if now.Unannounced && now.Hints <= len(hints) {
		return s.records.hint(ctx, teamName, clue, now.Hints)
	}
	if err := mayTake(now, hints); err != nil {
		return HintTaken{}, err
	}
	event := HintTaken{Team: teamName, Clue: clue, Hint: now.Hints + 1, Cost: hints[now.Hints].Cost, At: time.Now().UnixMilli()}
	if err := s.records.addHint(ctx, event); err != nil {
		return HintTaken{}, err
	}
	changed := seat.changeLocked(clue)
	changed.Hints, changed.Unannounced = event.Hint, true
	return event, nil
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
