package hunt

import (
	"context"
	"time"
)

// Progress is how far a team is.
type Progress struct {
	Team       string     `json:"team"`
	JoinedAt   time.Time  `json:"joined_at"`
	Solved     []Solve    `json:"solved"`   // in the order of the hunt
	Unlocked   []string   `json:"unlocked"` // clue ids in the order of the hunt, the solved ones included
	Total      int        `json:"total"`    // clues of the hunt
	FinishedAt *time.Time `json:"finished_at,omitempty"`
}

// Solve is a clue that a team has solved.
type Solve struct {
	Clue string    `json:"clue"`
	At   time.Time `json:"at"`
}

// Progress returns how far a team is. The caller owns the result. It asks the database, until ctx
// ends, only after a change of the team that failed. Errors: ErrUnknownTeam; those of the database.
func (s *Service) Progress(ctx context.Context, name string) (Progress, error) {
	seat := s.board.find(name)
	if seat == nil {
		return Progress{}, ErrUnknownTeam
	}
	seat.mu.Lock()
	defer seat.mu.Unlock()
	if _, err := s.makeSure(ctx, name, seat); err != nil {
		return Progress{}, err
	}
	if !seat.joined {
		return Progress{}, ErrUnknownTeam
	}
	p := Progress{Team: name, JoinedAt: moment(seat.joinedAt), Solved: make([]Solve, 0, len(seat.solved)),
		Unlocked: s.rules.open(seat.solved), Total: len(s.hunt.Clues)}
	for _, clue := range s.hunt.Clues {
		if at, ok := seat.solved[clue.ID]; ok {
			p.Solved = append(p.Solved, Solve{Clue: clue.ID, At: moment(at)})
		}
	}
	if seat.finishedBy != "" {
		at := moment(seat.finishedAt)
		p.FinishedAt = &at
	}
	return p, nil
}

func moment(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
