package inlet

import (
	"errors"
	"strings"
	"testing"
	"time"

	"leafmesh/mesh/internal/wire"
)

// An exporter of another version is named at once, with who is to be upgraded, until there is
// another link.
func TestAnExporterOfAnotherVersion(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		for says, message := range map[string][]byte{
			"upgrade clue-1: exporters come before their readers": {0x83, 1, 2, 0x40},
			"clue-1 is upgraded already, upgrade this node now":   {0x83, 3, 2, 0x40},
		} {
			s := newSite(t, nil)
			s.dial()
			s.set.Hear("clue-1", message)
			s.wait(time.Minute) // that it never answers a hello is not said instead
			var missing []Missing
			for _, m := range s.set.Missing() {
				if m.Exporter == "clue-1" {
					missing = append(missing, m)
				}
			}
			if len(missing) == 0 || !missing[0].Final || !errors.Is(missing[0].Err, ErrOtherWire) || !strings.Contains(missing[0].Err.Error(), says) {
				t.Errorf("missing %+v, want %q", missing, says)
			}
			if state, _ := s.set.Peer("clue-1"); state.Wire != uint64(message[1]) {
				t.Errorf("%+v", state)
			}
			s.cutLink()
			s.dial()
			s.welcome("")
			if state, _ := s.set.Peer("clue-1"); state.Wire != wire.TalkVersion {
				t.Errorf("after an upgrade: %+v", state)
			}
		}
	})
}

// How far an exporter's clock is ahead is known from the first answer to a hello that was said
// once, within half of the way there and back.
func TestHowFarAClockIsAhead(t *testing.T) {
	const at = int64(1e18)
	for name, test := range map[string]struct {
		asked, now    int64
		theirs        int64
		ahead, within time.Duration
	}{
		"alike":          {100, 300, at - 100, 0, 100},
		"ahead":          {100, 300, at - 100 + 7e9, 7e9, 100},
		"behind":         {100, 300, at - 100 - 7e9, -7e9, 100},
		"said twice":     {saidTwice, 300, at, 0, 0},
		"not asked":      {0, 300, at, 0, 0},
		"it is not said": {100, 300, 0, 0, 0},
	} {
		var p peer
		p.welcome(&wire.Welcome{Version: 2, Release: "v1", Time: test.theirs}, test.asked, test.now, at)
		if p.ahead != test.ahead || p.within != test.within || p.release != "v1" || p.wire != 2 {
			t.Errorf("%s: %+v", name, p)
		}
	}
}
