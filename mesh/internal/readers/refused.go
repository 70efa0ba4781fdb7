package readers

import (
	"fmt"

	"leafmesh/mesh/internal/wire"
)

// maxRefused is how many types of a hello the log names that a reader does not get: each is a cause
// of its own there, and what else is wrong would have to wait for its line.
const maxRefused = 8

// logRefused says in the log what a reader does not get. The reader says it too, but whoever has to
// mend this node's file may look here alone.
func (r *Readers) logRefused(name string, answers []wire.WelcomeImport) {
	refused := 0
	for _, a := range answers {
		if a.Problem == "" {
			continue
		}
		if refused++; refused <= maxRefused {
			r.env.Log.Warn("a reader does not get what it imports", "peer", name, "type", fmt.Sprintf("%.100s", a.Type), "error", a.Problem)
		}
	}
	if refused > maxRefused {
		r.env.Log.Warn("a reader does not get more of what it imports", "peer", name, "value", refused-maxRefused)
	}
}
