// Package operator signs and checks the questions that people and programs ask a whole mesh. It
// also has what the answers are.
//
//	header, err := operator.Sign(pair, "mesh.ops.all.stats", nil)
//	answer, err := connection.RequestMsg(&nats.Msg{Subject: "mesh.ops.all.stats", Header: header}, time.Second)
//
// An operator has an nkey, whose public half stands under operators in the files of the nodes. A
// question to the whole mesh is a request at the tap of any node, on "mesh.ops.all." and what is
// asked, with headers that the operator's key has signed. Nodes pass the question on to those that
// they are linked to, each once, and every node checks the signature itself before it answers. So a
// node on the way cannot ask in an operator's name, and no node has to be trusted with a password
// of another.
package operator
