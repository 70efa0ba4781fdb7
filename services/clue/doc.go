// Package clue is the service that owns clues, answers, attempts, lock-outs and hints.
//
// # Guarantees
//
//   - Every guess that [Service.Submit] admitted gets one verdict, unless the process dies before
//     it is judged: then it never was, and its caller, who got no answer, tries again. The verdict
//     is in the database before it is told to anybody. However often a guess's event is handled, it
//     counts once and its verdict stays the same. Guesses of teams that hunt has not announced are
//     not open, and are not recorded.
//   - Guesses of one team are judged one after the other, in the order in which one goroutine
//     submitted them. Among different teams there is no order.
//   - A team is locked out of a clue by the hunt's own limits: see huntfile.Limits. Lock-outs go by
//     the time of the guess.
//   - A solve and its event (clue.clue.solved) are recorded in one transaction, and so are a hint
//     and its event (clue.hint.taken): there is both or neither, whenever the process dies. The
//     event is relayed to the node afterwards (package transact), and there kept for each service
//     that its export names.
//   - Hints are given in order, each once for a team.
//   - A clue is open to a team once hunt said so (hunt.clue.unlocked). Clues that are not open look
//     the same as clues that do not exist, and no answer ever leaves the service.
//
// # What happens to a guess
//
//	Submit or POST /v1/answers ─► clue.answer.submitted ─► judge, one COMMIT ─► clue.answer.judged           (private)
//	                                                                        └─► relay ─► clue.clue.solved    (durable export)
//
// Judging is pure ([Verdict], judge.go); what counts as the same answer is package answer's. The
// state it needs is in memory; the database is a log of attempts from which the state is computed
// at start (1 s for about a million attempts).
//
// # Not promised
//
// A team whose announcement by hunt is still on its way cannot guess yet.
//
// When the machine dies, the newest transactions may be lost: see package store.
package clue
