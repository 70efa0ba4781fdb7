package why

import (
	"strings"
	"testing"
	"time"

	"leafmesh/mesh/stats"
)

// What a cut handler did not take is lost, unless the event is in its node's outbox and the handler
// is elsewhere: then each time that it came is a part of one step, which says so.
func TestACutIsNoLossOfWhatIsStored(t *testing.T) {
	const text, note = "handler award on score-1: shed by rule cut", "; not lost: it comes again from the outbox of clue-1, or has come"
	for name, stored := range map[string]bool{"kept": true, "not kept": false} {
		told := newTeller()
		told.tell("clue-1", solved, stats.Admitted, "", 0, 0, "")
		here, there := solved, solved
		here.Rule, there.Rule = stats.Cut, stats.Cut
		told.tell("clue-1", here, stats.Shed, "handler hints", 0, 0, "")
		if stored {
			told.tell("clue-1", solved, stats.Stored, "", 1*ms, 0, "")
		}
		for i := range time.Duration(3) {
			at := (2 + i) * ms
			told.tell("score-1", solved, stats.Imported, "", at, 0, "")
			told.tell("score-1", there, stats.Shed, "handler award", at, 0, "")
		}
		explained := Explain(solved.Event, told.of("clue-1", "score-1")...)
		got := explained.String()
		if !strings.Contains(got, "handler hints on clue-1: shed by rule cut\n") {
			t.Errorf("%s: what its own handler did not take is lost:\n%s", name, got)
		}
		if stored != strings.Contains(got, text+" 3 times"+note+"\n") || !stored && (strings.Count(got, text+"\n") < 3 || strings.Contains(got, "not lost")) {
			t.Errorf("%s:\n%s", name, got)
		}
	}
}
