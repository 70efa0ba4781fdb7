// Package hunt is the service that owns teams, their progress and the rules by which clues open.
//
// # Guarantees
//
//   - A solve is recorded exactly once for each team and clue, however often clue tells of it. It is in the database before
//     anything follows from it.
//   - What is open to a team follows from its solves alone (unlock.go, pure). A solve never closes a clue.
//   - A team may join as often as it likes. Each time, all clues open to it are announced (hunt.clue.unlocked), so that an
//     announcement lost on a link heals.
//   - hunt.team.finished is emitted once for a team, or again if handling the solve that finished it fails half way.
//   - A solve of a team that has not joined lets it join: the solve is a fact. See [Service.Join] and handle_solved.go.
//   - A solve of a clue that the hunt file does not have becomes a dead letter.
//
// # What happens to a solve
//
//	clue.clue.solved (import) ─► one INSERT ─► hunt.progress.changed   (private)
//	                                       ├─► hunt.clue.unlocked      (export, if clues opened)
//	                                       └─► hunt.team.finished      (export, once)
//
// # Not promised
//
// Events over a link are lost while it is down. A solve lost that way is not known here until the team guesses again at
// the solved clue: then clue tells of it again.
package hunt
