package clue

import "leafmesh/mesh"

// The events of this service. Their subjects and integer keys are the contract with other services,
// which declare Go types of their own. All times are unix milliseconds.
var (
	// Submitted is private: a team's guess has come in.
	Submitted = mesh.NewEvent[AnswerSubmitted]("clue.answer.submitted", mesh.Key(func(e AnswerSubmitted) string { return e.Team }))
	// Judged is private: what was found of a guess, right or wrong.
	Judged = mesh.NewEvent[AnswerJudged]("clue.answer.judged", mesh.Key(func(e AnswerJudged) string { return e.Team }))
	// Solved is exported: a team has solved a clue. One event for each team and clue, recorded with
	// the solve.
	Solved = mesh.NewEvent[ClueSolved]("clue.clue.solved", mesh.Key(func(e ClueSolved) string { return e.Team }))
	// Hinted is exported: a team has taken a hint. One event for each (team, clue, hint), recorded
	// with it.
	Hinted = mesh.NewEvent[HintTaken]("clue.hint.taken", mesh.Key(func(e HintTaken) string { return e.Team }))

	// Unlocked is imported from hunt: clues have opened to a team.
	Unlocked = mesh.NewEvent[CluesUnlocked]("hunt.clue.unlocked", mesh.Key(func(e CluesUnlocked) string { return e.Team }))
)

// AnswerSubmitted is a guess as it came in, its sizes checked.
type AnswerSubmitted struct {
	Attempt string `cbor:"1,keyasint"` // names this guess for good
	Team    string `cbor:"2,keyasint"`
	Clue    string `cbor:"3,keyasint"`
	Guess   string `cbor:"4,keyasint"` // as the team wrote it
	At      int64  `cbor:"5,keyasint"`
}

// AnswerJudged is a guess and its verdict.
type AnswerJudged struct {
	Attempt string  `cbor:"1,keyasint"`
	Team    string  `cbor:"2,keyasint"`
	Clue    string  `cbor:"3,keyasint"`
	Verdict Verdict `cbor:"4,keyasint"`
	At      int64   `cbor:"5,keyasint"`
	Guess   string  `cbor:"6,keyasint"`
}

// ClueSolved says who solved which clue, and when.
type ClueSolved struct {
	Team string `cbor:"1,keyasint"`
	Clue string `cbor:"2,keyasint"`
	At   int64  `cbor:"3,keyasint"`
}

// HintTaken says which hint of a clue a team took.
type HintTaken struct {
	Team string `cbor:"1,keyasint"`
	Clue string `cbor:"2,keyasint"`
	Hint int    `cbor:"3,keyasint"` // 1 is the clue's first
	Cost int    `cbor:"4,keyasint"` // in points
	At   int64  `cbor:"5,keyasint"`
}

// CluesUnlocked is what this service needs of hunt.clue.unlocked.
type CluesUnlocked struct {
	Team  string   `cbor:"1,keyasint"`
	Clues []string `cbor:"2,keyasint"`
	At    int64    `cbor:"3,keyasint"`
}
