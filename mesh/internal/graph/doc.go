// Package graph knows which event type leads to which: it finds the cycles,
// judges whether factors and gains are too high, and draws the graph. It is
// pure: counts and times are given to it.
//
// The factor of an edge is how many events of its second type come of one
// handled event of its first. The gain of a cycle is the product of the factors
// along it: how many events of a type come back for one that goes round. Over
// one, a cycle grows until something stops it.
//
// [Cycles] gives elementary cycles, the shortest first, each with its exact
// gain, until a budget of steps or of cycles is used up; the answer says if it
// was. A graph can have more cycles than can be counted, and to find the one of
// the highest gain is as hard as to find the longest path, so no answer is
// exact, complete and bounded. Strongly connected components were rejected: they
// are cheap and complete, but they do not say which way the events go round, and
// their one number, the growth of the whole, names no edge to cut.
package graph
