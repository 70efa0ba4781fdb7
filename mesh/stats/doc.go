// Package stats is the vocabulary of what became of events: the outcomes that nodes count, the
// names of the rules that stop events, and the report that mesh.Node.Stats returns.
//
// Every event that is not delivered is counted under its type, the place where it was stopped, and
// the rule that stopped it. [Outcome.IsLoss] tells which outcomes those are.
//
//	for _, c := range node.Stats().Counts {
//		if c.Outcome.IsLoss() {
//			log.Printf("%d × %s %s at %s by %s", c.Count, c.Type, c.Outcome, c.Place, c.Rule)
//		}
//	}
package stats
