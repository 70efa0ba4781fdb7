// Package hunt is the service that owns teams, their progress and the rules by which clues open.
//
// # Guarantees
//
//   - A solve is recorded exactly once for each team and clue, however often clue tells of it: in
//     one transaction with the id of the event that told of it and with the events for others that
//     follow from it. There is all or nothing, whenever the process dies.
//   - What is open to a team follows from its solves alone (unlock.go, pure). A solve never closes
//     a clue.
//   - A team joins in one transaction with what announces its clues (hunt.clue.unlocked). It may
//     join as often as it likes; each time all clues open to it are announced.
//   - There is one event hunt.team.finished for a team.
//   - hunt.progress.changed is private and lost if the process dies after the COMMIT that it tells
//     of.
//   - A solve of a team that has not joined lets it join: the solve is a fact. See [Service.Join]
//     and handle_solved.go.
//   - A solve of a clue that the hunt file does not have becomes a dead letter.
//
// # What happens to a solve
//
//	clue.clue.solved (durable import) ─► one COMMIT ─► hunt.progress.changed          (private)
//	                                               └─► relay ─► hunt.clue.unlocked    (durable export, if clues opened)
//	                                                        └─► hunt.team.finished    (durable export, once)
//
// # Not promised
//
// When the machine dies, the newest transactions may be lost: see package store.
package hunt
