// Package clue is the service that owns clues, answers, attempts, lock-outs and hints.
//
// # Guarantees
//
//   - Every guess that [Service.Submit] admitted gets one verdict, unless the process dies before it is judged. The verdict is in
//     the database before it is told to anybody. However often a guess's event is handled, it counts once and its verdict
//     stays the same.
//   - Guesses of one team are judged one after the other, in the order in which one goroutine submitted them. Among
//     different teams there is no order.
//   - A team is locked out of a clue by the hunt's own limits: see huntfile.Limits. Lock-outs go by the time of the guess.
//   - A solve is emitted (clue.clue.solved) after it is in the database. If that emit is lost with the process, a further
//     guess at the clue emits it again.
//   - Hints are given in order, each once for a team; taking one is announced (clue.hint.taken) at least once.
//   - A clue is open to a team once hunt said so (hunt.clue.unlocked). Clues that are not open look the same as clues that do not
//     exist, and no answer ever leaves the service.
//
// # What happens to a guess
//
//	Submit or POST /v1/answers ─► clue.answer.submitted ─► judge, one INSERT ─► clue.answer.judged   (private)
//	                                                                        └─► clue.clue.solved     (export)
//
// Judging is pure ([Verdict], judge.go); what counts as the same answer is package answer's. The state it needs is in
// memory; the database is a log of attempts from which the state is computed at start (1 s for about a million attempts).
//
// # Not promised
//
// A team that hunt has not announced can not guess, even if it joined: join again, and hunt announces again.
package clue
