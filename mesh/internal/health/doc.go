// Package health is how a node is: what became of its links from look to look, what keeps it from
// its work, and who wants to know. It looks at nothing itself: what is, and when, in; what is to be
// told out. Only [Checks] has goroutines, one for each check that is being asked.
package health
