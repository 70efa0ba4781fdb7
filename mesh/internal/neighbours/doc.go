// Package neighbours is what a node and those at the other ends of its links say to each other
// about cascades: which ones they keep, and what they know of them when somebody asks.
//
// # Guarantees
//
//   - A node that keeps a cascade tells the nodes that its paths name, and those that take what it
//     exported of it. They keep their part and pass it on. Each node is told of a root once by each
//     of its neighbours.
//   - A question goes on from node to node, to each node once, and ends in time. Who did not answer
//     is named.
//   - A peer is told only of cascades that it took part in: see [Neighbours.Hear].
//   - Whatever peers say, and how often, costs bounded memory and a bounded rate of work. What is
//     not done is counted, or said in the answer.
//   - Hear does not wait.
package neighbours
