// Package config is the vocabulary of a node's configuration: what a node's file says, and what a
// program says in code. [Node] is the whole of it; mesh.Config is the same type.
//
//	var c config.Node
//	if err := config.LoadYAML("clue.yaml", &c); err != nil {
//		log.Fatal(err) // every problem at once, each with file, line, field and remedy
//	}
//	c.Handlers = handlers
//	node, err := mesh.Open(ctx, c)
//
// # Guarantees
//
//   - A configuration is validated as a whole, in one place: [Node.Validate]. A bad
//     one fails at start, and every problem is named at once.
//   - The zero value of a field means its default, which the field's comment gives.
//   - Secrets are never printed, logged or written to YAML: see [Secret].
//   - Subjects and patterns match as in NATS: see [Match].
package config
