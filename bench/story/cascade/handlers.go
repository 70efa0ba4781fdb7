package cascade

import (
	"context"
	"strconv"

	"leafmesh/services/store"
)

// Handler is what a service does with the events of a type.
type Handler struct {
	Service, Name string
	On            string   // the type
	Follows       []string // the types of what it emits
	Effect        bool     // it ends a branch of the cascade
	// Bad handlers only run where the story has one, and only for its root. They multiply.
	Bad bool
	// Work changes or reads the service's state; nil: it has none.
	Work func(ctx context.Context, db *store.DB, f Fact, follow func(*store.Tx) error) error
}

// Handlers are all of them, in the order in which a cascade meets them.
var Handlers = []Handler{
	{Service: "clue", Name: "judge", On: Submitted, Follows: []string{Judged}, Work: recordAttempt},
	{Service: "clue", Name: "solve", On: Judged, Follows: []string{Solved}, Work: recordSolve},
	{Service: "hunt", Name: "progress", On: Solved, Follows: []string{Unlocked, Unlocked, Unlocked, Progressed}, Work: recordSolve},
	{Service: "score", Name: "count", On: Solved, Follows: []string{Awarded}, Work: recordAward},
	{Service: "clue", Name: "open", On: Unlocked, Effect: true, Work: recordOpen},
	{Service: "hunt", Name: "show", On: Progressed, Effect: true},
	{Service: "score", Name: "announce", On: Awarded, Follows: []string{Leaderboard}, Work: readStanding},
	{Service: "score", Name: "show", On: Leaderboard, Effect: true},
	{Service: "score", Name: "gossip", On: Leaderboard, Follows: []string{Rumour, Rumour}, Bad: true},
	{Service: "score", Name: "spread", On: Rumour, Follows: []string{Rumour, Rumour}, Bad: true},
}

// Of are the handlers of a service.
func Of(service string) (own []Handler) {
	for _, h := range Handlers {
		if h.Service == service {
			own = append(own, h)
		}
	}
	return own
}

// Next is what the n-th event that follows from a fact tells.
func (h Handler) Next(f Fact, n int) Fact {
	before := f.Number
	f.Guess, f.Number = "", 0
	switch h.Follows[n] {
	case Unlocked:
		f.Clue += "-" + strconv.Itoa(n)
	case Progressed, Awarded, Leaderboard:
		f.Number = points
	case Rumour: // goes from team to team, so that no worker holds it up
		f.Number = (2*before + n + 1) % (1 << 30)
		f.Team = team(f.Number)
	}
	return f
}

// points are what a solve is worth.
const points = 15

// teams is how many teams take turns.
const teams = 500

func team(n int) string { return "puzzlin-" + strconv.Itoa(1000+n%teams) }

// Root is the guess with a number.
func Root(n uint32, at int64) Fact {
	return Fact{Root: n, Team: team(int(n)), Clue: "try-and-eat", Guess: "CHOCOLATECHIPCOOKIE", At: at}
}

// Workers is how many events of different teams a handler handles at the same time, on both sides.
const Workers = 16
