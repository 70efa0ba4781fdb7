package hunt

import "leafmesh/mesh"

// The events of this service. Their subjects and integer keys are the contract with other services,
// which declare Go types of their own. All times are unix milliseconds.
var (
	// Unlocked is exported: clues have opened to a team. In one transaction with what
	// opened them. When a team joins again, all that are open to it are announced again.
	Unlocked = mesh.NewEvent[ClueUnlocked]("hunt.clue.unlocked", mesh.Key(func(e ClueUnlocked) string { return e.Team }))
	// Progressed is private: a team has solved a further clue.
	Progressed = mesh.NewEvent[ProgressChanged]("hunt.progress.changed", mesh.Key(func(e ProgressChanged) string { return e.Team }))
	// Finished is exported: a team has met the hunt's rule for the finish. One event for a team,
	// recorded with the finish.
	Finished = mesh.NewEvent[TeamFinished]("hunt.team.finished", mesh.Key(func(e TeamFinished) string { return e.Team }))

	// Solved is imported from clue: a team has solved a clue.
	Solved = mesh.NewEvent[ClueSolved]("clue.clue.solved", mesh.Key(func(e ClueSolved) string { return e.Team }))
)

// ClueUnlocked says which clues have opened to a team.
type ClueUnlocked struct {
	Team  string   `cbor:"1,keyasint"`
	Clues []string `cbor:"2,keyasint"` // ids in the order of the hunt, at least one
	At    int64    `cbor:"3,keyasint"`
}

// ProgressChanged says how far a team is.
type ProgressChanged struct {
	Team     string `cbor:"1,keyasint"`
	Solved   int    `cbor:"2,keyasint"` // clues
	Unlocked int    `cbor:"3,keyasint"` // clues, the solved ones included
	Total    int    `cbor:"4,keyasint"` // clues of the hunt
	At       int64  `cbor:"5,keyasint"`
}

// TeamFinished says that a team has finished.
type TeamFinished struct {
	Team   string `cbor:"1,keyasint"`
	Solves int    `cbor:"2,keyasint"` // how many clues it had solved then
	At     int64  `cbor:"3,keyasint"`
}

// ClueSolved is what this service needs of clue.clue.solved.
type ClueSolved struct {
	Team string `cbor:"1,keyasint"`
	Clue string `cbor:"2,keyasint"`
	At   int64  `cbor:"3,keyasint"`
}
