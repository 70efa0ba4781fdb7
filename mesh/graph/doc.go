// Package graph tells which event types lead to which: what mesh.Node.Graph returns, and what is
// made of it. It merges the graphs of several nodes, finds cycles, judges whether factors and gains
// are too high, and draws the graph.
//
//	all := graph.Merge(clue.Graph(), hunt.Graph(), score.Graph())
//	fmt.Println(all.Mermaid())
//
// The factor of an edge is how many events of its second type come of one handled event of its
// first. The gain of a cycle is the product of the factors along it: how many events of a type come
// back for one that goes round. Over one, a cycle grows until something stops it.
//
// The package is pure: counts and times are given to it.
package graph
