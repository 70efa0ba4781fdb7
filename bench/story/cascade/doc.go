// Package cascade is the hunt's cascade as both sides of the story carry it: what events tell, what
// each handler does and what follows from it, and the account of what became of each root.
//
//	clue   submitted ─► judged ─► solved
//	hunt                          solved ─► 3 × unlocked, progress
//	score                         solved ─► points ─► leaderboard
//	clue                                    3 × unlocked: opened
//
// A root has nine events and five effects. It is handled when the last effect is.
package cascade
