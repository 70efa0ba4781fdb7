package clue

import "sync"

// board holds the state of all teams in memory, so that judging a guess reads nothing from the
// database. It is loaded when the service starts, and changed only after the change was committed.
// It grows with the teams that hunt announced and the clues open to them, not with guesses.
type board struct {
	mu    sync.RWMutex
	seats map[string]*seat // guarded by mu
	last  int64            // what was in the database at the start has no id above it
}

// seat is one team's place on the board. A seat is never removed.
type seat struct {
	mu        sync.Mutex
	standings map[string]*standing // guarded by mu; clue id → what the team made of it; nil: the seat is not kept
	last      int64                // guarded by mu: the team's recorded attempts have no id above it
}

// standing is what a team has made of one clue.
type standing struct {
	State
	Hints int // how many it took
}

func newBoard(last int64) *board { return &board{seats: make(map[string]*seat), last: last} }

// seat returns the team's seat. A team that nobody announced gets an empty one that is not kept, so
// that guesses of invented teams take no memory.
func (b *board) seat(team string) *seat {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if s := b.seats[team]; s != nil {
		return s
	}
	return &seat{}
}

// keep returns the team's seat and makes it if there is none. The database may hold attempts of a
// team without a seat: those of former versions, and of a team for which no clue was open. So the
// seat begins with the board's last, which is cheaper to know than each team's own.
func (b *board) keep(team string) *seat {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.seats[team]
	if s == nil {
		s = &seat{standings: make(map[string]*standing), last: b.last}
		b.seats[team] = s
	}
	return s
}

// keptLocked reports whether the seat is that of a team which hunt announced.
func (s *seat) keptLocked() bool { return s.standings != nil }

// standingLocked returns what the team made of a clue; the zero standing if the clue never opened.
func (s *seat) standingLocked(clue string) standing {
	if found := s.standings[clue]; found != nil {
		return *found
	}
	return standing{}
}

// changeLocked returns the standing to be changed. Only for seats that are kept.
func (s *seat) changeLocked(clue string) *standing {
	found := s.standings[clue]
	if found == nil {
		found = &standing{}
		s.standings[clue] = found
	}
	return found
}
