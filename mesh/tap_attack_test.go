package mesh_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"leafmesh/mesh/stats"
)

// What a client at the tap sends without asking for a reply is counted and logged once, and named:
// nobody else would learn of it.
func TestAttackMalformedEmitsWithoutAReply(t *testing.T) {
	for subject, test := range map[string]struct{ rule, problem string }{
		"clue.clue.solved":    {stats.Malformed, "has no key token at its end: append .<key>, or .% for the empty key"},
		"clue.clue":           {stats.Malformed, "tokens"},
		"clue":                {stats.Malformed, "no key token"},
		"clue.clue.solved.%Q": {stats.Malformed, "key"},
		"clue.Clue.solved.k":  {stats.Malformed, "a token consists of"},
		"clue.clue.solved.k":  {stats.Malformed, "clue.clue.solved"},
	} {
		t.Run(subject, func(t *testing.T) {
			var log bytes.Buffer
			clue := clueNode("clue-1")
			clue.Logger = slog.New(slog.NewTextHandler(&log, nil))
			nodes, conn := tapped(t, clue)
			if err := conn.Publish("mesh.emit."+subject, []byte{0x61}); err != nil {
				t.Fatal(err)
			}
			ask(t, conn, "mesh.emit.clue.clue.unknown.k", nil) // served in turn, so that it comes after
			if n := nodes[0].Stats().Total(stats.Refused); n != 2 {
				t.Errorf("%d refused, want 2: %+v", n, nodes[0].Stats().Counts)
			}
			if err := nodes.Close(within(t)); err != nil {
				t.Fatal(err)
			}
			said := 0
			for line := range strings.Lines(log.String()) {
				if strings.Contains(line, "emit by request refused") && strings.Contains(line, test.problem) {
					said++
				}
			}
			if said != 1 {
				t.Errorf("it is in the log %d times:\n%s", said, log.String())
			}
		})
	}
}
