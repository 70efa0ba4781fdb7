package mesh_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/logs"
	"leafmesh/mesh/stats"
)

// An event of a durable import that fails is a line at its first failure and one at its end,
// however often it is tried on the node and comes again; both name it in the same way.
func TestADurableEventThatFailsHasALineForEachFact(t *testing.T) {
	no := errors.New("no such team")
	for _, test := range []struct {
		name  string
		fails []error // call by call; then it is handled
		want  string  // lines, in their order
		calls int
	}{
		{"well", nil, "", 1},
		{"well on the same node", []error{no}, "handler failed; event handled after failures", 2},
		{"well when it came again", []error{no, no}, "handler failed; event handled after failures", 3},
		{"well after one failure more", []error{no, no, no}, "handler failed; event handled after failures", 4},
		{"badly", []error{no, no, no, no, no, no}, "handler failed; event became a durable dead letter", 6},
		{"for good", []error{mesh.Final(no)}, "event became a durable dead letter", 1},
		{"for good, later", []error{no, no, no, mesh.Final(no)}, "handler failed; event became a durable dead letter", 4},
	} {
		t.Run(test.name, func(t *testing.T) {
			var log journalLines
			var calls atomic.Int64
			score := durableScore(t, func(context.Context, solved) error {
				if n := calls.Add(1); int(n) <= len(test.fails) {
					return test.fails[n-1]
				}
				return nil
			}, mesh.Retry{Tries: 2, FirstPause: time.Millisecond, LongestPause: time.Millisecond})
			handler := logs.New(slog.NewTextHandler(&log, nil), nil)
			score.Logger = slog.New(handler)
			nodes := openAll(t, durableClue(t), score)
			emit(t, nodes[0], clueSolved, solved{Team: "otters"})
			await(t, "the end", func() bool { return nodes[1].Stats().Total(stats.Acknowledged) == 1 })
			if n := int(calls.Load()); n != test.calls {
				t.Errorf("%d calls, want %d", n, test.calls)
			}
			if err := handler.Close(); err != nil { // writes what was counted, too
				t.Fatal(err)
			}
			var told []string
			for line := range strings.Lines(log.String()) {
				if !strings.Contains(line, "event=") {
					continue
				}
				_, rest, _ := strings.Cut(line, `msg="`)
				message, _, _ := strings.Cut(rest, `"`)
				told = append(told, message)
				for _, attribute := range []string{"node=score-1", "type=clue.clue.solved", "root=", "path=clue-1:clue.clue.solved", "key=otters"} {
					if !strings.Contains(line, attribute) {
						t.Errorf("no %s: %s", attribute, line)
					}
				}
				if !strings.Contains(message, "handled after") && (!strings.Contains(line, "handler=count") || !strings.Contains(line, "no such team")) {
					t.Errorf("a line says not which handler failed, and with what: %s", line)
				}
				if times := strings.Contains(line, " deliveries="); times != (message == "event became a durable dead letter") && !strings.Contains(message, "handled after") ||
					times && (strings.Contains(line, " tries=") || strings.Contains(line, " try=")) {
					t.Errorf("a line counts calls as deliveries, or deliveries as calls: %s", line)
				}
			}
			if got := strings.Join(told, "; "); got != test.want {
				t.Errorf("%s, want %s:\n%s", got, test.want, log.String())
			}
		})
	}
}
