package peering

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"leafmesh/mesh/internal/health"
	"leafmesh/mesh/internal/journal"
	"leafmesh/mesh/internal/leaf"
	"leafmesh/mesh/stats"
)

// The line about a link says which one it is, what became of it, and how grave that is.
func TestTheLineAboutALink(t *testing.T) {
	peer := health.Link{Peer: "score-1", Cause: stats.Dead, Why: "no answer"}
	dialed := health.Link{Peer: "score-1", Dialed: true}
	bidden, taken := peer, peer
	bidden.Bidden, taken.Cause = true, stats.TakenBack
	for name, test := range map[string]struct {
		news health.News
		want string
	}{
		"up":         {health.News{Link: dialed, Event: health.Up}, `INFO msg="link is up" node=clue-1 peer=score-1 direction=imports`},
		"back":       {health.News{Link: dialed, Event: health.Back, Down: 1500 * time.Millisecond}, `INFO msg="link is up again" node=clue-1 peer=score-1 direction=imports down_for=1.5s`},
		"down":       {health.News{Link: peer, Event: health.Down}, `WARN msg="link is down" node=clue-1 peer=score-1 direction=exports cause=dead why="no answer" down_for=0s`},
		"never":      {health.News{Link: health.Link{Peer: leaf.HubName, Dialed: true}, Event: health.Never}, `WARN msg="link does not come up" node=clue-1 peer=` + leaf.HubName + ` direction=hub cause="" why="" down_for=0s`},
		"still":      {health.News{Link: peer, Event: health.Still}, `WARN msg="link stays down for another reason" node=clue-1 peer=score-1 direction=exports cause=dead why="no answer" down_for=0s`},
		"bidden":     {health.News{Link: bidden, Event: health.Down}, `INFO msg="link is down: the peer has ended in order" node=clue-1 peer=score-1 direction=exports cause=dead why="no answer" down_for=0s`},
		"taken back": {health.News{Link: taken, Event: health.Down}, `INFO msg="link is down" node=clue-1 peer=score-1 direction=exports cause=` + string(stats.TakenBack) + ` why="no answer" down_for=0s`},
	} {
		t.Run(name, func(t *testing.T) {
			var written bytes.Buffer
			log := journal.New(slog.New(slog.NewTextHandler(&written, nil)), "clue-1")
			tell(log, test.news)
			if err := log.Close(); err != nil {
				t.Fatal(err)
			}
			if _, line, _ := strings.Cut(strings.TrimSpace(written.String()), "level="); line != test.want {
				t.Errorf("line\n%s\nwant\n%s", line, test.want)
			}
		})
	}
}
