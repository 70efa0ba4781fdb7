package health

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"leafmesh/mesh/stats"
)

// look is what is seen of the one link at a time, in milliseconds.
type look struct {
	at     int
	link   Link
	absent bool
}

func TestWhatIsToldOfALink(t *testing.T) {
	up := func(at int, number uint64) look { return look{at: at, link: Link{Number: number}} }
	down := func(at int, cause stats.Cause) look { return look{at: at, link: Link{Cause: cause}} }
	bidden := func(at int) look { return look{at: at, link: Link{Cause: stats.Ended, Bidden: true}} }
	for name, test := range map[string]struct {
		inbound bool
		looks   []look
		want    []string // event, cause, how long it was down
	}{
		"it comes up":                   {false, []look{down(0, stats.Unknown), up(200, 1), up(400, 1)}, []string{"Up  0s"}},
		"it is never up":                {false, []look{down(0, stats.Dead), down(1900, stats.Dead), down(2000, stats.Dead), down(9000, stats.Dead)}, []string{"Never dead 2s"}},
		"a peer that need not dial":     {true, []look{down(0, stats.Unknown), down(99000, stats.Unknown)}, nil},
		"frozen":                        {false, []look{up(0, 1), down(200, stats.Dead), down(45000, stats.Dead), up(45200, 2)}, []string{"Up  0s", "Down dead 0s", "Back dead 45s"}},
		"killed":                        {false, []look{up(0, 1), down(200, stats.Ended), down(400, stats.Ended), down(1000, stats.Dead), up(3200, 2)}, []string{"Up  0s", "Down dead 800ms", "Back dead 3s"}},
		"only ended is told late":       {true, []look{up(0, 1), down(200, stats.Ended), down(1600, stats.Ended), down(1700, stats.Ended)}, []string{"Up  0s", "Down ended 1.5s"}},
		"back before anybody knows why": {false, []look{up(0, 1), down(200, stats.Ended), up(1000, 2)}, []string{"Up  0s", "Flapped  800ms"}},
		"back between two looks":        {false, []look{up(0, 1), up(200, 2)}, []string{"Up  0s", "Flapped  0s"}},
		"twice": {false, []look{up(0, 1), down(200, stats.Dead), up(1000, 2), up(1200, 3), down(1400, stats.Dead), up(1600, 4)},
			[]string{"Up  0s", "Down dead 0s", "Back dead 800ms", "Flapped  0s", "Down dead 0s", "Back dead 200ms"}},
		"another reason":                  {false, []look{up(0, 1), down(200, stats.Dead), down(400, stats.WrongServer), down(600, stats.WrongServer)}, []string{"Up  0s", "Down dead 0s", "Still wrong-server 200ms"}},
		"less is known than before":       {false, []look{up(0, 1), down(200, stats.KeyRefused), down(400, stats.Unknown)}, []string{"Up  0s", "Down key-refused 0s"}},
		"it said goodbye":                 {false, []look{up(0, 1), bidden(200), bidden(9000), up(9200, 2)}, []string{"Up  0s", "Down ended 0s", "Back ended 9s"}},
		"the peer is taken away and back": {false, []look{up(0, 1), {at: 200, absent: true}, up(400, 2)}, []string{"Up  0s", "Up  0s"}},
	} {
		t.Run(name, func(t *testing.T) {
			var links Links
			var told []string
			for _, l := range test.looks {
				l.link.Peer, l.link.Dialed = "clue-1", !test.inbound
				present := []Link{l.link}
				if l.absent {
					present = nil
				}
				for _, n := range links.Look(time.UnixMilli(int64(l.at)), present) {
					event := [...]string{"Up", "Down", "Never", "Still", "Back", "Flapped"}[n.Event]
					told = append(told, fmt.Sprint(event, " ", n.Cause, " ", n.Down))
				}
			}
			if !slices.Equal(told, test.want) {
				t.Errorf("told %q, want %q", told, test.want)
			}
		})
	}
}

func TestSince(t *testing.T) {
	var links Links
	at := func(ms int64) time.Time { return time.UnixMilli(ms) }
	links.Look(at(1), []Link{{Peer: "clue-1", Dialed: true}})
	if since, cause, _ := links.Since("clue-1", true); !since.IsZero() || cause != stats.Unknown {
		t.Errorf("never up: since %v, %v", since, cause)
	}
	links.Look(at(2), []Link{{Peer: "clue-1", Dialed: true, Number: 4}})
	links.Look(at(3), []Link{{Peer: "clue-1", Dialed: true, Number: 4}})
	if since, _, _ := links.Since("clue-1", true); since != at(2) {
		t.Errorf("up since %v", since)
	}
	links.Look(at(5), []Link{{Peer: "clue-1", Dialed: true, Cause: stats.Dead, Why: "no pings"}})
	if since, cause, why := links.Since("clue-1", true); since != at(5) || cause != stats.Dead || why != "no pings" {
		t.Errorf("down since %v, %v, %q", since, cause, why)
	}
	if since, _, _ := links.Since("clue-1", false); !since.IsZero() {
		t.Errorf("the other direction: %v", since)
	}
}
