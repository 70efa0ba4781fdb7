package clue

import "time"

// View is a clue as a team may see it: never its answers.
type View struct {
	ID          string     `json:"id"`
	Title       string     `json:"title"`
	Text        string     `json:"text"`
	Points      int        `json:"points"`
	Solved      bool       `json:"solved"`
	SolvedAt    *time.Time `json:"solved_at,omitempty"`
	Wrong       int        `json:"wrong_guesses"`
	GuessesLeft *int       `json:"guesses_left,omitempty"` // missing: any number
	LockedUntil *time.Time `json:"locked_until,omitempty"` // missing while locked out: for good
	Hints       []string   `json:"hints"`                  // those that were taken
	HintsLeft   int        `json:"hints_left"`
	NextCost    *int       `json:"next_hint_cost,omitempty"` // in points
}

// Clues returns what is open to a team at a time, in the order of the hunt. A team that hunt has
// not announced has none. The caller owns the result.
func (s *Service) Clues(team string, at time.Time) []View {
	seat := s.board.seat(team)
	seat.mu.Lock()
	defer seat.mu.Unlock()
	views := make([]View, 0, len(seat.standings))
	for _, c := range s.hunt.Clues {
		if now := seat.standingLocked(c.ID); now.Open {
			views = append(views, s.view(c.ID, now, at))
		}
	}
	return views
}

func (s *Service) view(id string, now standing, at time.Time) View {
	c := s.clues[id]
	taken := min(now.Hints, len(c.Hints)) // The hunt file may have lost some since.
	v := View{ID: c.ID, Title: c.Title, Text: c.Text, Points: c.Points, Solved: now.Solved, Wrong: now.Wrong,
		Hints: make([]string, 0, taken), HintsLeft: len(c.Hints) - taken}
	for _, hint := range c.Hints[:taken] {
		v.Hints = append(v.Hints, hint.Text)
	}
	if v.HintsLeft > 0 {
		v.NextCost = &c.Hints[taken].Cost
	}
	if now.Solved {
		v.SolvedAt = moment(now.SolvedAt)
		return v
	}
	if left := s.judge.left(now.State, at.UnixMilli()); left >= 0 {
		v.GuessesLeft = &left
	}
	if until, locked := s.judge.lockedUntil(now.State, at.UnixMilli()); locked && until > 0 {
		v.LockedUntil = moment(until)
	}
	return v
}

func moment(ms int64) *time.Time {
	t := time.UnixMilli(ms).UTC()
	return &t
}
