// Package score is the service that owns points and the leaderboard.
//
// # Guarantees
//
//   - A solve counts once, and so does a hint, however often its event comes: the row that counts
//     it, the team's standing and the memory of the event (package transact) change in one
//     transaction. The row is unique by team and clue (and hint) and holds the id of the event that
//     counted, so that a second event about one solve does not count either.
//   - No solve is forgotten: its event is acknowledged after that transaction, and comes again
//     until then.
//   - What is counted is in the database before anybody is told.
//   - score.points.awarded is emitted if and only if something counted. Only a crash of the process
//     between COMMIT and delivery loses it, or an emit limit that sheds; the leaderboard is right
//     all the same, as it is read from the database.
//   - score.leaderboard.changed tells a team's standing as it was in the database at some time
//     after the change. The last one for a team tells its last standing.
//   - A solve of a clue that the hunt does not have, or an event that makes no sense, becomes a
//     dead letter.
//
// # What happens to a solve
//
//	clue.clue.solved ─► count, one COMMIT      ─► score.points.awarded ─► announce, one read ─► score.leaderboard.changed (export)
//	                                          └─► feed ─► GET /v1/leaderboard/stream
//
// score.points.awarded is emitted inside of the transaction, by the database's only writer. An emit
// limit on it must therefore not wait, and [Config.Validate] refuses one that does; the imports are
// where this service is slowed down.
//
// Announcing is a handler of its own because solves and hints of one team are counted by two: only
// one queue for both, that reads the standing after both are committed, cannot tell an older
// standing last.
//
// # Not promised
//
// Two instances that share the import count different solves in two databases: run one instance, or
// give each the whole import (mesh.Each) for a copy of the leaderboard.
package score
