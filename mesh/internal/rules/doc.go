// Package rules has the rules in force on a node: the effects around the pure token buckets and
// counts of package gate. Rules wait, keep the newest of what they coalesce, bound the calls of
// handlers, count what they stop, and can be exchanged while events flow.
//
// # Guarantees
//
//   - Rules are asked in a fixed order: see [Rule.Order]. An event that one stops was not
//     charged to those behind it.
//   - Nothing overtakes an older event of its type and key that a rule keeps.
//   - When rules are replaced, the buckets of those that stay the same go on, what gone
//     ones kept goes on before the new ones are in force, and no event is lost.
package rules
