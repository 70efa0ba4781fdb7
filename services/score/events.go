package score

import "leafmesh/mesh"

// The events of this service, and its own types for those it imports. Subjects and integer keys are
// the contract. All times are unix milliseconds.
var (
	// Awarded is private: a team's points have changed.
	Awarded = mesh.NewEvent[PointsAwarded]("score.points.awarded", mesh.Key(func(e PointsAwarded) string { return e.Team }))
	// Changed is exported: a team's standing has changed.
	Changed = mesh.NewEvent[LeaderboardChanged]("score.leaderboard.changed", mesh.Key(func(e LeaderboardChanged) string { return e.Team }))

	// Solved is imported from clue: a team has solved a clue.
	Solved = mesh.NewEvent[ClueSolved]("clue.clue.solved", mesh.Key(func(e ClueSolved) string { return e.Team }))
	// Hinted is imported from clue: a team has taken a hint.
	Hinted = mesh.NewEvent[HintTaken]("clue.hint.taken", mesh.Key(func(e HintTaken) string { return e.Team }))
	// Finished is imported from hunt: a team has finished.
	Finished = mesh.NewEvent[TeamFinished]("hunt.team.finished", mesh.Key(func(e TeamFinished) string { return e.Team }))
)

// PointsAwarded says that a team got points for a clue, or, when they are negative, paid them for a
// hint of it.
type PointsAwarded struct {
	Team   string `cbor:"1,keyasint"`
	Clue   string `cbor:"2,keyasint"`
	Points int    `cbor:"3,keyasint"`
	At     int64  `cbor:"4,keyasint"` // when the clue was solved or the hint taken
}

// LeaderboardChanged is a team's standing after a change.
type LeaderboardChanged struct {
	Team      string `cbor:"1,keyasint"`
	Points    int    `cbor:"2,keyasint"`
	Solves    int    `cbor:"3,keyasint"`
	LastSolve int64  `cbor:"4,keyasint"` // 0: none
}

// ClueSolved is clue.clue.solved.
type ClueSolved struct {
	Team string `cbor:"1,keyasint"`
	Clue string `cbor:"2,keyasint"`
	At   int64  `cbor:"3,keyasint"`
}

// HintTaken is clue.hint.taken.
type HintTaken struct {
	Team string `cbor:"1,keyasint"`
	Clue string `cbor:"2,keyasint"`
	Hint int    `cbor:"3,keyasint"` // from 1
	Cost int    `cbor:"4,keyasint"` // points
	At   int64  `cbor:"5,keyasint"`
}

// TeamFinished is what this service needs of hunt.team.finished.
type TeamFinished struct {
	Team string `cbor:"1,keyasint"`
}
