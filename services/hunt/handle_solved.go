package hunt

import (
	"context"
	"fmt"

	"leafmesh/mesh"
	names "leafmesh/services/team"
)

// handleSolved records a solve, that its event was handled, and the events that follow from it, in
// one transaction.
//
// An event that comes again changes nothing: the inbox knows it. Nor does another event that tells
// of the same solve, as from a clue service whose database was restored from an old copy: a team
// solves a clue once.
//
// A team that has not joined joins by its solve: clue only takes guesses of teams that this service
// announced, so here it was forgotten, as by an old copy of the database, and dropping the solve
// would lose more.
func (s *Service) handleSolved(ctx context.Context, e ClueSolved) error {
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
	seat.mu.Lock()
	defer seat.mu.Unlock()
	anew, err := s.makeSure(ctx, e.Team, seat)
	if err != nil {
		return err
	}
	if seat.solved.has(e.Clue) {
		if anew { // the try that recorded it was taken for a failure, so it told nobody
			s.relay.Wake()
			return Progressed.Emit(ctx, s.rules.progress(seat.team, e.Team, e.At))
		}
		return nil
	}
	o := s.rules.solve(seat.team, e)
	// Emitted before the COMMIT, because it may be refused; it is held until the handler returns
	// nil, because the COMMIT may fail.
	if err := Progressed.Emit(ctx, o.progress); err != nil {
		return err
	}
	events, err := o.stage(ctx)
	if err != nil {
		return err
	}
	header, _ := mesh.HeaderOf(ctx)
	o.change.event = header.ID.String()
	applied, err := s.records.apply(ctx, o.change, events...)
	if err != nil || !applied {
		seat.unsure = true
		return err
	}
	s.relay.Wake()
	seat.team = o.next
	return nil
}

// outcome is what a solve makes of a team.
type outcome struct {
	next     team
	change   change // of the database
	progress ProgressChanged
	opened   []string // ids of the clues to announce
}

// solve says what becomes of a team by a clue that it had not solved.
func (r rules) solve(before team, e ClueSolved) outcome {
	next := before
	next.solved = before.solved.with(e.Clue, e.At)
	c := change{team: e.Team, at: e.At, join: !before.joined, clue: e.Clue,
		finish: before.finishedBy == "" && r.finished(next.solved)}
	if c.finish {
		next.finishedBy, next.finishedAt = e.Clue, e.At
	}
	open, opened := r.open(next.solved), r.opened(before.solved, next.solved)
	if c.join { // Nothing was announced to this team yet.
		next.joined, next.joinedAt, opened = true, e.At, open
	}
	return outcome{next: next, change: c, opened: opened, progress: r.progress(next, e.Team, e.At)}
}

// progress tells how far a team is at a time.
func (r rules) progress(t team, name string, at int64) ProgressChanged {
	return ProgressChanged{Team: name, Solved: len(t.solved), Unlocked: len(r.open(t.solved)), Total: len(r.hunt.Clues), At: at}
}

// stage makes the events for others.
func (o outcome) stage(ctx context.Context) (events []mesh.Staged, err error) {
	if len(o.opened) > 0 {
		unlocked, err := Unlocked.Stage(ctx, ClueUnlocked{Team: o.change.team, Clues: o.opened, At: o.change.at})
		if err != nil {
			return nil, err
		}
		events = append(events, unlocked)
	}
	if o.change.finish {
		finished, err := Finished.Stage(ctx, TeamFinished{Team: o.change.team, Solves: o.progress.Solved, At: o.change.at})
		if err != nil {
			return nil, err
		}
		events = append(events, finished)
	}
	return events, nil
}
