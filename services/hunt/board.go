package hunt

import (
	"maps"
	"sync"
)

// board holds the state of all teams in memory, so that a solve reads nothing from the database. It
// is loaded when the service starts, and changed only after the change was committed. It is bounded
// by Config.MaxTeams.
type board struct {
	mu    sync.RWMutex
	seats map[string]*seat // guarded by mu
}

// seat is one team's place on the board. A seat is never removed.
type seat struct {
	mu     sync.Mutex
	team        // guarded by mu
	unsure bool // guarded by mu: a change failed, and the database may have it all the same
}

// team is what is known of a team. The zero team has not joined.
type team struct {
	joined     bool
	joinedAt   int64 // unix ms
	solved     solveSet
	finishedBy string // the clue whose solve finished the hunt; "" before
	finishedAt int64  // unix ms
}

// solveSet is a team's solves: clue id → when, unix ms.
type solveSet map[string]int64

func (s solveSet) has(clue string) bool { _, ok := s[clue]; return ok }
func (s solveSet) count() int           { return len(s) }

// with returns a copy with one solve more.
func (s solveSet) with(clue string, at int64) solveSet {
	c := make(solveSet, len(s)+1)
	maps.Copy(c, s)
	c[clue] = at
	return c
}

func newBoard() *board { return &board{seats: make(map[string]*seat)} }

// find returns the team's seat, nil if it has none.
func (b *board) find(name string) *seat {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.seats[name]
}

// keep returns the team's seat and makes it if there is none and fewer than limit teams have one.
func (b *board) keep(name string, limit int) (*seat, error) {
	if s := b.find(name); s != nil {
		return s, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.seats[name]
	if s == nil {
		if len(b.seats) >= limit {
			return nil, ErrFull
		}
		s = &seat{}
		b.seats[name] = s
	}
	return s, nil
}
