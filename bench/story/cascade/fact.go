package cascade

// Fact is what every event of the story tells. Both sides carry the same: as JSON on the bus, as
// CBOR over links.
type Fact struct {
	Root   uint32 `json:"root" cbor:"1,keyasint"` // which guess all of it comes from, from 0
	Team   string `json:"team" cbor:"2,keyasint"`
	Clue   string `json:"clue" cbor:"3,keyasint"`
	Guess  string `json:"guess,omitempty" cbor:"4,keyasint,omitempty"`
	Number int    `json:"number,omitempty" cbor:"5,keyasint,omitempty"` // points, or how many solves
	At     int64  `json:"at" cbor:"6,keyasint"`                         // unix ms
}

// The event types. The first word of each names the service that owns it.
const (
	Submitted   = "clue.answer.submitted"
	Judged      = "clue.answer.judged"
	Solved      = "clue.clue.solved"
	Unlocked    = "hunt.clue.unlocked"
	Progressed  = "hunt.progress.changed"
	Awarded     = "score.points.awarded"
	Leaderboard = "score.leaderboard.changed"
	// Rumour is what the bad handler makes of a leaderboard.
	Rumour = "score.rumour.spread"
)

// Exported are the types that another service handles.
var Exported = map[string][]string{Solved: {"hunt", "score"}, Unlocked: {"clue"}}

// Events is how many events a root makes, itself included; Effects, how many of them end a branch:
// the three clues opened, the progress shown and the leaderboard shown.
const (
	Events  = 9
	Effects = 5
)

// Services are those that take part, each in a process of its own.
var Services = []string{"clue", "hunt", "score"}
